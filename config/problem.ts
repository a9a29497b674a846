/** One thing that must change in a settings file, told so that it can be changed without looking anything up. */
export interface Problem {
  /** The file it stands in: the settings file, or a policy file that it names. */
  readonly file: string;
  /** Counted from 1. A setting that is missing is placed where it belongs. */
  readonly line: number;
  /** Counted from 1. */
  readonly column: number;
  /** The setting, as `sources[0].format`; empty for the file as a whole. */
  readonly path: string;
  /** What is wrong. Never holds the value of a secret. */
  readonly message: string;
  /** What to write instead. */
  readonly fix: string;
}

/** Reports a problem of the setting at the path. */
export type Report = (path: string, message: string, fix: string) => void;

/** Longest piece of a written value that a message repeats: enough to recognise it, short enough for one line. */
const QUOTED_MAX_CHARS = 60;

/** A written value as a message may repeat it: quoted, escaped and bounded. Not for secrets. */
export function quoted(value: unknown): string {
  const text = String(value);
  return JSON.stringify(text.length > QUOTED_MAX_CHARS ? `${text.slice(0, QUOTED_MAX_CHARS)}...` : text);
}

/** Joins a setting's path and a key or a list index: `a.b`, `a[0]`. */
export function childPath(path: string, key: string | number): string {
  if (typeof key === 'number') return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}
