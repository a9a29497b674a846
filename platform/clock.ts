import type { Clock } from './ports.ts';

/** The machine's wall clock, in milliseconds since 1970. It may jump when the machine's time is set. */
export const systemClock: Clock = { now: () => Date.now() };
