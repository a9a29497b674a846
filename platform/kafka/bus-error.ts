import { GatewatchError } from '../../schemas/errors.ts';
import { codecMissing } from './codecs.ts';

interface ClientError {
  readonly name: string;
  readonly message: string;
  /** Name of the protocol's error code. */
  readonly type?: string;
  /** Node's code of a connection that did not come about. */
  readonly code?: unknown;
}

/** Codes that tell a former owner that somebody else has its transactional id (or that its transaction was ended). */
const FENCED = new Set(['INVALID_PRODUCER_EPOCH', 'PRODUCER_FENCED', 'TRANSACTION_COORDINATOR_FENCED']);

const TOO_LARGE = new Set(['MESSAGE_TOO_LARGE', 'RECORD_LIST_TOO_LARGE']);

/** What a denial is about, and the arguments of kafka-acls.sh that grant it. `what` names the resource. */
const RIGHTS: Readonly<Record<string, string>> = {
  TOPIC_AUTHORIZATION_FAILED: '--operation All --topic',
  GROUP_AUTHORIZATION_FAILED: '--operation All --group',
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: '--operation All --transactional-id',
  CLUSTER_AUTHORIZATION_FAILED: '--operation IdempotentWrite --cluster',
};

const LOGIN: Readonly<Record<string, string>> = {
  SASL_AUTHENTICATION_FAILED: 'check kafka.sasl: username and password',
  UNSUPPORTED_SASL_MECHANISM: 'it does not offer the mechanism: set kafka.sasl.mechanism to one that it has',
  ILLEGAL_SASL_STATE: 'its port asks for no login: leave kafka.sasl out, or name the port that does',
};

/** What a failed TLS handshake says, by the words of OpenSSL and Node. */
const CERTIFICATES: readonly (readonly [RegExp, string])[] = [
  [/altnames/, 'its certificate is for another name: set kafka.tls.server_name, or use the name in kafka.brokers'],
  [/self-signed|unable to (get|verify)/, 'its certificate is of no known authority: set kafka.tls.ca_file'],
  [/expired|not yet valid/, 'its certificate is not valid today: renew it, or set the clock'],
  [/alert/, 'it wants a certificate of this client: set kafka.tls.cert_file and key_file'],
];

/**
 * What a failure of the Kafka client means, as an error of this program that says what to change. `what` names the thing
 * that was used, for instance a topic. All of them are transient but `partition_lost`: rights, passwords and limits can be
 * mended while the program waits, and nothing is lost by waiting.
 *
 * Misses: a connection that the broker closes at once looks the same whether it wants TLS, a login, or is going down; and
 * the client does not say why it got no coordinator: one that starts looks like a right that is missing.
 */
export function busError(error: unknown, what: string, topics = what): GatewatchError {
  if (error instanceof GatewatchError) return error;
  const chain = causes(error);
  const types = chain.map(({ type }) => type ?? '');
  const transient = { transient: true, cause: error };
  const fenced = types.find((type) => FENCED.has(type));
  if (fenced !== undefined) return partitionLost(what, error);
  if (types.some((type) => TOO_LARGE.has(type))) {
    const advice = `raise max.message.bytes of ${topics} (and message.max.bytes of the broker) to at least 1048588`;
    return new GatewatchError('message_too_large', `the broker refuses a record as too large: ${advice}`, transient);
  }
  const right = types.find((type) => type in RIGHTS);
  if (right !== undefined) {
    const denied = right === 'TOPIC_AUTHORIZATION_FAILED' ? topics : what;
    return new GatewatchError('bus_refused', denial(right, denied), transient);
  }
  const login = refusedLogin(chain, types);
  if (login !== null) return new GatewatchError('bus_refused', `the broker refuses the login: ${login}`, transient);
  const codec = chain.find(({ name, message }) => name === 'KafkaJSNotImplemented' && /compression/.test(message));
  if (codec !== undefined) return codecMissing(codec.message, what, error);
  if (types.includes('UNKNOWN_TOPIC_OR_PARTITION')) {
    return new GatewatchError('topic_unfit', `the broker has no ${topics}: create it`, transient);
  }
  for (const [words, advice] of CERTIFICATES) {
    if (chain.some(({ message }) => words.test(message))) {
      return new GatewatchError('bus_refused', `no TLS connection to the broker: ${advice}`, transient);
    }
  }
  if (chain.some(({ name }) => name === 'KafkaJSGroupCoordinatorNotFound')) {
    const advice = 'if that lasts, a right is missing: kafka-acls.sh ... --operation All --group or --transactional-id';
    return new GatewatchError(
      'bus_unavailable',
      `Kafka does not answer (no coordinator of ${what}; ${advice})`,
      transient,
    );
  }
  return new GatewatchError('bus_unavailable', `Kafka does not answer (${reason(chain)})`, transient);
}

/** Codes of a group whose coordinator has just come up, or moved. */
const COORDINATOR_MOVES = new Set([
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
]);

/** Whether a failure is part of how brokers start and share out their work, and over in a moment. */
export function isMoving(error: unknown): boolean {
  return causes(error).some(({ type }) => type !== undefined && COORDINATOR_MOVES.has(type));
}

/** The partition has another owner, or it is not known whether the last commit came about. */
export function partitionLost(what: string, cause: unknown): GatewatchError {
  return new GatewatchError('partition_lost', `${what} has another owner now`, { cause });
}

function denial(type: string, what: string): string {
  const about = type.replace('_AUTHORIZATION_FAILED', '').toLowerCase().replaceAll('_', ' ');
  const command = `kafka-acls.sh --add --allow-principal User:NAME ${RIGHTS[type]}`;
  return `the broker denies a right on the ${about}: ${what}; grant it with ${command} ... (docs/operations.md lists the rights of each role)`;
}

function refusedLogin(chain: readonly ClientError[], types: readonly string[]): string | null {
  const type = types.find((one) => one in LOGIN);
  if (type !== undefined) return LOGIN[type] ?? null;
  return chain.some(({ name }) => name === 'KafkaJSSASLAuthenticationError')
    ? (LOGIN.SASL_AUTHENTICATION_FAILED ?? null)
    : null;
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

/** The protocol's code, Node's, or the innermost error's class without the client's prefix. */
function reason(chain: readonly ClientError[]): string {
  if (chain.some(({ message }) => /before secure TLS|wrong version number|packet length too long/.test(message))) {
    return 'it ends the connection before TLS: check kafka.tls and the port';
  }
  if (chain.some(({ name }) => name === 'KafkaJSConnectionClosedError')) {
    return 'it closes the connection: if that lasts, the port may want TLS or a login: check kafka.tls and kafka.sasl';
  }
  const typed = chain.find(({ type }) => type !== undefined && type !== '');
  if (typed?.type !== undefined) return typed.type;
  const network = chain.find(({ code }) => typeof code === 'string' && /^E[A-Z]+$/.test(code));
  if (network !== undefined) return `${String(network.code)}: check kafka.brokers`;
  if (chain.some(({ message }) => message === 'Connection timeout'))
    return 'no connection in time: check kafka.brokers';
  return chain.at(-1)?.name.replace(/^KafkaJS/, '') ?? 'unknown error';
}
