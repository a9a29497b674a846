import { setTimeout as wait } from 'node:timers/promises';
import type { Draws } from '../../bench/eval/draws.ts';
import type { ClientBatch, ClientWork } from './workload.ts';

/** How long a client waits after a refusal or a lost connection. Shorter than Retry-After asks for: a child lives for seconds. */
const RETRY_MS = 60;
/** One answer in so many is treated as lost: the batch is sent once more with its key. */
const LOST_ONE_IN = 6;
/** A request may be answered only when a full disk has room again; then it is given up and sent anew. */
const REQUEST_TIMEOUT_MS = 30_000;

/** What a refusal was: status, and Retry-After. */
export interface Refusal {
  readonly status: number;
  readonly retryAfter: string | null;
}

/** A client that sends its batches in order, each until it is answered with 200. */
export interface HttpClient {
  /** Sends on until so many batches are answered. A later call may raise the number before that. */
  sendUpTo(batches: number): Promise<void>;
  /** Lines of the answered batches. */
  counts(): { readonly accepted: number; readonly deadLettered: number };
  /** What was answered other than 200. */
  readonly refusals: readonly Refusal[];
  /** Ends the sending between two tries. */
  stop(): void;
}

/**
 * `url` tells where the server is at the moment; null while it is down. Rejects when an answer says something else than
 * what the batch holds, or differs between two tries.
 */
export function createHttpClient(work: ClientWork, url: () => string | null, draws: Draws): HttpClient {
  const refusals: Refusal[] = [];
  let next = 0;
  let end = 0;
  let sending: Promise<void> | null = null;
  let accepted = 0;
  let deadLettered = 0;
  let stopped = false;

  async function post(batch: ClientBatch): Promise<string | null> {
    const at = url();
    if (at === null) return null;
    try {
      const response = await fetch(`${at}/v1/ingest`, {
        method: 'POST',
        headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': batch.key },
        body: batch.body,
        signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
      });
      const text = await response.text();
      if (response.status === 200) return text;
      if (response.status < 500) throw new Refused(`batch ${batch.key} was answered ${response.status}: ${text}`);
      refusals.push({ status: response.status, retryAfter: response.headers.get('retry-after') });
    } catch (error) {
      // Anything else is a connection that the kill cut.
      if (error instanceof Refused) throw error;
    }
    return null;
  }

  async function postUntilTaken(batch: ClientBatch): Promise<void> {
    while (!stopped) {
      const answer = await post(batch);
      if (answer === null) {
        await wait(RETRY_MS);
        continue;
      }
      const { accepted: taken, dead_lettered: refused } = JSON.parse(answer) as Record<string, number>;
      if (taken === batch.accepted && refused === batch.deadLettered) return;
      throw new Refused(`batch ${batch.key} holds ${batch.accepted} + ${batch.deadLettered} lines; answer: ${answer}`);
    }
  }

  async function send(): Promise<void> {
    while (next < end && !stopped) {
      const batch = work.batches[next] as ClientBatch;
      await postUntilTaken(batch);
      if (draws.below(LOST_ONE_IN) === 0) await postUntilTaken(batch);
      if (stopped) return;
      next += 1;
      accepted += batch.accepted;
      deadLettered += batch.deadLettered;
    }
  }

  return {
    refusals,
    sendUpTo(batches) {
      end = Math.min(batches, work.batches.length);
      sending ??= send().finally(() => {
        sending = null;
      });
      return sending;
    },
    counts: () => ({ accepted, deadLettered }),
    stop() {
      stopped = true;
    },
  };
}

class Refused extends Error {}
