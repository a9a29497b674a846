import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import kafkajs, { Kafka, type KafkaConfig, logLevel } from 'kafkajs';
import { requiresKafka } from './kafka/installation.ts';
import { type Broker, sharedBroker, startBroker } from './kafka-broker.ts';

// Names that Node cannot see in this CommonJS package.
const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;

const needs = requiresKafka();
// Refusals are never retried by the client, so patience does not blur them.
const PATIENCE = { retries: 20, initialRetryTime: 100, maxRetryTime: 500 };
const NO_PATIENCE = { retries: 0 };

function client(brokers: readonly string[], config: Partial<KafkaConfig> = {}): Kafka {
  return new Kafka({ brokers: [...brokers], logLevel: logLevel.NOTHING, retry: PATIENCE, ...config });
}

async function produce(kafka: Kafka, topic: string, values: readonly string[]): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  try {
    await producer.send({ topic, messages: values.map((value) => ({ value })) });
  } finally {
    await producer.disconnect();
  }
}

async function createTopic(kafka: Kafka, topic: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  await admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true });
  await admin.disconnect();
}

async function highWatermark(kafka: Kafka, topic: string): Promise<string | undefined> {
  const admin = kafka.admin();
  await admin.connect();
  const offsets = await admin.fetchTopicOffsets(topic);
  await admin.disconnect();
  return offsets[0]?.high;
}

async function consume(kafka: Kafka, topic: string, count: number): Promise<string[]> {
  const consumer = kafka.consumer({ groupId: `${topic}-readers`, sessionTimeout: 6_000 });
  const values: string[] = [];
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await new Promise<void>((resolve, reject) => {
    consumer
      .run({
        eachMessage: async ({ message }) => {
          values.push(String(message.value));
          if (values.length === count) resolve();
        },
      })
      .catch(reject);
  });
  await consumer.disconnect();
  return values;
}

test('what was acknowledged is read after a kill and a start at the same address', needs, async (t) => {
  const broker = await startBroker();
  t.after(() => broker.dispose());
  const kafka = client(broker.brokers);
  await createTopic(kafka, 'survives');
  await produce(kafka, 'survives', ['a', 'b']);
  await broker.kill();
  await assert.rejects(produce(client(broker.brokers, { retry: NO_PATIENCE }), 'survives', ['lost']));
  await broker.start();
  await produce(kafka, 'survives', ['c']);
  assert.deepEqual(await consume(kafka, 'survives', 3), ['a', 'b', 'c']);
  await broker.stop();
  await broker.start();
  assert.equal(await highWatermark(kafka, 'survives'), '3');
});

test('a paused broker answers nothing, and goes on where it was', needs, async (t) => {
  const broker = await startBroker();
  t.after(() => broker.dispose());
  const impatient = client(broker.brokers, { retry: NO_PATIENCE, requestTimeout: 500 });
  await createTopic(client(broker.brokers), 'pauses');
  broker.pause();
  await assert.rejects(produce(impatient, 'pauses', ['x']), /timed? ?out/i);
  broker.resume();
  await produce(client(broker.brokers), 'pauses', ['y']);
});

test('a topic that nobody made is not made by a producer', needs, async () => {
  const kafka = client(await sharedBroker(), { retry: { retries: 1 } });
  await assert.rejects(produce(kafka, 'support-nobody-made-it', ['x']), /does not host this topic-partition/);
});

test('SCRAM over TLS admits the right password alone, and an ACL decides about the topic', needs, async (t) => {
  const users = { admin: 'admin-secret', writer: 'writer-secret', stranger: 'stranger-secret' };
  const broker = await startBroker({ security: { sasl: 'scram-sha-512', tls: true, users, acls: true } });
  t.after(() => broker.dispose());
  const as = (username: string, password: string) =>
    client(broker.brokers, { ssl: trust(broker), sasl: { mechanism: 'scram-sha-512', username, password } });

  const root = as('admin', users.admin);
  await createTopic(root, 'guarded');
  const admin = root.admin();
  await admin.connect();
  await admin.createAcls({
    acl: [
      {
        resourceType: AclResourceTypes.TOPIC,
        resourceName: 'guarded',
        resourcePatternType: ResourcePatternTypes.LITERAL,
        principal: 'User:writer',
        host: '*',
        operation: AclOperationTypes.ALL,
        permissionType: AclPermissionTypes.ALLOW,
      },
    ],
  });
  await admin.disconnect();

  await produce(as('writer', users.writer), 'guarded', ['mine']);
  await assert.rejects(produce(as('writer', 'wrong'), 'guarded', ['x']), /Authentication failed/);
  await assert.rejects(produce(as('stranger', users.stranger), 'guarded', ['x']), /Not authorized/);
  // A client that does not know the authority does not accept the broker.
  const distrustful = client(broker.brokers, { ssl: true, retry: NO_PATIENCE });
  await assert.rejects(produce(distrustful, 'guarded', ['x']), /certificate/);
});

test('SASL PLAIN without TLS, and SCRAM-SHA-256, refuse a wrong password', needs, async (t) => {
  for (const mechanism of ['plain', 'scram-sha-256'] as const) {
    const broker = await startBroker({ security: { sasl: mechanism, tls: false, users: { reader: 'right' } } });
    t.after(() => broker.dispose());
    const as = (password: string) => client(broker.brokers, { sasl: saslOf(mechanism, password) }).admin();
    const right = as('right');
    await right.connect();
    await right.disconnect();
    await assert.rejects(as('wrong').connect(), /Authentication failed/);
    await broker.dispose();
  }
});

test('a broker that asks for client certificates refuses a client without one', needs, async (t) => {
  const security = { sasl: null, tls: true, clientCertificate: true, users: {} };
  const broker = await startBroker({ security });
  t.after(() => broker.dispose());
  const { clientCertificate, clientKey } = broker.certificates ?? assert.fail('a broker with TLS has certificates');
  const pair = { cert: readFileSync(clientCertificate), key: readFileSync(clientKey) };
  const known = client(broker.brokers, { ssl: { ...trust(broker), ...pair } }).admin();
  await known.connect();
  await known.listTopics();
  await known.disconnect();
  const unknown = client(broker.brokers, { ssl: trust(broker), retry: NO_PATIENCE }).admin();
  await assert.rejects(unknown.connect().then(() => unknown.listTopics()));
  await unknown.disconnect();
});

test('a broker that cannot start rejects with the end of its log', needs, async () => {
  await assert.rejects(startBroker({ properties: { 'log.retention.ms': 'forever' } }), /log\.retention\.ms/);
});

test('the broker and its files are gone after its process was killed', needs, async () => {
  const child = spawn(process.execPath, ['--input-type=module', '-e', OWNER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const { directory, port } = JSON.parse(await firstLine(child)) as { directory: string; port: number };
  assert.ok(existsSync(join(directory, 'server.properties')));
  child.kill('SIGKILL');
  while (existsSync(directory)) await sleep(50);
  while (await accepts(port)) await sleep(50);
});

const OWNER = `
import { startBroker } from ${JSON.stringify(join(import.meta.dirname, 'kafka-broker.js'))};
const broker = await startBroker();
console.log(JSON.stringify({ directory: broker.directory, port: Number(broker.brokers[0].split(':')[1]) }));
setInterval(() => {}, 1000);
`;

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', (data: Buffer) => resolve(data.toString()));
    child.once('exit', () => reject(new Error('the owner ended without a word')));
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

function trust(broker: Broker): { ca: Buffer } {
  return { ca: readFileSync(broker.certificates?.ca ?? assert.fail('a broker with TLS has a CA')) };
}

function saslOf(mechanism: 'plain' | 'scram-sha-256', password: string): NonNullable<KafkaConfig['sasl']> {
  const credentials = { username: 'reader', password };
  return mechanism === 'plain' ? { mechanism, ...credentials } : { mechanism, ...credentials };
}
