import { createDraws } from '../../bench/eval/draws.ts';
import { createHttpClient, type HttpClient } from './http-clients.ts';
import { createRotatingWriter, type RotatingWriter } from './rotating-writer.ts';
import type { Workload } from './workload.ts';

/** Lines that are with the program for good: acknowledged by HTTP, or in a file with their line end. */
export interface Sent {
  readonly accepted: number;
  readonly deadLettered: number;
}

/** A workload on its way to a program that comes and goes. */
export interface Traffic {
  readonly writers: readonly RotatingWriter[];
  readonly clients: readonly HttpClient[];
  /** Brings files and clients to this share (0 to 1) of their work. Files go on while the program is down, clients wait. */
  advanceTo(share: number): Advance;
  sent(): Sent;
  stop(): void;
}

export interface Advance {
  readonly files: Promise<void>;
  readonly clients: Promise<void>;
}

/** `logs`: folder of the log files. `url`: where the program listens; null while it is down. */
export function createTraffic(workload: Workload, logs: string, url: () => string | null, seed: number): Traffic {
  const writers = workload.files.map((work, i) => createRotatingWriter(logs, work, createDraws(seed + i)));
  const clients = workload.clients.map((work, i) => createHttpClient(work, url, createDraws(seed + 100 + i)));
  return {
    writers,
    clients,
    advanceTo(share) {
      const files = writers.map((writer, i) =>
        writer.writeUpTo(Math.round((workload.files[i]?.lines.length ?? 0) * share)),
      );
      const sends = clients.map((client, i) =>
        client.sendUpTo(Math.round((workload.clients[i]?.batches.length ?? 0) * share)),
      );
      const advance = { files: all(files), clients: all(sends) };
      // Somebody awaits them later, perhaps after a kill; until then a failure is not unhandled.
      advance.files.catch(() => {});
      advance.clients.catch(() => {});
      return advance;
    },
    sent() {
      const all = [...writers, ...clients].map((one) => one.counts());
      const sum = (of: (sent: Sent) => number) => all.reduce((total, one) => total + of(one), 0);
      return { accepted: sum((one) => one.accepted), deadLettered: sum((one) => one.deadLettered) };
    },
    stop() {
      for (const client of clients) client.stop();
      for (const writer of writers) writer.close();
    },
  };
}

async function all(work: readonly Promise<void>[]): Promise<void> {
  await Promise.all(work);
}
