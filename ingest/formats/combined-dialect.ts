/** Which server wrote common or combined lines, and what says so. */
export interface Dialect {
  readonly name: 'apache' | 'nginx';
  readonly because: string;
}

/** How far a logged time must go back to show that lines were written at the end and dated at the start, ms. */
const GOES_BACK_MS = 1_000;

/** Signs of Apache: what NGINX never writes. */
const APACHE_SIGNS: readonly (readonly [RegExp, string])[] = [
  [/" \d{3} -(?: |$)/, 'a size written "-"'],
  [/\] "-" \d{3} /, 'a request written "-"'],
  [/^\S+:\d+ \S+ \S+ [^[]+ \[/, 'a virtual host with port in front'],
  [/\\"|\\x[0-9a-f]?[a-f][0-9a-f]?/, 'escapes \\" or \\xhh in lower case'],
  [/^\S+ [^-\s]\S* \S+ \[/, 'an identd name'],
];

/** Signs of NGINX: what Apache never writes. */
const NGINX_SIGNS: readonly (readonly [RegExp, string])[] = [
  [/" (?:499|444|49[4-7]) \d/, 'a status that only NGINX uses'],
  [/\] "" \d{3} /, 'an empty request written ""'],
  [/\\x22|\\x5C|\\x[0-9A-F]?[A-F][0-9A-F]?/, 'escapes \\x22 or \\xHH in upper case'],
];

/**
 * Tells Apache and NGINX apart, whose lines look the same but whose times do not mean the same. Looks for what one of
 * them never writes, and else for times that go back, since Apache dates a line at the start of its request and writes it
 * at the end. Without any sign NGINX is assumed, and `because` says that it is an assumption.
 *
 * Takes the lines that a combined parser reads, with their times. Misses: sources that mix servers, and lines that were
 * sorted or shuffled on the way.
 */
export function combinedDialect(lines: readonly string[], timesMs: readonly number[]): Dialect {
  const apache = countSigns(lines, APACHE_SIGNS);
  const nginx = countSigns(lines, NGINX_SIGNS);
  if (apache.count > nginx.count)
    return { name: 'apache', because: `${apache.count} of the lines show Apache, most often by ${apache.sign}` };
  if (nginx.count > apache.count)
    return { name: 'nginx', because: `${nginx.count} of the lines show NGINX, most often by ${nginx.sign}` };
  let newest = Number.NEGATIVE_INFINITY;
  let back = 0;
  for (const time of timesMs) {
    if (time < newest - GOES_BACK_MS) back += 1;
    newest = Math.max(newest, time);
  }
  if (back > 0) return { name: 'apache', because: `the time goes back in ${back} lines, as start times do` };
  return {
    name: 'nginx',
    because: 'an assumption: no line shows which server wrote it; set the format if it is Apache',
  };
}

/** How many lines have any of the signs, and which of them is the most frequent. */
function countSigns(lines: readonly string[], signs: readonly (readonly [RegExp, string])[]) {
  let best = { count: 0, sign: '' };
  for (const [pattern, sign] of signs) {
    const count = lines.reduce((sum, line) => sum + (pattern.test(line) ? 1 : 0), 0);
    if (count > best.count) best = { count, sign };
  }
  const count = lines.filter((line) => signs.some(([pattern]) => pattern.test(line))).length;
  return { count, sign: best.sign };
}
