/** Exit codes of the program, the only ones. */
export const EXIT = {
  /** Done as asked. */
  ok: 0,
  /** Started, and could not finish: a file or the store failed, or nothing could be read. */
  failure: 1,
  /** The command line or the settings must change; nothing was started. */
  usage: 2,
} as const;
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

export const EXIT_CODE_WORDS: Readonly<Record<ExitCode, string>> = {
  0: 'done',
  1: 'failed while running',
  2: 'wrong command line or settings; nothing was started',
};
