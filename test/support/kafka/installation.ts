import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { requires } from '../requires.ts';

/** The version in pom.xml, whose install.sh names the folder after it. */
const KAFKA_VERSION = '4.3.1';

const KAFKA = `Apache Kafka ${KAFKA_VERSION} (test/support/kafka/install.sh), Java and openssl`;

/** The folder with the broker's jars, whether or not it is there. */
export function kafkaLibraries(): string {
  const cache = process.env.GATEWATCH_TEST_CACHE ?? join(homedir(), '.cache', 'gatewatch-test');
  return join(cache, `kafka-${KAFKA_VERSION}`, 'lib');
}

/** Whether a broker can be started here: its jars, Java to run them, openssl for its certificates. */
export function kafkaPresent(): boolean {
  return existsSync(kafkaLibraries()) && runs('java', '-version') && runs('openssl', 'version');
}

/** The option for `test(...)` of a test that needs a broker: see requires.ts. */
export function requiresKafka(): { skip?: string } {
  return requires(KAFKA, kafkaPresent());
}

function runs(program: string, argument: string): boolean {
  return spawnSync(program, [argument], { stdio: 'ignore' }).status === 0;
}
