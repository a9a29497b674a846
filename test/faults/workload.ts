import { createDraws, type Draws } from '../../bench/eval/draws.ts';
import { type LineOf, lineOfClient, lineOfCombined, lineOfJson, type Request } from './log-lines.ts';

/** One line with its line end. `accepted`: it is a request; otherwise it belongs into the dead letter. */
export interface WorkLine {
  readonly text: string;
  readonly accepted: boolean;
}

/** What one log file gets, in this order. It is rotated in front of these lines: by renaming, by copying and cutting, in turn. */
export interface FileWork {
  readonly name: string;
  readonly format: 'apache' | 'json';
  readonly lines: readonly WorkLine[];
  readonly rotations: readonly number[];
}

/** What one HTTP client sends, one batch after the other. */
export interface ClientWork {
  readonly batches: readonly ClientBatch[];
}

export interface ClientBatch {
  readonly key: string;
  readonly body: string;
  readonly accepted: number;
  readonly deadLettered: number;
}

/** Traffic of several days, always the same for the same arguments. Each identity is in one file or with one client. */
export interface Workload {
  readonly files: readonly FileWork[];
  readonly clients: readonly ClientWork[];
}

export interface WorkloadSize {
  readonly seed: number;
  /** Over all files and clients, about. */
  readonly lines: number;
  readonly identities: number;
  /** Rotations of each file. */
  readonly rotations: number;
}

/** Clients and their part of the lines; two files share the rest. */
const CLIENTS = 3;
const HTTP_SHARE = 0.25;
const BATCH_LINES = 25;
/** A Monday, 2026-01-05: far enough back that no time is ever in the future. */
const START_MS = 1_767_571_200_000;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;
/** Days of traffic. The last one is that of the attacks: by then an identity's habits are known. */
const DAYS = 7;
/** One identity in so many is taken over on the last day, one line in so many is damaged. */
const ATTACKED_ONE_IN = 5;
const DAMAGED_ONE_IN = 150;
/** Requests of an attack, all within one hour. */
const ATTACK_REQUESTS = 24;

export function makeWorkload({ seed, lines, identities, rotations }: WorkloadSize): Workload {
  const streams = 2 + CLIENTS;
  const share = (stream: number) => (stream < 2 ? (1 - HTTP_SHARE) / 2 : HTTP_SHARE / CLIENTS);
  const of = (stream: number, lineOf: LineOf) =>
    makeLines(createDraws(seed * streams + stream), stream, lines * share(stream), identities * share(stream), lineOf);
  return {
    files: [
      fileWork('edge', 'apache', of(0, lineOfCombined), rotations),
      fileWork('api', 'json', of(1, lineOfJson), rotations),
    ],
    clients: Array.from({ length: CLIENTS }, (_, client) => clientWork(client, of(2 + client, lineOfClient))),
  };
}

function makeLines(draws: Draws, stream: number, wanted: number, identities: number, lineOf: LineOf): WorkLine[] {
  const count = Math.max(5, Math.round(identities));
  const attacks = Math.ceil(count / ATTACKED_ONE_IN);
  const usual = Math.max(DAYS, Math.round((wanted - attacks * ATTACK_REQUESTS) / count));
  const requests: Omit<Request, 'number'>[] = [];
  for (let who = 0; who < count; who++) {
    const name = `s${stream}u${who}`;
    for (let i = 0; i < usual; i++) requests.push(usualRequest(draws, name, who, i % DAYS));
    if (who % ATTACKED_ONE_IN === 0) requests.push(...attack(draws, name, who));
  }
  requests.sort((a, b) => a.timeMs - b.timeMs);
  return requests.map((request, number) => {
    const text = lineOf({ ...request, number });
    // In no format; the number keeps it different from every other.
    if (draws.below(DAMAGED_ONE_IN) === 0) return { text: `damaged ${number} ${text.slice(0, 20)}\n`, accepted: false };
    return { text: `${text}\n`, accepted: true };
  });
}

/** Office hours, few routes, own objects, one place. */
function usualRequest(draws: Draws, name: string, who: number, day: number): Omit<Request, 'number'> {
  const timeMs = START_MS + day * DAY_MS + (9 + draws.below(7)) * HOUR_MS + draws.below(HOUR_MS);
  const object = who * 10 + draws.below(4);
  const status = draws.below(60) === 0 ? 403 : 200;
  return { timeMs, name, address: `10.1.${who % 250}.7`, agent: who % 3, path: `/v1/orders/${object}`, status };
}

/** A stolen credential: another network and program, many objects and refusals within an hour. */
function attack(draws: Draws, name: string, who: number): Omit<Request, 'number'>[] {
  const from = START_MS + (DAYS - 1) * DAY_MS + 17 * HOUR_MS + draws.below(HOUR_MS / 2);
  return Array.from({ length: ATTACK_REQUESTS }, (_, i) => ({
    timeMs: from + i * 40_000 + draws.below(30_000),
    name,
    address: `10.200.${who % 250}.9`,
    agent: 3,
    path: `/v1/admin/accounts/${1_000_000 + draws.below(100_000)}`,
    status: i % 2 === 0 ? 403 : 200,
  }));
}

function fileWork(name: string, format: FileWork['format'], lines: readonly WorkLine[], rotations: number): FileWork {
  const every = Math.floor(lines.length / (rotations + 1));
  return { name, format, lines, rotations: Array.from({ length: rotations }, (_, i) => (i + 1) * every) };
}

function clientWork(client: number, lines: readonly WorkLine[]): ClientWork {
  const batches: ClientBatch[] = [];
  for (let at = 0; at < lines.length; at += BATCH_LINES) {
    const part = lines.slice(at, at + BATCH_LINES);
    const accepted = part.filter((line) => line.accepted).length;
    batches.push({
      key: `client-${client}-batch-${batches.length}`,
      body: part.map(({ text }) => text).join(''),
      accepted,
      deadLettered: part.length - accepted,
    });
  }
  return { batches };
}
