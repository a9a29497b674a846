import { createHash } from 'node:crypto';
import { createBlockEncoder } from '../../ingest/encoder.ts';
import { partitionOf } from '../../ingest/event-line.ts';
import { encodeControl } from '../../schemas/block.ts';
import { EVENT_COLUMN_NAMES, type EventColumnName } from '../../schemas/columns.ts';
import { EVENT_FLAGS } from '../../schemas/event.ts';
import type { IdentityKind } from '../../schemas/identity.ts';
import { DEFAULT_POLICY, type Policy } from '../../schemas/policy.ts';

/** An event as a test writes it; what is left out is an ordinary GET that succeeded. */
export interface TestEvent {
  readonly timeMs: number;
  readonly who: string;
  readonly kind?: IdentityKind;
  readonly status?: number;
  readonly route?: string;
  /** Object number; 0 or absent = none. */
  readonly object?: number;
  readonly network?: string;
  readonly agent?: string;
  readonly ja4?: string;
}

/** A stand-in for a pseudonym: 16 bytes of a hash of the name. */
export function testPseudonym(who: string): string {
  return createHash('sha256').update(who).digest().toString('base64url', 0, 16);
}

const DEFAULTS: Partial<Record<EventColumnName, unknown>> = {
  tenant: 'default',
  basis: 'end',
  latency_us: null,
  method: 'GET',
  request_bytes: null,
  response_bytes: null,
  upstream_latency_us: null,
  grpc_status: null,
  object: 0,
};

/** The event line of a test event. */
export function testLine(event: TestEvent, position: number): string {
  const status = event.status ?? 200;
  const values: Partial<Record<EventColumnName, unknown>> = {
    ...DEFAULTS,
    position,
    kind: event.kind ?? 'user',
    identity: testPseudonym(event.who),
    time: event.timeMs,
    status,
    flags: status === 401 || status === 403 ? EVENT_FLAGS.authFailure : 0,
    route: event.route ?? '/v1/items',
    object: event.object ?? 0,
    network: event.network ?? '192.0.2.0/24',
    ua_family: event.agent ?? 'chrome/windows',
    ja4: event.ja4 ?? '',
  };
  return JSON.stringify(EVENT_COLUMN_NAMES.map((name) => values[name] ?? ''));
}

/** Blocks by partition, cut every `cut` lines of a partition, each partition's first block a control line. */
export function testBlocks(
  events: readonly TestEvent[],
  options: {
    partitions: number;
    cut?: number;
    source?: string;
    policy?: Policy;
    versions?: { priors: number; calibration: number };
  },
): Buffer[][] {
  const {
    partitions,
    cut = 100,
    source = '7',
    policy = DEFAULT_POLICY,
    versions = { priors: 1, calibration: 1 },
  } = options;
  const encoder = createBlockEncoder({ partitions, epoch: 1 });
  const control = encodeControl({ type: 'configure', policy, ...versions }, 1, 0);
  const blocks: Buffer[][] = Array.from({ length: partitions }, () => [control]);
  const inBlock = new Array<number>(partitions).fill(0);
  const take = (partition: number) => {
    const block = encoder.take(partition, 0, null);
    if (block !== null) (blocks[partition] as Buffer[]).push(block.value);
    inBlock[partition] = 0;
  };
  events.forEach((event, position) => {
    const partition = partitionOf(testPseudonym(event.who), partitions);
    const line = Buffer.from(testLine(event, position));
    encoder.add(partition, source, position, line, line.length);
    inBlock[partition] = (inBlock[partition] as number) + 1;
    if ((inBlock[partition] as number) >= cut) take(partition);
  });
  for (let partition = 0; partition < partitions; partition++) take(partition);
  return blocks;
}
