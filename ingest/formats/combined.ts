import type { AccessRecord, TimeBasis } from '../../schemas/event.ts';
import type { ClearIdentity } from '../../schemas/identity.ts';
import type { Outcome } from '../../schemas/outcome.ts';
import { createClfReader } from '../clf-time.ts';
import { splitForwardedFor } from '../client-address.ts';
import { canonicalAddress, isPlainIpv4, peerAddress } from '../ip-address.ts';
import { createIsoReader } from '../iso-time.ts';
import { timeInRange } from '../timestamps.ts';
import { refuseCombined } from './combined-refusal.ts';
import { closingQuote, digits, isVirtualHost, startsStatus } from './combined-scan.ts';
import { emptyRecord, LINE_MAX_BYTES, type LineFormat, NO_PRINCIPALS } from './format.ts';
import { hostName } from './host-name.ts';
import { unescapeLog } from './log-escapes.ts';
import { EMPTY, INVALID_STATUS, INVALID_TIME, TIME_OUT_OF_RANGE, TOO_LONG } from './outcomes.ts';
import { readRequestLine } from './request-line.ts';

export interface CombinedSettings {
  /** When the logged time was taken: Apache logs the start of a request, NGINX the end. Nothing on the line says which. */
  readonly basis: Exclude<TimeBasis, 'bus'>;
  /** Zone of times without one, minutes ahead of UTC; null: UTC is assumed and the record says so. */
  readonly zoneOffsetMinutes: number | null;
  /**
   * False when the gateway does not check the password itself: NGINX logs whatever user a client names, protected
   * location or not. The user is then `claimed`, whatever the status.
   */
  readonly userIsProven: boolean;
}

/** `10/Oct/2000:13:55:36 -0700` and the bracket in front of it: how far the bracket stands from the closing one. */
const CLF_BRACKETS = 27;
/** The same for the blank in front of the zone. */
const CLF_ZONE = 6;
/** Longest status that is kept as text. */
const STATUS_MAX_CHARACTERS = 8;
/** More digits than any size has. */
const SIZE_MAX_DIGITS = 15;

const SPACE = 32;
const QUOTE = 34;
const DASH = 45;
const OPEN_BRACKET = 91;

/**
 * Reads the Common Log Format and what is built on it: combined, a virtual host in front, and trailing fields, of which
 * X-Forwarded-For is read (`X-Forwarded-For="..."`, or the quoted field behind the user agent when it ends in a bare
 * address, as in the `main` format of NGINX packages) and all others are passed over: what they mean is known only to
 * the gateway's configuration.
 *
 * Every field is found from a place that a client cannot forge: neither server writes a raw quote inside a field, so
 * the first `] "` ends the time, and a quote that is not escaped and stands before a blank ends a field. Lines of servers
 * that do not escape are read by the same rule, as well as it goes. A line cut behind the size is an event without agent.
 *
 * Sources: Apache mod_log_config (`%h %l %u %t "%r" %>s %b "%{Referer}i" "%{User-agent}i"`), ngx_http_log_module.
 */
export function createCombinedFormat(name: string, settings: CombinedSettings): LineFormat {
  const record = emptyRecord();
  const ok: Outcome<AccessRecord> = { type: 'ok', value: record };
  const clf = createClfReader(settings.zoneOffsetMinutes);
  const iso = createIsoReader(settings.zoneOffsetMinutes);
  const user: { -readonly [K in keyof ClearIdentity]: ClearIdentity[K] } = { kind: 'user', value: '' };
  const principals: readonly ClearIdentity[] = [user];
  const forwarded: string[] = [];
  record.timeBasis = settings.basis;

  function parse(line: string): Outcome<AccessRecord> {
    let end = line.length;
    if (end > LINE_MAX_BYTES) return TOO_LONG;
    while (end > 0 && line.charCodeAt(end - 1) <= SPACE) end -= 1;
    if (end === 0) return EMPTY;

    const close = line.indexOf('] "');
    if (close < CLF_BRACKETS) return refuseCombined(line);
    const usual = close - CLF_BRACKETS;
    const open =
      line.charCodeAt(usual) === OPEN_BRACKET && line.charCodeAt(close - CLF_ZONE) === SPACE
        ? usual
        : line.lastIndexOf('[', close);

    const host = line.indexOf(' ');
    const ident = line.indexOf(' ', host + 1);
    if (host < 1 || ident < 0 || ident >= open - 1 || line.charCodeAt(open - 1) !== SPACE) return refuseCombined(line);

    const request = close + 3;
    let quote = closingQuote(line, request, end);
    while (quote >= 0 && !startsStatus(line, quote + 2)) quote = closingQuote(line, quote + 1, end);
    if (quote < 0) return refuseCombined(line);
    const sizeFrom = line.indexOf(' ', quote + 2) + 1;
    if (sizeFrom === 0 || sizeFrom >= end) return refuseCombined(line);
    if (!readStatus(line, quote + 2, sizeFrom - 1)) return INVALID_STATUS;
    const sizeTo = readSize(line, sizeFrom, end);
    if (sizeTo < 0) return refuseCombined(line);

    const timeMs = readTime(line, open + 1, close);
    if (Number.isNaN(timeMs)) return INVALID_TIME;
    if (!timeInRange(timeMs)) return TIME_OUT_OF_RANGE;
    record.timeMs = timeMs;

    const escaped = line.includes('\\');
    record.host = null;
    readPrefix(line, host, ident, open - 1, escaped);
    if (escaped) {
      const text = unescapeLog(line.slice(request, quote));
      readRequestLine(text, 0, text.length, record);
    } else readRequestLine(line, request, quote, record);
    record.userAgent = null;
    record.forwardedFor = null;
    if (sizeTo + 1 < end && line.charCodeAt(sizeTo + 1) === QUOTE) readAgent(line, sizeTo + 2, end, escaped);
    return ok;
  }

  function readTime(line: string, from: number, to: number): number {
    const ms = clf.read(line, from, to);
    if (!Number.isNaN(ms)) {
      record.timeZoneAssumed = clf.zoneAssumed;
      return ms;
    }
    const isoMs = iso.read(line, from, to);
    record.timeZoneAssumed = iso.zoneAssumed;
    return isoMs;
  }

  /** `host ident user`, or the same behind a virtual host; `host` and `ident` are where these end, `to` the user. */
  function readPrefix(line: string, host: number, ident: number, to: number, escaped: boolean): void {
    const third = line.indexOf(' ', ident + 1);
    if (third < to && third >= 0 && isVirtualHost(line, host, ident, third)) {
      record.host = hostName(line.slice(0, host));
      readPeer(line.slice(host + 1, ident));
      readUser(line, third + 1, to, escaped);
    } else {
      readPeer(line.slice(0, host));
      readUser(line, ident + 1, to, escaped);
    }
  }

  function readPeer(text: string): void {
    record.peer = isPlainIpv4(text) ? text : peerAddress(text);
    record.peerRaw = record.peer === null && text !== '-' && text !== '' ? text : null;
  }

  function readUser(line: string, from: number, to: number, escaped: boolean): void {
    record.principals = NO_PRINCIPALS;
    record.claimed = null;
    if (to <= from || (to === from + 1 && line.charCodeAt(from) === DASH)) return;
    const text = line.slice(from, to);
    // Apache writes an empty user as two quotes.
    if (text === '""') return;
    user.value = escaped ? unescapeLog(text) : text;
    if (record.status === 401 || !settings.userIsProven) record.claimed = user;
    else record.principals = principals;
  }

  function readStatus(line: string, from: number, to: number): boolean {
    record.clientAborted = false;
    const status = to - from === 3 ? digits(line, from, to) : -1;
    if (status >= 100 && status <= 599) {
      record.status = status;
      record.statusRaw = null;
      record.clientAborted = status === 499;
      return true;
    }
    record.status = null;
    record.statusRaw = line.slice(from, to);
    const sign = line.charCodeAt(from) === DASH ? 1 : 0;
    return to - from <= STATUS_MAX_CHARACTERS && (to - from === sign || digits(line, from + sign, to) >= 0);
  }

  /** Index behind the size, or -1. `-` is 0: nothing was sent. */
  function readSize(line: string, from: number, end: number): number {
    const blank = line.indexOf(' ', from);
    const to = blank < 0 || blank > end ? end : blank;
    if (to === from + 1 && line.charCodeAt(from) === DASH) record.responseBytes = 0;
    else {
      const size = to - from > SIZE_MAX_DIGITS ? -1 : digits(line, from, to);
      if (size < 0) return -1;
      record.responseBytes = size;
    }
    return to;
  }

  /** Referer and user agent; `from` is behind the quote that opens the referer. */
  function readAgent(line: string, from: number, end: number, escaped: boolean): void {
    const referer = closingQuote(line, from, end);
    if (referer < 0 || line.charCodeAt(referer + 2) !== QUOTE) return;
    const agent = closingQuote(line, referer + 3, end);
    // A cut agent would look like another program.
    if (agent < 0) return;
    const text = line.slice(referer + 3, agent);
    if (text !== '-' && text !== '') record.userAgent = escaped ? unescapeLog(text) : text;
    if (agent + 1 < end) readForwarded(line, agent + 1, end);
  }

  function readForwarded(line: string, from: number, end: number): void {
    const named = line.indexOf('orwarded-For="', from);
    const start = named < 0 ? from + 2 : named + 14;
    if (named < 0 && line.charCodeAt(from + 1) !== QUOTE) return;
    const close = closingQuote(line, start, end);
    if (close <= start || (close === start + 1 && line.charCodeAt(start) === DASH)) return;
    forwarded.length = 0;
    splitForwardedFor(line.slice(start, close), forwarded);
    const last = forwarded[forwarded.length - 1] as string;
    // An unnamed field may be anything: a gzip ratio, an upstream `ip:port`. Proxies append bare addresses.
    if (named >= 0 || isPlainIpv4(last) || (!last.includes('.') && canonicalAddress(last) !== null)) {
      record.forwardedFor = forwarded;
    }
  }

  return { name, parse };
}
