import { GatewatchError } from '../../schemas/errors.ts';
import { codecMissing } from './codecs.ts';

interface ClientError {
  readonly name: string;
  readonly message: string;
  /** Name of the protocol's error code. */
  readonly type?: string;
  readonly cause?: unknown;
}

/** Codes that tell a former owner that somebody else has its transactional id (or that its transaction was ended). */
const FENCED = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'TRANSACTION_COORDINATOR_FENCED']);

const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

const RIGHTS: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED: 'on the topic',
  GROUP_AUTHORIZATION_FAILED: 'on the consumer group',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: 'on the transactional id',
  CLUSTER_AUTHORIZATION_FAILED: 'on the cluster (IdempotentWrite, or Create for topics)',
};

/**
 * What a failure of the Kafka client means, as an error of this program that says what to change. `what` names the thing
 * that was used, for instance a topic. All of them are transient but `partition_lost`: rights, passwords and limits can be
 * mended while the program waits, and nothing is lost by waiting.
 */
export function busError(error: unknown, what: string): GatewatchError {
  if (error instanceof GatewatchError) return error;
  const chain = causes(error);
  const types = chain.map(({ type }) => type ?? '');
  const transient = { transient: true, cause: error };
  const fenced = types.find((type) => FENCED.has(type));
  if (fenced !== undefined) return partitionLost(what, error);
  if (types.some((type) => TOO_LARGE.has(type))) {
    const advice = `raise max.message.bytes of ${what} (and message.max.bytes of the broker) to at least 1048588`;
    return new GatewatchError('message_too_large', `the broker refuses a record as too large: ${advice}`, transient);
  }
  const right = types.find((type) => type in RIGHTS);
  if (right !== undefined) {
    const advice = 'grant it (docs/operations.md lists the rights of each role)';
    return new GatewatchError(
      'bus_refused',
      `the broker denies a right ${RIGHTS[right]}: ${what}; ${advice}`,
      transient,
    );
  }
  if (
    chain.some(({ name, type }) => name === 'KafkaJSSASLAuthenticationError' || type === 'SASL_AUTHENTICATION_FAILED')
  ) {
    const advice = 'check kafka.sasl: mechanism, username and password';
    return new GatewatchError('bus_refused', `the broker refuses the login: ${advice}`, transient);
  }
  const codec = chain.find(({ name, message }) => name === 'KafkaJSNotImplemented' && /compression/.test(message));
  if (codec !== undefined) return codecMissing(codec.message, what, error);
  if (types.includes('UNKNOWN_TOPIC_OR_PARTITION')) {
    return new GatewatchError('topic_unfit', `the broker has no ${what}: create it`, transient);
  }
  const tls = chain.find(({ message }) => /certificate|SSL|TLS|ERR_TLS/.test(message));
  if (tls !== undefined) {
    const advice = 'check kafka.tls (ca_file, server_name) and that the port speaks TLS';
    return new GatewatchError('bus_refused', `no TLS connection to the broker: ${advice}`, transient);
  }
  return new GatewatchError('bus_unavailable', `Kafka does not answer (${reason(chain)})`, transient);
}

/** The partition has another owner, or it is not known whether the last commit came about. */
export function partitionLost(what: string, cause: unknown): GatewatchError {
  return new GatewatchError('partition_lost', `${what} has another owner now`, { cause });
}

/** Most errors of a chain that are looked at. */
const CAUSES_MAX = 16;

/** The error, what caused it, and for a bundle (one error a topic) its members. */
function causes(error: unknown): ClientError[] {
  const chain: ClientError[] = [];
  const open: unknown[] = [error];
  while (open.length > 0 && chain.length < CAUSES_MAX) {
    const one = open.shift();
    if (!(one instanceof Error)) continue;
    chain.push(one as ClientError);
    open.push(one.cause);
    if ('errors' in one && Array.isArray(one.errors)) open.push(...one.errors);
  }
  return chain;
}

/** The innermost error's name: the protocol's code, or the client's class without its prefix. */
function reason(chain: readonly ClientError[]): string {
  const typed = chain.find(({ type }) => type !== undefined && type !== '');
  return typed?.type ?? chain.at(-1)?.name.replace(/^KafkaJS/, '') ?? 'unknown error';
}
