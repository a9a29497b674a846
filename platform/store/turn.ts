/** Runs tasks one after another, in the order of the calls. A task that fails does not stop the next. */
export type Turn = <T>(task: () => Promise<T>) => Promise<T>;

export function inTurn(): Turn {
  let last: Promise<unknown> = Promise.resolve();
  return (task) => {
    const mine = last.then(task);
    last = mine.catch(() => undefined);
    return mine;
  };
}
