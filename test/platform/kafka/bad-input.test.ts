import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import kafkajs, { Kafka, logLevel } from 'kafkajs';
import type { KafkaBusOptions } from '../../../platform/kafka/bus.ts';
import type { KafkaSettings } from '../../../platform/kafka/settings.ts';
import { type ErrorCode, GatewatchError } from '../../../schemas/errors.ts';
import { CONTRACT_PARTITIONS } from '../../contracts/bus.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { type Broker, sharedBroker, startBroker } from '../../support/kafka-broker.ts';
import { type KafkaInstallation, kafkaInstallation } from '../../support/kafka-installation.ts';

const needs = requiresKafka();
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
const USERS = { admin: 'admin-secret', gatewatch: 'right-password' };

let guarded: Promise<Broker> | null = null;

/** One broker with TLS, SCRAM and ACLs for all tests of this file. */
function guardedBroker(): Promise<Broker> {
  guarded ??= startBroker({ security: { sasl: 'scram-sha-512', tls: true, users: USERS, acls: true } });
  return guarded;
}

after(async () => (await guarded)?.dispose());

async function settingsFor(broker: Broker, password: string): Promise<KafkaSettings> {
  const ca = readFileSync(broker.certificates?.ca as string, 'utf8');
  return {
    brokers: broker.brokers,
    clientId: 'bad-input',
    tls: { ca, cert: null, key: null, serverName: null },
    sasl: { mechanism: 'scram-sha-512', username: 'gatewatch', password },
  };
}

function refused(code: ErrorCode, words: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof GatewatchError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, words);
    assert.ok(!error.message.includes('password-of'), 'no secret in a message');
    return true;
  };
}

function withInstallation(
  brokers: readonly string[],
  run: (installation: KafkaInstallation) => Promise<void>,
): Promise<void> {
  const installation = kafkaInstallation(brokers);
  return run(installation).finally(() => installation.remove());
}

test('bus on Kafka: a wrong password is refused with the setting to check', needs, async () => {
  const broker = await guardedBroker();
  const settings = await settingsFor(broker, 'password-of-somebody-else');
  await withInstallation(broker.brokers, async (installation) => {
    await assert.rejects(installation.open('one', { settings }), refused('bus_refused', /kafka\.sasl/));
  });
});

test(
  'bus on Kafka: a broker whose certificate nobody vouches for is refused with the setting to check',
  needs,
  async () => {
    const broker = await guardedBroker();
    const known = await settingsFor(broker, USERS.gatewatch);
    const settings = { ...known, tls: { ca: null, cert: null, key: null, serverName: null } };
    await withInstallation(broker.brokers, async (installation) => {
      await assert.rejects(installation.open('one', { settings }), refused('bus_refused', /kafka\.tls/));
    });
  },
);

test('bus on Kafka: without rights the bus is refused, with those of docs/operations.md it works', needs, async () => {
  const broker = await guardedBroker();
  const settings = await settingsFor(broker, USERS.gatewatch);
  await withInstallation(broker.brokers, async (installation) => {
    await assert.rejects(installation.open('one', { settings }), refused('bus_refused', /docs\/operations\.md/));
    const admin = new Kafka({ brokers: [...broker.internal], logLevel: logLevel.NOTHING }).admin();
    await admin.connect();
    const right = (resourceType: number, resourceName: string, operation: number, prefixed = true) => ({
      ...{ resourceType, resourceName, operation, host: '*', principal: 'User:gatewatch' },
      permissionType: AclPermissionTypes.ALLOW,
      resourcePatternType: prefixed ? ResourcePatternTypes.PREFIXED : ResourcePatternTypes.LITERAL,
    });
    const { prefix } = installation;
    await admin.createAcls({
      acl: [
        right(AclResourceTypes.TOPIC, `${prefix}.`, AclOperationTypes.ALL),
        right(AclResourceTypes.GROUP, `${prefix}-`, AclOperationTypes.ALL),
        right(AclResourceTypes.TRANSACTIONAL_ID, `${prefix}-`, AclOperationTypes.ALL),
        right(AclResourceTypes.CLUSTER, 'kafka-cluster', AclOperationTypes.IDEMPOTENT_WRITE, false),
      ],
    });
    await admin.disconnect();
    const bus = await installation.open('one', { settings });
    try {
      await bus.append([{ topic: 'events', partition: 0, value: Buffer.from('x') }], [{ key: 'idem/1', value: '1' }], {
        atomic: true,
      });
      await bus.commit('detector', 'events', 0, 1);
      const seen = await new Promise<string>((resolve, reject) => {
        const consuming = bus.consume({
          group: 'store',
          topic: 'events',
          onAssign: async () => null,
          onRecords: async (_, [record]) => resolve(String(record?.value)),
          onRevoke: async () => undefined,
        });
        consuming.then(({ done }) => done).catch(reject);
      });
      assert.equal(seen, 'x');
    } finally {
      await bus.close();
    }
  });
});

/** Opens once, so that the topics are there, then again with something that does not fit them. */
function unfit(title: string, options: Partial<KafkaBusOptions>, words: RegExp): void {
  test(`bus on Kafka: ${title}`, needs, async () =>
    withInstallation(await sharedBroker(), async (installation) => {
      await (await installation.open()).close();
      await assert.rejects(installation.open('two', options), refused('topic_unfit', words));
    }),
  );
}

unfit(
  'a topic with another number of partitions is refused with what to change',
  { partitions: { ...CONTRACT_PARTITIONS, events: 6 } },
  /has 4 partitions and must have 6.*kafka\.partitions/,
);
unfit(
  'a topic that keeps events too short is refused with the command that mends it',
  { retentionMs: 30 * 86_400_000 },
  /retention\.ms=86400000 and needs 2592000000: kafka-configs\.sh .*log\.retention/,
);

test(
  'bus on Kafka: a record over the limit waits with a message, and goes through when the limit is raised',
  needs,
  async () =>
    withInstallation(await sharedBroker(), async (installation) => {
      const brokers = [...(await sharedBroker())];
      const bus = await installation.open();
      const admin = new Kafka({ brokers, logLevel: logLevel.NOTHING }).admin();
      await admin.connect();
      const limit = (bytes: number) =>
        admin.alterConfigs({
          validateOnly: false,
          resources: [
            {
              type: kafkajs.ConfigResourceTypes.TOPIC,
              name: `${installation.prefix}.events.v1`,
              configEntries: [{ name: 'max.message.bytes', value: String(bytes) }],
            },
          ],
        });
      try {
        await limit(2_000);
        const record = {
          topic: 'events',
          partition: 0,
          value: Buffer.from(Array.from({ length: 5_000 }, () => Math.random() * 256)),
        } as const;
        await assert.rejects(bus.append([record]), refused('message_too_large', /max\.message\.bytes/));
        assert.match(bus.trouble() ?? '', /max\.message\.bytes/);
        await limit(1_048_588);
        await bus.append([record]);
        assert.equal(bus.trouble(), null);
        assert.equal((await bus.read('events', 0, 0, 10)).length, 1);
      } finally {
        await admin.disconnect();
        await bus.close();
      }
    }),
);

test(
  'bus on Kafka: a broker that is away is a passing trouble, and nothing is lost or out of order when it is back',
  needs,
  async () => {
    const broker = await startBroker();
    const said: string[] = [];
    const log = {
      info: (_: unknown, text: string) => said.push(text),
      warn: (_: unknown, text: string) => said.push(text),
      error() {},
    };
    try {
      await withInstallation(broker.brokers, async (installation) => {
        const bus = await installation.open('one', { log });
        const seen: number[] = [];
        const consumer = await bus.consume({
          group: 'detector',
          topic: 'events',
          onAssign: async () => null,
          async onRecords(_, records) {
            for (const { value } of records) seen.push(Number(value));
          },
          onRevoke: async () => undefined,
        });
        const append = async (number: number) => {
          for (let done = false; !done; ) {
            done = await bus.append([{ topic: 'events', partition: 1, value: Buffer.from(String(number)) }]).then(
              () => true,
              (error) => !refused('bus_unavailable', /Kafka/)(error),
            );
          }
        };
        await append(0);
        await broker.kill();
        const waiting = append(1);
        while (bus.trouble() === null) await new Promise((resolve) => setTimeout(resolve, 50));
        await broker.start();
        await waiting;
        await append(2);
        while (seen.at(-1) !== 2) await new Promise((resolve) => setTimeout(resolve, 50));
        // A record whose answer was lost comes twice; none is missing or out of order.
        assert.deepEqual([...new Set(seen)], [0, 1, 2]);
        await consumer.stop();
        await bus.close();
        await assert.rejects(
          (async () => {
            await broker.kill();
            await installation.open('two');
          })(),
          refused('bus_unavailable', /Kafka does not answer/),
        );
        assert.ok(
          said.some((line) => /trying until it works/.test(line)),
          said.join('\n'),
        );
        assert.ok(said.includes('Kafka works again'), said.join('\n'));
      });
    } finally {
      await broker.dispose();
    }
  },
);
