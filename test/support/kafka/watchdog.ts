import { spawn } from 'node:child_process';

/**
 * Reads process ids, one a line, until its input closes, as it does however the writer ends. Then it kills the last one and
 * removes the folder. An empty line means no process, `done` means that nothing is left to do. Signals to the whole group
 * (Ctrl-C) must not end it before its work. It waits a while for the death, so that no file comes after the removal, but not
 * for ever: a process that nobody reaps stays in the table.
 */
const SCRIPT = `
trap '' INT TERM HUP
pid=
while read -r line; do
  [ "$line" = done ] && exit 0
  pid=$line
done
if [ -n "$pid" ]; then
  kill -KILL "$pid"
  tries=0
  while kill -0 "$pid" 2>/dev/null && [ $tries -lt 20 ]; do
    sleep 0.1
    tries=$((tries + 1))
  done
fi
rm -rf "$1"
`;

/** Sees to it that a process and a folder do not outlive this process, even when this one is killed. */
export interface Watchdog {
  /** The process to kill, null for none. */
  watch(pid: number | null): void;
  /** Ends the watch: the process and the folder are gone. */
  release(): void;
}

/** Watches over a folder from now on, and over the process that is named later. */
export function startWatchdog(directory: string): Watchdog {
  const shell = spawn('/bin/sh', ['-c', SCRIPT, 'sh', directory], { stdio: ['pipe', 'ignore', 'ignore'] });
  shell.unref();
  return {
    watch: (pid) => shell.stdin.write(`${pid ?? ''}\n`),
    release: () => shell.stdin.end('done\n'),
  };
}
