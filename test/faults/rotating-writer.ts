import { closeSync, copyFileSync, existsSync, ftruncateSync, openSync, renameSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Draws } from '../../bench/eval/draws.ts';
import type { FileWork } from './workload.ts';

/** Most lines of one write, and the pause behind it: a gateway flushes its buffer now and then. */
const CHUNK_LINES = 60;
const PAUSE_MAX_MS = 25;
/** A gateway writes so many lines less one to the renamed file before it opens the new one; each rotation another number. */
const LATE_LINES = 4;
/** One write in so many ends in the middle of a line. */
const PARTS_ONE_IN = 3;
/** Rotations must not share one tick of the kernel's file clock (10 ms at 100 Hz), or nobody can tell their order. */
const ROTATION_GAP_MS = 25;

/** Writes a log file gradually and rotates it, as a gateway and logrotate do. */
export interface RotatingWriter {
  readonly path: string;
  /** Writes until so many lines are out, the next one perhaps in part. A later call may raise the number before that. */
  writeUpTo(lines: number): Promise<void>;
  /** Lines that are out with their line end: those that were accepted, and those that belong into the dead letter. */
  counts(): { readonly accepted: number; readonly deadLettered: number };
  close(): void;
}

/**
 * Nothing is lost by the writer: between the copy and the cut of "copytruncate" it does not write. A renamed file still
 * gets a few lines at once; then the writer opens the new one.
 */
export function createRotatingWriter(directory: string, work: FileWork, draws: Draws): RotatingWriter {
  const path = join(directory, `${work.name}.log`);
  let file = openSync(path, 'a');
  /** The first line that is not out with its line end, and how much of it is out. */
  let next = 0;
  let part = 0;
  let end = 0;
  let writing: Promise<void> | null = null;
  let rotations = 0;
  let accepted = 0;
  let deadLettered = 0;

  /** Writes the lines up to `to`, and a share of that one. */
  function write(to: number, shareOfNext: number): void {
    const lines = work.lines.slice(next, to);
    const ahead = work.lines[to]?.text ?? '';
    const partAhead = Math.floor(ahead.length * shareOfNext);
    const text = lines.map((line) => line.text).join('') + ahead.slice(0, partAhead);
    writeSync(file, text.slice(part));
    accepted += lines.filter((line) => line.accepted).length;
    deadLettered += lines.filter((line) => !line.accepted).length;
    next = to;
    part = partAhead;
  }

  function finishLine(): void {
    if (part > 0) write(next + 1, 0);
  }

  function rotate(): void {
    finishLine();
    rotations += 1;
    shiftNames(path);
    if (rotations % 2 === 0) {
      copyFileSync(path, `${path}.1`);
      ftruncateSync(file, 0);
      return;
    }
    renameSync(path, `${path}.1`);
    write(Math.min(next + (rotations % LATE_LINES), work.lines.length), 0);
    closeSync(file);
    file = openSync(path, 'a');
  }

  async function writeOn(): Promise<void> {
    while (next < end) {
      const rotateAt = work.rotations[rotations] ?? Number.POSITIVE_INFINITY;
      if (next >= rotateAt) {
        rotate();
        await wait(ROTATION_GAP_MS);
        continue;
      }
      const to = Math.min(next + 1 + draws.below(CHUNK_LINES), end, rotateAt);
      const cut = to < rotateAt && draws.below(PARTS_ONE_IN) === 0;
      write(to, cut ? draws.uniform() : 0);
      await wait(draws.below(PAUSE_MAX_MS));
    }
  }

  return {
    path,
    writeUpTo(lines) {
      end = Math.min(lines, work.lines.length);
      writing ??= writeOn().finally(() => {
        writing = null;
      });
      return writing;
    },
    counts: () => ({ accepted, deadLettered }),
    close: () => closeSync(file),
  };
}

/** As logrotate does: `.2` becomes `.3`, then `.1` becomes `.2`, so that `.1` is free. */
function shiftNames(path: string): void {
  let count = 0;
  while (existsSync(`${path}.${count + 1}`)) count += 1;
  for (let number = count; number >= 1; number--) renameSync(`${path}.${number}`, `${path}.${number + 1}`);
}
