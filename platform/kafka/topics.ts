import kafkajs, { type Admin } from 'kafkajs';
import { GatewatchError } from '../../schemas/errors.ts';
import { TOPICS, type Topic } from '../../schemas/topics.ts';
import { busError } from './bus-error.ts';
import { MARK_PARTITIONS } from './marks.ts';
import { type KafkaTopic, topicName } from './topic-names.ts';

/** Largest record batch: blocks of 512 KiB and changelog sends of 800 KB with their overhead. The broker's own default. */
export const MESSAGE_MAX_BYTES = 1_048_588;

/** Decisions wait for the store, which may be away longer than events are kept. */
const DECISIONS_RETENTION_MS = 7 * 86_400_000;
const DEAD_LETTER_RETENTION_MS = 14 * 86_400_000;

/** Small segments of compacted topics: compaction leaves the newest segment alone, and a takeover reads all of it. */
const COMPACTED_SEGMENT_BYTES = 64 * 1024 * 1024;

export interface TopicPlan {
  readonly prefix: string;
  readonly partitions: Readonly<Record<Topic, number>>;
  /** How long `events` must be kept, ms. */
  readonly retentionMs: number;
  /** null: the broker's default. */
  readonly replicationFactor: number | null;
}

interface Wanted {
  readonly topic: KafkaTopic;
  readonly name: string;
  readonly partitions: number;
  readonly config: Readonly<Record<string, string>>;
}

/** What each topic is created with; docs/operations.md lists it. */
function wantedTopics(plan: TopicPlan): Wanted[] {
  const retention = {
    events: plan.retentionMs,
    decisions: Math.max(DECISIONS_RETENTION_MS, plan.retentionMs),
    'dead-letter': DEAD_LETTER_RETENTION_MS,
  };
  const size = { 'max.message.bytes': String(MESSAGE_MAX_BYTES) };
  const logs = TOPICS.map((topic) => ({
    topic,
    name: topicName(plan.prefix, topic),
    partitions: plan.partitions[topic],
    config: { ...size, 'cleanup.policy': 'delete', 'retention.ms': String(retention[topic]), 'retention.bytes': '-1' },
  }));
  const compacted = { ...size, 'cleanup.policy': 'compact', 'segment.bytes': String(COMPACTED_SEGMENT_BYTES) };
  return [
    ...logs,
    {
      topic: 'detector-state',
      name: topicName(plan.prefix, 'detector-state'),
      partitions: plan.partitions.events,
      config: compacted,
    },
    { topic: 'marks', name: topicName(plan.prefix, 'marks'), partitions: MARK_PARTITIONS, config: compacted },
  ];
}

/**
 * Creates the topics that are missing, and checks the others: number of partitions, cleanup policy, retention and the
 * largest message. Rejects with `topic_unfit` naming each fault and the command that mends it.
 */
export async function settleTopics(admin: Admin, plan: TopicPlan): Promise<void> {
  const wanted = wantedTopics(plan);
  try {
    const present = new Set(await admin.listTopics());
    const missing = wanted.filter(({ name }) => !present.has(name));
    if (missing.length > 0) {
      await admin.createTopics({
        waitForLeaders: true,
        topics: missing.map(({ name, partitions, config }) => ({
          topic: name,
          numPartitions: partitions,
          replicationFactor: plan.replicationFactor ?? -1,
          configEntries: Object.entries(config).map(([key, value]) => ({ name: key, value })),
        })),
      });
    }
    const faults = await topicFaults(admin, wanted);
    if (faults.length > 0) throw new GatewatchError('topic_unfit', faults.join('; '));
  } catch (error) {
    throw busError(error, `topics ${plan.prefix}.*`);
  }
}

async function topicFaults(admin: Admin, wanted: readonly Wanted[]): Promise<string[]> {
  const faults: string[] = [];
  const { topics } = await admin.fetchTopicMetadata({ topics: wanted.map(({ name }) => name) });
  const { resources } = await admin.describeConfigs({
    includeSynonyms: false,
    resources: wanted.map(({ name }) => ({ type: kafkajs.ConfigResourceTypes.TOPIC, name })),
  });
  for (const { topic, name, partitions, config } of wanted) {
    const found = topics.find((one) => one.name === name)?.partitions.length ?? 0;
    if (found !== partitions) {
      const advice = topic === 'dead-letter' || topic === 'marks' ? '' : ` or set kafka.partitions: ${found}`;
      faults.push(
        `topic ${name} has ${found} partitions and must have ${partitions}: start with another kafka.topic_prefix, delete it,${advice}`,
      );
    }
    const entries = resources.find(({ resourceName }) => resourceName === name)?.configEntries ?? [];
    const values = new Map(entries.map((entry) => [entry.configName, entry.configValue]));
    for (const [key, value] of Object.entries(config)) {
      const has = values.get(key);
      if (has === undefined || fits(key, has, value)) continue;
      const command = `kafka-configs.sh --alter --entity-type topics --entity-name ${name} --add-config ${key}=${value}`;
      const why = key === 'retention.ms' && topic === 'events' ? ', or lower log.retention' : '';
      faults.push(`topic ${name} has ${key}=${has} and needs ${value}: ${command}${why}`);
    }
  }
  return faults;
}

/** Larger numbers than wanted are fine, and -1 is without bound; the segment size is the operator's to choose. */
function fits(key: string, has: string, wanted: string): boolean {
  if (key === 'cleanup.policy') return has === wanted;
  if (key === 'segment.bytes') return true;
  if (has === '-1') return true;
  return wanted !== '-1' && Number(has) >= Number(wanted);
}
