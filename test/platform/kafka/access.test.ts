import assert from 'node:assert/strict';
import { createServer, type Server, type Socket } from 'node:net';
import { after, test } from 'node:test';
import type { KafkaSettings } from '../../../platform/kafka/settings.ts';
import type { ErrorCode } from '../../../schemas/errors.ts';
import { requiresKafka } from '../../support/kafka/installation.ts';
import { type GuardedBroker, startGuardedBroker } from './guarded-broker.ts';
import { refused, withInstallation } from './refusal.ts';

const needs = requiresKafka();

let started: Promise<GuardedBroker> | null = null;
/** One for all tests of this file. */
function guardedBroker(): Promise<GuardedBroker> {
  started ??= startGuardedBroker();
  return started;
}
after(async () => (await started)?.dispose());

function opening(title: string, code: ErrorCode, words: RegExp, settings: (guarded: GuardedBroker) => KafkaSettings) {
  test(`bus on Kafka: ${title}`, needs, async () => {
    const guarded = await guardedBroker();
    await withInstallation(guarded.broker.brokers, async (installation) => {
      await assert.rejects(installation.open('one', { settings: settings(guarded) }), refused(code, words));
    });
  });
}

opening(
  'a wrong password for SCRAM names kafka.sasl',
  'bus_refused',
  /refuses the login: check kafka\.sasl/,
  (guarded) => guarded.settings('wrong-secret'),
);
opening(
  'a wrong password for PLAIN names kafka.sasl',
  'bus_refused',
  /refuses the login: check kafka\.sasl/,
  (guarded) => guarded.settings('wrong-secret', 'plain'),
);
opening('a mechanism that the broker does not offer is named', 'bus_refused', /kafka\.sasl\.mechanism/, (guarded) =>
  guarded.settings(undefined, 'scram-sha-256'),
);
opening('a login at a port that asks for none is named', 'bus_refused', /leave kafka\.sasl out/, (guarded) => ({
  ...guarded.settings(),
  brokers: guarded.broker.internal,
  tls: null,
}));
opening('no login at a port that asks for one names kafka.sasl', 'bus_unavailable', /kafka\.sasl/, (guarded) => ({
  ...guarded.settings(),
  sasl: null,
}));
opening('TLS to a port without it names kafka.tls', 'bus_unavailable', /before TLS: check kafka\.tls/, (guarded) => ({
  ...guarded.settings(),
  brokers: guarded.broker.internal,
}));
opening(
  'no TLS to a port that speaks it names kafka.tls',
  'bus_unavailable',
  /may want TLS.*kafka\.tls/,
  (guarded) => ({
    ...guarded.settings(),
    tls: null,
  }),
);
opening('a certificate of an unknown authority names ca_file', 'bus_refused', /kafka\.tls\.ca_file/, (guarded) => ({
  ...guarded.settings(),
  tls: { ca: null, cert: null, key: null, serverName: null },
}));
opening('a certificate for another name names server_name', 'bus_refused', /kafka\.tls\.server_name/, (guarded) => {
  const settings = guarded.settings();
  return { ...settings, tls: { ca: null, cert: null, key: null, ...settings.tls, serverName: 'kafka.example' } };
});

test('bus on Kafka: an address that takes connections and closes them is a passing trouble', async () => {
  const server = await listening((socket) => socket.end());
  try {
    const settings = { brokers: [addressOf(server)], clientId: 'closed', tls: null, sasl: null };
    await withInstallation(settings.brokers, async (installation) => {
      const closes = refused('bus_unavailable', /closes the connection/);
      await assert.rejects(installation.open('one', { settings }), closes);
    });
  } finally {
    server.close();
  }
});

test('bus on Kafka: an address where nobody listens is a passing trouble that names kafka.brokers', async () => {
  const server = await listening(() => undefined);
  const address = addressOf(server);
  await new Promise((resolve) => server.close(resolve));
  await withInstallation([address], async (installation) => {
    await assert.rejects(installation.open(), refused('bus_unavailable', /ECONNREFUSED: check kafka\.brokers/));
  });
});

function listening(onSocket: (socket: Socket) => void): Promise<Server> {
  return new Promise((resolve) => {
    const server = createServer(onSocket).listen(0, '127.0.0.1', () => resolve(server));
  });
}

function addressOf(server: Server): string {
  const address = server.address();
  return typeof address === 'object' && address !== null ? `127.0.0.1:${address.port}` : assert.fail('it listens');
}
