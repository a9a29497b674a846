import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrokerProcess, formatStorage, runBroker } from './kafka/broker-process.ts';
import { type Certificates, createCertificates } from './kafka/certificates.ts';
import { freePorts } from './kafka/free-ports.ts';
import { type Security, scramArguments, serverProperties } from './kafka/properties.ts';
import { startWatchdog } from './kafka/watchdog.ts';

export interface BrokerOptions {
  readonly security?: Security;
  /** More lines for server.properties, which win over the usual ones. Topics are not made on their own by default. */
  readonly properties?: Readonly<Record<string, string>>;
}

/** A real Kafka broker of one node. Addresses, ports and data stay the same over stop and start. */
export interface Broker {
  /** `host:port` for clients. */
  readonly brokers: readonly string[];
  /** `host:port` of a listener in plain text that may do everything, whatever the security of the other. */
  readonly internal: readonly string[];
  readonly directory: string;
  /** PEM files for clients, when the broker speaks TLS. */
  readonly certificates: Certificates | null;
  /** Ends it in good order. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again after stop() or kill(). */
  start(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing is answered. */
  pause(): void;
  /** SIGCONT. */
  resume(): void;
  /** Ends it and removes its files. May be called twice. */
  dispose(): Promise<void>;
}

/**
 * Starts a broker and resolves when it answers, after about 5 s on two idle cores; it takes about 400 MB. It ends with this
 * process at the latest, even when this one is killed. Rejects with the end of its log when it cannot start.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  const security = options.security ?? 'plaintext';
  const directory = mkdtempSync(join(tmpdir(), 'gatewatch-kafka-'));
  const watchdog = startWatchdog(directory);
  const [client, internal, controller] = (await freePorts(3)) as [number, number, number];
  const data = join(directory, 'data');
  let running: BrokerProcess | null = null;

  async function start(): Promise<void> {
    if (running !== null) throw new Error('this broker runs already');
    try {
      running = await runBroker(directory, internal, (pid) => watchdog.watch(pid));
    } catch (error) {
      watchdog.watch(null);
      throw error;
    }
  }

  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    const ending = running;
    running = null;
    await ending?.end(signal);
    watchdog.watch(null);
  }

  let disposed = false;
  async function dispose(): Promise<void> {
    if (disposed) return;
    disposed = true;
    // Its files go too: nothing needs a good order.
    await end('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
    watchdog.release();
  }

  try {
    mkdirSync(data);
    const certificates =
      security !== 'plaintext' && security.tls ? createCertificates(join(directory, 'certificates')) : null;
    const ports = { client, internal, controller };
    const properties = serverProperties(ports, data, security, certificates, options.properties ?? {});
    writeFileSync(join(directory, 'server.properties'), properties);
    // A cluster id is 16 bytes in base64url; one that begins with - would be read as an option.
    const clusterId = randomBytes(16).toString('base64url').replace(/^-/, 'A');
    await formatStorage(directory, clusterId, scramArguments(security));
    await start();
    return {
      brokers: [`127.0.0.1:${client}`],
      internal: [`127.0.0.1:${internal}`],
      directory,
      certificates,
      stop: () => end('SIGTERM'),
      kill: () => end('SIGKILL'),
      start,
      pause: () => running?.signal('SIGSTOP'),
      resume: () => running?.signal('SIGCONT'),
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

let shared: Promise<readonly string[]> | undefined;

/**
 * Addresses of a broker in plain text that tests share: the one that the test run started (GATEWATCH_TEST_KAFKA), or one of
 * this process, started at the first call. Topics, groups and transactional ids must have a prefix of their own; nobody may
 * end it. It needs no clean-up.
 */
export function sharedBroker(): Promise<readonly string[]> {
  shared ??= findOrStart();
  return shared;
}

async function findOrStart(): Promise<readonly string[]> {
  const given = process.env.GATEWATCH_TEST_KAFKA;
  if (given !== undefined) return given.split(',');
  return (await startBroker()).brokers;
}
