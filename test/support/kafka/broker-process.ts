import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Kafka, logLevel } from 'kafkajs';
import { kafkaLibraries } from './installation.ts';

/** A loaded machine with two cores takes several times the usual 4 s. */
const START_LIMIT_MS = 90_000;
/** After this a graceful stop becomes a kill. */
const STOP_LIMIT_MS = 30_000;
const POLL_MS = 100;
const LOG_TAIL_CHARACTERS = 4_000;

const JVM = [
  '-Xmx512m',
  '-XX:+UseSerialGC',
  // The optimising compiler only costs CPU in a life of seconds.
  '-XX:TieredStopAtLevel=1',
  '-XX:-UsePerfData',
  '-Dorg.slf4j.simpleLogger.defaultLogLevel=warn',
  '-Dorg.slf4j.simpleLogger.showDateTime=true',
];

/** A broker at work. */
export interface BrokerProcess {
  signal(name: NodeJS.Signals): void;
  /** Sends the signal and waits for the end; SIGKILL follows when that takes too long. */
  end(name: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

/** Formats an empty data folder. Rejects with the tool's words when it fails. */
export async function formatStorage(directory: string, clusterId: string, scram: readonly string[]): Promise<void> {
  const properties = join(directory, 'server.properties');
  const args = ['format', '--standalone', '-t', clusterId, '-c', properties, ...scram];
  const tool = launch(directory, 'kafka.tools.StorageTool', args);
  const status = await tool.ended;
  if (status !== 0) throw new Error(`the storage was not formatted:\n${logTail(directory)}`);
}

/**
 * Starts the broker whose files are in a folder. `onPid` hears the process id at once. Resolves when the broker answers at
 * its internal port; rejects with the end of its log when it dies before or does not answer in time.
 */
export async function runBroker(
  directory: string,
  internalPort: number,
  onPid: (pid: number) => void,
): Promise<BrokerProcess> {
  const { child, ended } = launch(directory, 'kafka.Kafka', [join(directory, 'server.properties')]);
  const pid = child.pid;
  if (pid === undefined) throw new Error('java could not be started');
  onPid(pid);
  let dead = false;
  void ended.then(() => {
    dead = true;
  });

  async function end(name: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    // A stopped process acts on SIGTERM only when it goes on.
    child.ref();
    child.kill(name);
    child.kill('SIGCONT');
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS);
    await ended;
    clearTimeout(timer);
  }

  const deadline = Date.now() + START_LIMIT_MS;
  while (!(await answers(internalPort))) {
    if (dead) throw new Error(`the broker died at its start:\n${logTail(directory)}`);
    if (Date.now() > deadline) {
      await end('SIGKILL');
      throw new Error(`the broker did not answer in ${START_LIMIT_MS} ms:\n${logTail(directory)}`);
    }
    await sleep(POLL_MS);
  }
  // From here on it does not keep this process alive: the watchdog ends what is left.
  child.unref();
  return { signal: (name) => void child.kill(name), end };
}

function launch(
  directory: string,
  main: string,
  args: string[],
): { child: ChildProcess; ended: Promise<number | null> } {
  const log = openSync(join(directory, 'broker.log'), 'a');
  const child = spawn('java', [...JVM, '-cp', join(kafkaLibraries(), '*'), main, ...args], {
    stdio: ['ignore', log, log],
  });
  closeSync(log);
  const ended = new Promise<number | null>((resolve) => {
    child.once('error', () => resolve(null));
    child.once('exit', (status) => resolve(status));
  });
  return { child, ended };
}

/** Whether the broker serves requests: it lists itself only when it may. */
async function answers(port: number): Promise<boolean> {
  const kafka = new Kafka({
    brokers: [`127.0.0.1:${port}`],
    logLevel: logLevel.NOTHING,
    connectionTimeout: 1_000,
    requestTimeout: 2_000,
    retry: { retries: 0 },
  });
  const admin = kafka.admin();
  try {
    await admin.connect();
    return (await admin.describeCluster()).brokers.length === 1;
  } catch {
    return false;
  } finally {
    await admin.disconnect();
  }
}

function logTail(directory: string): string {
  return readFileSync(join(directory, 'broker.log'), 'utf8').slice(-LOG_TAIL_CHARACTERS);
}
