import { DEFAULT_TENANT, type IdentityKind } from '../schemas/identity.ts';
import { createClientAddress } from './client-address.ts';
import { createEventLine, type EventLine } from './event-line.ts';
import { networkOf } from './network.ts';
import type { Pseudonymizer } from './pseudonym.ts';
import { redactPath, redactQuery, redactUserAgent } from './redact.ts';
import { createRouteReader } from './route-template.ts';
import { userAgentFamily } from './user-agent.ts';

/** What shapes event lines, beside the format: a change of any of it is a new epoch. */
export interface LineMakerOptions {
  readonly tenant?: string;
  /** One for all sources: its caches are large. */
  readonly pseudonyms: Pseudonymizer;
  readonly partitions: number;
  /** Address ranges whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly clamped: (column: string) => void;
  /** Hears of every pseudonym with its clear value; for output on the terminal of somebody who has the log anyway. */
  readonly onPseudonym?: (kind: IdentityKind, value: string, pseudonym: string) => void;
}

/** 32 bits that nobody without the key can know, the same for the same key. */
function objectSeed({ pseudonym }: Pseudonymizer): number {
  return Buffer.from(pseudonym('service', 'object seed'), 'base64url').readUInt32BE(0);
}

/** Puts together what makes event lines of records: one for each source, since sources differ in their proxies. */
export function createLineMaker(options: LineMakerOptions): EventLine {
  const tenant = options.tenant ?? DEFAULT_TENANT;
  const { onPseudonym } = options;
  const { pseudonym } = options.pseudonyms;
  return createEventLine({
    tenant,
    partitions: options.partitions,
    clientAddress: createClientAddress(options.trustedProxies),
    pseudonym:
      onPseudonym === undefined
        ? pseudonym
        : (kind, value) => {
            const made = pseudonym(kind, value);
            onPseudonym(kind, value, made);
            return made;
          },
    network: networkOf,
    // Until a country file is configured there is none.
    country: () => '',
    userAgentFamily,
    redactUserAgent,
    redactPath,
    redactQuery,
    route: createRouteReader(objectSeed(options.pseudonyms)),
    clamped: options.clamped,
  });
}
