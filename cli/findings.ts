import type { Decision, Reason, ReasonQuery } from '../schemas/decision.ts';
import type { IdentityKind } from '../schemas/identity.ts';

/** How an identity is printed: its pseudonym, or its clear value where that is allowed and known. */
export type ShowIdentity = (kind: IdentityKind, pseudonym: string) => string;

export const showPseudonym: ShowIdentity = (kind, pseudonym) => `${kind}:${pseudonym}`;

/** What a reason's query keeps of the identity's events, in words; the store turns the same parts into SQL. */
function filterOf(query: ReasonQuery): string {
  switch (query.measure) {
    case 'requests':
      return 'all requests';
    case 'auth_failures':
      return 'requests that failed authentication or authorisation';
    case 'object_slots':
      return 'distinct objects, counted linearly';
    default:
      return `${query.measure} = ${JSON.stringify(query.value)}`;
  }
}

/** A decision as one NDJSON object. Same decision, same bytes. */
export function decisionJson(decision: Decision, show: ShowIdentity): string {
  const identity = show(decision.kind, decision.identity);
  return JSON.stringify({
    time: new Date(decision.timeMs).toISOString(),
    identity,
    action: decision.action,
    mode: decision.mode,
    risk: decision.risk,
    reasons: decision.reasons.map(({ channel, tick, expected, seen, nats, query }) => ({
      channel,
      tick,
      expected,
      seen,
      nats,
      query: {
        identity,
        from: new Date(query.fromMs).toISOString(),
        to: new Date(query.toMs).toISOString(),
        filter: filterOf(query),
        count: query.count,
        up_to: { source: query.source, position: query.position },
      },
    })),
    id: decision.id,
    versions: decision.versions,
  });
}

const ARTICLE = { minute: 'a minute', hour: 'an hour', day: 'a day' } as const;

/** A reason in a sentence: what was expected and what was seen. */
export function reasonText(reason: Reason): string {
  const { channel, expected, seen } = reason;
  const per = ARTICLE[reason.tick];
  switch (channel) {
    case 'requests':
      return `${seen} requests in ${per}, about ${figure(expected)} expected`;
    case 'objects':
      return `${seen} distinct objects in ${per}, about ${figure(expected)} expected`;
    case 'auth_failures':
      return `${seen} failed requests in ${per}, about ${figure(expected)} expected`;
    case 'route':
      return `first use of ${printable(seen)}; ${chance(expected)}`;
    default:
      return `new ${WORD[channel]} ${printable(seen)}; ${chance(expected)}`;
  }
}

const WORD = { network: 'network', country: 'country', ua_family: 'user agent', ja4: 'TLS fingerprint' } as const;

function chance(expected: number): string {
  return expected < 0.01
    ? 'hardly ever anything new before'
    : `something new in ${figure(100 * expected)} % of its draws`;
}

function figure(value: number): string {
  return value >= 10 ? String(Math.round(value)) : String(Math.round(value * 10) / 10);
}

/** Text of a log line for a terminal: control characters could move the cursor or hide what stands before. */
function printable(value: number | string): string {
  return JSON.stringify(String(value).slice(0, 80));
}

/** Findings by identity, the riskiest first, as text for people. `showMost` identities; the rest is counted. */
export function findingsText(decisions: readonly Decision[], show: ShowIdentity, showMost: number): string {
  const byIdentity = new Map<string, Decision[]>();
  for (const decision of decisions) {
    const name = show(decision.kind, decision.identity);
    const list = byIdentity.get(name);
    if (list === undefined) byIdentity.set(name, [decision]);
    else list.push(decision);
  }
  const peak = (list: readonly Decision[]) => list.reduce((most, d) => Math.max(most, d.risk), 0);
  const ordered = [...byIdentity].sort(([, a], [, b]) => peak(b) - peak(a));
  const lines: string[] = [];
  for (const [name, list] of ordered.slice(0, showMost)) {
    lines.push('', ...identityText(name, list));
  }
  if (ordered.length > showMost)
    lines.push('', `... and ${ordered.length - showMost} more identities; --json gives all.`);
  return lines.join('\n');
}

/** One identity with its decisions. */
export function identityText(name: string, decisions: readonly Decision[]): string[] {
  const lines = [name];
  for (const decision of decisions) {
    const time = new Date(decision.timeMs).toISOString().slice(0, 16).replace('T', ' ');
    const mode = decision.mode === 'shadow' ? ', shadow' : '';
    lines.push(`  ${time}  ${decision.action}  (${decision.risk.toFixed(1)} nats${mode})`);
    for (const reason of decision.reasons) lines.push(`      ${reasonText(reason)}`);
  }
  return lines;
}
