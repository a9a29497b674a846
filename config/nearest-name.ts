/**
 * The name that somebody most likely meant, or null when none is close.
 *
 * Distance is optimal string alignment (insert, delete, replace, swap of neighbours: Damerau 1964, restricted form),
 * without regard to case and with `-` and `_` taken as equal. At most a third of the longer name may differ, and at most
 * 3 characters: further away a suggestion misleads more often than it helps. Of equally close names the first wins.
 */
export function nearestName(written: string, known: readonly string[]): string | null {
  const wanted = plain(written);
  if (wanted.length > NAME_MAX_CHARS) return null;
  let best: string | null = null;
  let bestDistance = Number.POSITIVE_INFINITY;
  for (const name of known) {
    const candidate = plain(name);
    const bound = Math.min(DISTANCE_MAX, Math.ceil(Math.max(wanted.length, candidate.length) / 3));
    const distance = editDistance(wanted, candidate);
    if (distance <= bound && distance < bestDistance) {
      best = name;
      bestDistance = distance;
    }
  }
  return best;
}

const DISTANCE_MAX = 3;
/** Nobody's setting is longer; keeps the quadratic distance cheap. */
const NAME_MAX_CHARS = 64;

function plain(name: string): string {
  return name.toLowerCase().replaceAll('-', '_');
}

/** Number of single-character edits, a swap of neighbours counting as one, that turn `a` into `b`. */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (beforeLast[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
