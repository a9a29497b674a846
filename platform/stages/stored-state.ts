import type { Topic } from '../../schemas/topics.ts';
import type { Bus, Insert, Mark } from '../ports.ts';

/** Where a writer stands in one partition: everything below `next` is stored, and `marks` tell repeats from then on. */
export interface StoredState {
  readonly next: number;
  readonly marks: unknown;
}

/** What a writer set out to store: the records [first, next), beginning with the marks of the state that ends at `first`. */
export interface Intent {
  readonly first: number;
  readonly next: number;
  /** Tables that refused their rows as a whole: these are stored in pieces, again so after a crash. */
  readonly divided: readonly Insert['table'][];
}

/**
 * State and intent are two marks that need not become durable together: an intent is pending exactly when it begins
 * where the state ends. The high marks before the intent are those of the state; writing them once is enough.
 */
export function stateMark(topic: Topic, partition: number, state: StoredState): Mark {
  return { key: `store/${topic}/${partition}/state`, value: JSON.stringify({ v: 1, ...state }) };
}

export function intentMark(topic: Topic, partition: number, intent: Intent): Mark {
  return { key: `store/${topic}/${partition}/intent`, value: JSON.stringify({ v: 1, ...intent }) };
}

export function readState(bus: Bus, topic: Topic, partition: number): StoredState | null {
  return read<StoredState>(bus, `store/${topic}/${partition}/state`);
}

/** The intent that begins at `first`; null when there is none, or only one that is done with. */
export function readIntent(bus: Bus, topic: Topic, partition: number, first: number): Intent | null {
  const intent = read<Intent>(bus, `store/${topic}/${partition}/intent`);
  return intent !== null && intent.first === first ? intent : null;
}

function read<T>(bus: Bus, key: string): T | null {
  const text = bus.getMark(key);
  if (text === null) return null;
  const value = JSON.parse(text) as T & { v: number };
  if (value.v !== 1) throw new Error(`mark ${key} has version ${value.v}; this program reads 1`);
  return value;
}
