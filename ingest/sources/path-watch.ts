import { type FSWatcher, watch } from 'node:fs';

/** Tells of changes to the file at a path. Without a watch (none left, a network file system) it never does: poll too. */
export interface PathWatch {
  /** Watches the file that is at the path now. */
  renew(): void;
  close(): void;
}

/** `changed(true)`: the path itself may name another file now. */
export function createPathWatch(path: string, changed: (renamed: boolean) => void): PathWatch {
  let watcher: FSWatcher | null = null;

  function close(): void {
    watcher?.close();
    watcher = null;
  }

  return {
    renew() {
      close();
      try {
        watcher = watch(path, (event) => changed(event === 'rename'));
        watcher.on('error', close);
      } catch {
        // Polling alone is slower, and nothing else.
      }
    },
    close,
  };
}
