/** Written, refused by its condition, failed, or not settled within the deadline. */
export type CommitOutcome = boolean | 'late' | { readonly error: unknown };

/**
 * What became of a commit. Never rejects. The deadline (ms) is there because lmdb-js answers never once its environment
 * has failed for good (the page that makes commits current could not be written): a clear end is better than a silent
 * standstill.
 */
export function commitOutcome(commit: Promise<boolean>, deadlineMs: number): Promise<CommitOutcome> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, deadlineMs, 'late').unref();
    const settle = (outcome: CommitOutcome) => {
      clearTimeout(timer);
      resolve(outcome);
    };
    commit.then(settle, (error: unknown) => settle({ error }));
  });
}
