import { LINE_MAX_BYTES } from '../formats/format.ts';

/**
 * How much of an over-long line is handed over: the line reader refuses it as `too_long` even when its last byte is a
 * carriage return, which the line reader takes for a part of the line end.
 */
export const OVERLONG_BYTES = LINE_MAX_BYTES + 2;
