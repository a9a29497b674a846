import { isAscii } from 'node:buffer';
import type { AccessRecord } from '../schemas/event.ts';
import type { DeadLetterReason, DropReason, Outcome } from '../schemas/outcome.ts';
import { LINE_MAX_BYTES, type LineFormat } from './formats/format.ts';

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;
const NUL = 0;
/** UTF-8 byte-order mark, which editors and some exporters put in front of a file. */
const BYTE_ORDER_MARK = 0xfeff;

/** Who gets the lines of a stretch of bytes. Byte ranges exclude the line end. */
export interface LineHandlers {
  record(record: AccessRecord, position: number): void;
  drop(reason: DropReason): void;
  deadLetter(reason: DeadLetterReason, why: string, position: number, from: number, to: number): void;
}

/** How positions run: by byte offset (files), one a line (streams without offsets), or as listed, one for each line. */
export type PositionStep = 'bytes' | 'lines' | Float64Array;

/**
 * Reads the lines of `bytes` with a format and hands each outcome on. The bytes end with a line end, or hold one last
 * line without. Bytes that are not UTF-8 become U+FFFD and the line is kept. Returns how many lines there were.
 *
 * A stretch of pure ASCII, which is nearly all of any log, is sliced as latin1: the same text, without decoding.
 */
export function readLines(
  bytes: Buffer,
  format: LineFormat,
  position: number,
  step: PositionStep,
  handlers: LineHandlers,
): number {
  const encoding = isAscii(bytes) ? 'latin1' : 'utf8';
  let lines = 0;
  let from = 0;
  while (from < bytes.length) {
    let end = bytes.indexOf(NEWLINE, from);
    if (end < 0) end = bytes.length;
    const at = positionOf(step, position, from, lines);
    const to = end > from && bytes[end - 1] === CARRIAGE_RETURN ? end - 1 : end;
    readLine(bytes, from, to, encoding, format, at, handlers);
    lines += 1;
    from = end + 1;
  }
  return lines;
}

function positionOf(step: PositionStep, position: number, offset: number, line: number): number {
  if (step === 'bytes') return position + offset;
  return step === 'lines' ? position + line : (step[line] ?? position);
}

function readLine(
  bytes: Buffer,
  from: number,
  to: number,
  encoding: 'latin1' | 'utf8',
  format: LineFormat,
  at: number,
  handlers: LineHandlers,
): void {
  if (to - from > LINE_MAX_BYTES) {
    handlers.deadLetter('too_long', `the line is longer than ${LINE_MAX_BYTES} bytes`, at, from, to);
    return;
  }
  let text = bytes.toString(encoding, from, to);
  if (encoding === 'utf8' && text.charCodeAt(0) === BYTE_ORDER_MARK) text = text.slice(1);
  const outcome: Outcome<AccessRecord> = format.parse(text);
  if (outcome.type === 'ok') handlers.record(outcome.value, at);
  else if (outcome.type === 'drop') handlers.drop(outcome.reason);
  else if (bytes.subarray(from, to).includes(NUL)) {
    handlers.deadLetter('binary', 'the line holds NUL bytes', at, from, to);
  } else handlers.deadLetter(outcome.reason, outcome.why, at, from, to);
}
