import type { AccessRecord } from '../../schemas/event.ts';
import type { Outcome } from '../../schemas/outcome.ts';
import { NOT_COMBINED, SERVER_LOG, SSL_REQUEST } from './outcomes.ts';

/** `[10/Oct/2000:13:55:36 -0700] host protocol cipher "request" size`, Apache's ssl_request_log. */
const SSL_REQUEST_LINE = /^\[\d\d\/[A-Z][a-z]{2}\/\d{4}:[\d:]{8} [+-]\d{4}\] \S+ (?:TLSv|SSLv|-)\S* \S+ "/;
/** `[Wed Oct 11 14:32:52.123456 2023] [core:error]`, Apache's error log. */
const APACHE_ERROR_LINE = /^\[[A-Z][a-z]{2} [A-Z][a-z]{2} \d\d [\d:.]{8,15} \d{4}\] \[/;
/** `2019/05/30 14:24:25 [error] 1234#0:`, NGINX's error log. */
const NGINX_ERROR_LINE = /^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d \[[a-z]+\] /;

/** What becomes of a line that is no common or combined line: a known companion log is passed over, the rest refused. */
export function refuseCombined(line: string): Outcome<AccessRecord> {
  if (SSL_REQUEST_LINE.test(line)) return SSL_REQUEST;
  if (APACHE_ERROR_LINE.test(line) || NGINX_ERROR_LINE.test(line)) return SERVER_LOG;
  return NOT_COMBINED;
}
