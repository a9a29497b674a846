import { join } from 'node:path';
import { agreeOnEpoch, announceConfiguration } from '../app/announce.ts';
import { startCore } from '../app/core.ts';
import { createIngest } from '../app/ingest.ts';
import { ROW_LAYOUT_VERSION } from '../detector/layout.ts';
import { formatByName } from '../ingest/formats/registry.ts';
import { startKafkaSource } from '../ingest/sources/kafka.ts';
import { systemClock } from '../platform/clock.ts';
import { openKafkaState } from '../platform/kafka/state.ts';
import { DETECTOR_GROUP } from '../platform/stages/detect.ts';
import { cpuSeconds } from './floor.ts';
import { benchLog, type KafkaRig, kafkaRig, PARTITIONS } from './kafka-rig.ts';
import { LINE_BYTES, syntheticLog } from './synthetic-log.ts';

const RAW_TOPIC = 'bench-raw';
const EVENTS_TOPIC = 'bench.events.v1';
/** Lines in one request of the shipper that is played. */
const SEND_LINES = 2_000;
const KEY = Buffer.alloc(32, 7);
const LOOK_MS = 50;
const NEWLINE = 10;

const round = (value: number) => Number(value.toFixed(3));
const pause = () => new Promise((resolve) => setTimeout(resolve, LOOK_MS));

async function ingestOf(rig: KafkaRig) {
  const { bus, config, metrics } = rig;
  const epoch = await agreeOnEpoch(bus, 'bench');
  await announceConfiguration(bus, config.policy, epoch, Date.now());
  return createIngest({ config, bus, epoch, key: KEY, clock: systemClock, metrics, log: benchLog });
}

/** Role `core` from Kafka blocks to decisions, against consuming the same blocks and parsing their lines alone. */
export async function coreRatio(lines: number): Promise<Record<string, unknown>> {
  const rig = await kafkaRig();
  try {
    const { intake } = await ingestOf(rig);
    const format = formatByName('json');
    let position = 0;
    for (const chunk of syntheticLog(lines)) {
      const bytes = Buffer.from(chunk);
      await intake.accept({ sourceName: 'bench', source: '7', format, bytes, position, step: 'bytes', marks: [] });
      position += bytes.length;
    }
    await intake.close();
    let parsed = 0;
    const floor = await rig.consumeAlone(EVENTS_TOPIC, (value) => {
      for (let from = value.indexOf(NEWLINE) + 1; from > 0 && from < value.length; ) {
        const end = value.indexOf(NEWLINE, from);
        const to = end < 0 ? value.length : end;
        JSON.parse(value.toString('utf8', from, to));
        parsed += 1;
        from = to + 1;
      }
      return parsed >= lines;
    });
    if (parsed !== lines) throw new Error(`${parsed} lines parsed of ${lines}`);
    const started = cpuSeconds();
    const state = await openKafkaState({
      bus: rig.bus,
      group: DETECTOR_GROUP,
      directory: join(rig.directory, 'state'),
      layoutVersion: ROW_LAYOUT_VERSION,
    });
    const { bus, config, metrics } = rig;
    const detect = await startCore({ config, bus, state, clock: systemClock, metrics, log: benchLog });
    await pause();
    while ((await detect.lag()) > 0 || !(await begun(rig))) await pause();
    await detect.stop();
    const used = cpuSeconds() - started;
    await state.close();
    return figures('at least 0.25', floor, used, lines);
  } finally {
    await rig.close();
  }
}

/** Whether every partition has been read to its end and committed, or is being read. */
async function begun(rig: KafkaRig): Promise<boolean> {
  const text = await rig.metrics.text();
  const events = /^gatewatch_events_total(?:\{\})? (\d+)/m.exec(text);
  return Number(events?.[1] ?? 0) > 0;
}

/** Role `ingest` from raw JSON messages, one line each, to blocks on Kafka, against consuming and parsing them alone. */
export async function ingestRatio(lines: number): Promise<Record<string, unknown>> {
  const rig = await kafkaRig();
  try {
    await rig.bus.raw.settle({ topic: RAW_TOPIC, partitions: PARTITIONS, retentionMs: 86_400_000 });
    await ship(rig, lines);
    let parsed = 0;
    const floor = await rig.consumeAlone(RAW_TOPIC, (value) => {
      JSON.parse(value.toString('utf8'));
      parsed += 1;
      return parsed >= lines;
    });
    const { intake, lineOf } = await ingestOf(rig);
    const started = cpuSeconds();
    const source = startKafkaSource({
      name: 'bench',
      topic: RAW_TOPIC,
      groupId: 'bench-ingest',
      from: 'beginning',
      partitions: PARTITIONS,
      retentionMs: 86_400_000,
      format: formatByName('json'),
      line: lineOf(null),
      origin: rig.bus.generation,
      raw: rig.bus.raw,
      intake,
      clock: systemClock,
      log: benchLog,
      metrics: rig.metrics,
    });
    const accepted = /^gatewatch_lines_total\{[^}]*outcome="accepted"[^}]*\} (\d+)/m;
    while (Number(accepted.exec(await rig.metrics.text())?.[1] ?? 0) < lines) await pause();
    await source.stop();
    await intake.close();
    const used = cpuSeconds() - started;
    return figures('at least 0.35', floor, used, lines);
  } finally {
    await rig.close();
  }
}

async function ship(rig: KafkaRig, lines: number): Promise<void> {
  const producer = rig.kafka.producer({ allowAutoTopicCreation: false });
  await producer.connect();
  let number = 0;
  for (const chunk of syntheticLog(lines)) {
    for (let from = 0; from < chunk.length; ) {
      const messages: { partition: number; value: Buffer }[] = [];
      for (; from < chunk.length && messages.length < SEND_LINES; from += LINE_BYTES) {
        const partition = Math.floor(number++ / SEND_LINES) % PARTITIONS;
        messages.push({ partition, value: Buffer.from(chunk.subarray(from, from + LINE_BYTES - 1)) });
      }
      await producer.send({ topic: RAW_TOPIC, messages });
    }
  }
  await producer.disconnect();
}

function figures(goal: string, floor: number, used: number, lines: number): Record<string, unknown> {
  return {
    goal,
    ratio: round(floor / used),
    floor_us: round((floor / lines) * 1e6),
    used_us: round((used / lines) * 1e6),
    lines,
  };
}
