import { hostOfBroker } from './network-places.ts';
import { isLoopbackHost } from './places.ts';
import type { Report } from './problem.ts';
import type { Partially, WrittenConfig } from './schema.ts';
import { SERVER_SETTINGS } from './store.ts';

/** Whether a setting stands in the file, rather than being a default. */
export type IsWritten = (path: string) => boolean;

type Settings = Partially<WrittenConfig>;

/** Rules of the mode, of Kafka and of the store's type. Settings that are not readable are passed over. */
export function checkMode(config: Settings, isWritten: IsWritten, report: Report): void {
  if (config.mode === 'distributed') checkDistributed(config, isWritten, report);
  if (config.mode === 'embedded') checkEmbedded(config, report);
  checkTopics(config, report);
  checkStore(config, isWritten, report);
}

function checkDistributed(config: Settings, isWritten: IsWritten, report: Report): void {
  if (!('kafka' in config)) {
    report('kafka', 'is missing: the processes of mode distributed share Kafka', 'kafka: { brokers: [kafka:9092] }');
  } else {
    checkPlainPassword(config.kafka, report);
  }
  if (!('pseudonym_key' in config)) {
    const message = 'is missing: every process needs the same key, and one that is made stays in one data directory';
    report('pseudonym_key', message, `pseudonym_key: \${env:GATEWATCH_PSEUDONYM_KEY}`);
  }
  if (config.store?.type === 'embedded') {
    const fault = 'embedded is the store of one process, and those of mode distributed need a common one';
    const message = isWritten('store.type') ? fault : `is missing: the default ${fault}`;
    report('store.type', message, 'type: server and url: http://clickhouse:8123 (below store), or type: none');
  }
}

function checkEmbedded({ kafka, sources }: Settings, report: Report): void {
  if (kafka !== undefined) {
    report('kafka', 'Kafka is used in mode distributed', 'mode: distributed (at the top), or remove kafka');
  }
  for (const [index, source] of (sources ?? []).entries()) {
    if (source?.type !== 'kafka') continue;
    const fix = 'mode: distributed (at the top), or type: file or http';
    report(`sources[${index}].type`, 'sources of type kafka are read in mode distributed', fix);
  }
}

/**
 * SASL's PLAIN mechanism sends the password as it is (RFC 4616 section 4). The brokers that the first ones name are not
 * known here: they are taken to be where the first ones are.
 */
function checkPlainPassword(kafka: Settings['kafka'], report: Report): void {
  const { tls, sasl, brokers } = kafka ?? {};
  if (sasl?.mechanism !== 'plain' || sasl.allow_plaintext_password !== false) return;
  // TLS that is written but not readable is a problem of its own.
  if (kafka !== undefined && 'tls' in kafka && tls?.enabled !== false) return;
  const remote = brokers?.find((broker) => broker !== undefined && !isLoopbackHost(hostOfBroker(broker)));
  if (remote === undefined) return;
  const message = `without TLS plain sends the password to ${remote} as it is`;
  const fix = 'tls: { enabled: true } (below kafka), or mechanism: scram-sha-512, or allow_plaintext_password: true';
  report('kafka.sasl.mechanism', message, fix);
}

function checkTopics({ kafka, sources }: Settings, report: Report): void {
  const topics = new Map<string, number>();
  const prefix = kafka?.topic_prefix;
  for (const [index, source] of (sources ?? []).entries()) {
    if (source?.type !== 'kafka' || source.topic === undefined) continue;
    const { topic } = source;
    const at = `sources[${index}].topic`;
    const first = topics.get(topic);
    if (first === undefined) topics.set(topic, index);
    else report(at, `sources[${first}] reads this topic already`, 'topic: another topic');
    if (prefix !== undefined && topic.startsWith(`${prefix}.`)) {
      const message = `topics that begin with ${prefix}. are the program's own`;
      report(at, message, 'topic: the topic that the log shipper writes to, such as access-logs');
    }
  }
}

function checkStore({ store }: Settings, isWritten: IsWritten, report: Report): void {
  if (store?.type === undefined) return;
  if (store.type !== 'server') {
    for (const name of SERVER_SETTINGS) {
      if (!isWritten(`store.${name}`)) continue;
      report(`store.${name}`, 'this setting belongs to type server', `type: server, or remove ${name}`);
    }
    return;
  }
  if (isWritten('store.memory_limit')) {
    const message = 'this setting belongs to type embedded: a server has its own limit';
    report('store.memory_limit', message, 'remove memory_limit');
  }
  if (!('url' in store)) {
    report('store.url', 'is missing: type server needs an address', 'url: http://clickhouse:8123');
    return;
  }
  const url = store.url === undefined ? null : new URL(store.url);
  if (url?.protocol !== 'http:') return;
  const secure = `url: https://${url.hostname}:8443`;
  if ('tls' in store) {
    report('store.url', 'tls is for an address with https', `${secure}, or remove tls`);
    return;
  }
  const open = 'password' in store && store.allow_plaintext_password === false;
  if (open && !isLoopbackHost(url.hostname.replace(/^\[|\]$/g, ''))) {
    const message = 'without TLS the password would be sent as it is';
    report('store.url', message, `${secure}, or allow_plaintext_password: true (below store)`);
  }
}
