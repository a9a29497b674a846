import type { Topic } from '../../schemas/topics.ts';

/** Part of the byte cap that is the dead letter's own. Nobody consumes it, so it drops its oldest when that is full. */
export const DEAD_LETTER_SHARE = 0.1;

/**
 * Part of the cap that `events` leaves to the topics derived from it: the detector must be able to publish decisions
 * while the log is full of events, or nothing would ever be committed and trimmed.
 */
export const DERIVED_SHARE = 0.1;

/** Committed records stay this long, for replay and for a group that joins later (architecture: 24 h at least). */
export const DEFAULT_RETENTION_MS = 24 * 60 * 60 * 1_000;

/** Dead letters are dropped after 14 days. */
export const DEAD_LETTER_RETENTION_MS = 14 * 24 * 60 * 60 * 1_000;

/** The bytes that are limited together: the dead letter stands alone, the other topics share the rest of the cap. */
export type Pool = 'log' | 'dead-letter';

export function poolOf(topic: Topic): Pool {
  return topic === 'dead-letter' ? 'dead-letter' : 'log';
}

/** How far the topic's records may fill its pool, bytes. */
export function poolLimit(topic: Topic, capBytes: number): number {
  if (topic === 'dead-letter') return capBytes * DEAD_LETTER_SHARE;
  return capBytes * (1 - DEAD_LETTER_SHARE - (topic === 'events' ? DERIVED_SHARE : 0));
}
