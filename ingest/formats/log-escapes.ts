const BACKSLASH = 92;
const LOWER_X = 120;

/** C escapes for one character (Apache ap_escape_logitem and what C programs print besides). */
const SINGLE: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  n: '\n',
  r: '\r',
  t: '\t',
  b: '\b',
  f: '\f',
  v: '\v',
  a: '\x07',
};

/**
 * Undoes the escaping of NGINX (`escape=default`: `\xHH`) and Apache (`\"`, `\\`, C escapes, `\xhh`). `\xHH` stands for
 * a byte; a run of such bytes above 0x7F is read as UTF-8, invalid ones as U+FFFD. What is no escape is kept as it is.
 * Call it only for text that holds a backslash.
 */
export function unescapeLog(text: string): string {
  let out = '';
  let from = 0;
  let at = text.indexOf('\\');
  while (at >= 0) {
    out += text.slice(from, at);
    const byte = hexByte(text, at);
    if (byte >= 0x80) {
      const end = endOfBytes(text, at);
      out += decodeBytes(text, at, end);
      from = end;
    } else if (byte >= 0) {
      out += String.fromCharCode(byte);
      from = at + 4;
    } else {
      const single = SINGLE[text.charAt(at + 1)];
      out += single ?? text.slice(at, at + 2);
      from = at + 2;
    }
    at = text.indexOf('\\', from);
  }
  return out + text.slice(from);
}

/** Value of a `\xHH` at `at`, or -1. */
function hexByte(text: string, at: number): number {
  if (text.charCodeAt(at) !== BACKSLASH || text.charCodeAt(at + 1) !== LOWER_X) return -1;
  const high = hexDigit(text.charCodeAt(at + 2));
  const low = hexDigit(text.charCodeAt(at + 3));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

function hexDigit(c: number): number {
  if (c >= 48 && c <= 57) return c - 48;
  if (c >= 65 && c <= 70) return c - 55;
  return c >= 97 && c <= 102 ? c - 87 : -1;
}

/** End of the run of escaped bytes above 0x7F that begins at `at`. */
function endOfBytes(text: string, at: number): number {
  let end = at;
  while (hexByte(text, end) >= 0x80) end += 4;
  return end;
}

function decodeBytes(text: string, from: number, to: number): string {
  const bytes = Buffer.allocUnsafe((to - from) / 4);
  for (let i = 0; i < bytes.length; i++) bytes[i] = hexByte(text, from + i * 4);
  return bytes.toString('utf8');
}
