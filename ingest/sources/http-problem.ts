import { STATUS_CODES } from 'node:http';
import type { FastifyReply } from 'fastify';

/** An answer other than success, as RFC 9457 describes it. `detail` says what to change and never repeats what was sent. */
export class HttpProblem extends Error {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail);
    this.name = 'HttpProblem';
    this.status = status;
    this.headers = headers;
  }
}

export function sendProblem(reply: FastifyReply, problem: HttpProblem): FastifyReply {
  const { status, headers, message } = problem;
  return reply
    .code(status)
    .headers(headers)
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status] ?? 'Error', status, detail: message }));
}

/** The problem for an error of any kind. Errors of the framework are told by their code; their texts may quote the request. */
export function toProblem(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  const code = error instanceof Error && 'code' in error ? error.code : null;
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') {
    return new HttpProblem(415, 'send application/x-ndjson, text/plain or application/json');
  }
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE')
    return new HttpProblem(413, 'the body is too large: send fewer lines at a time');
  const status = error instanceof Error && 'statusCode' in error ? error.statusCode : null;
  if (typeof status === 'number' && status >= 400 && status < 500)
    return new HttpProblem(400, 'the request is not readable');
  return new HttpProblem(500, 'the request failed inside; the log of this program says why');
}
