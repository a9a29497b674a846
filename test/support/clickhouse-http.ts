import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Session } from 'chdb';

/** Parameters of ClickHouse's HTTP interface that are no settings of a query. */
const NOT_SETTINGS = new Set(['query', 'query_id', 'database', 'default_format', 'user', 'password']);
/** Settings of the HTTP layer itself, unknown to the engine in process. */
const HTTP_LAYER = /^(wait_end_of_query|send_progress|http_|enable_http_compression)/;

/**
 * The part of ClickHouse's HTTP interface that the client uses, in front of the real engine in this process: the query in
 * the URL or the body, rows in the body, settings and parameters in the URL, errors as text with their code in a header.
 */
export async function serveOverHttp(session: Session): Promise<{ url: string; close(): Promise<void> }> {
  let tail: Promise<unknown> = Promise.resolve();
  const server = createServer((request, response) => {
    tail = tail.then(async () => {
      try {
        const answer = await answerTo(session, request);
        response.writeHead(200, { 'content-type': 'text/plain' }).end(answer);
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        const code = /^Code: (\d+)/.exec(message)?.[1] ?? '1002';
        response.writeHead(500, { 'x-clickhouse-exception-code': code }).end(message);
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function answerTo(session: Session, request: IncomingMessage): Promise<Uint8Array> {
  const url = new URL(request.url ?? '/', 'http://localhost');
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  const params: Record<string, string> = {};
  const settings: Record<string, string> = {};
  for (const [name, value] of url.searchParams) {
    if (name.startsWith('param_')) params[name.slice(6)] = value;
    else if (!NOT_SETTINGS.has(name) && !HTTP_LAYER.test(name)) settings[name] = value;
  }
  const inUrl = url.searchParams.get('query');
  const insert = /^INSERT INTO (\w+) \(([^)]*)\) FORMAT JSONCompactEachRow$/.exec(inUrl ?? '');
  if (insert !== null) {
    const columns = (insert[2] as string).split(', ').map((name) => name.slice(1, -1));
    await session.insert({ table: insert[1] as string, columns, values: body, format: 'JSONCompactEachRow', settings });
    return new Uint8Array();
  }
  const sets = Object.entries(settings).map(([name, value]) => `SET ${name} = '${value}'; `);
  const sql = sets.join('') + (inUrl ?? body.toString());
  // The client sends values escaped as in TSV; this library escapes them itself.
  const bound = Object.fromEntries(Object.entries(params).map(([name, value]) => [name, unescaped(value)]));
  const result = await (Object.keys(bound).length === 0 ? session.queryAsync(sql) : session.queryBindAsync(sql, bound));
  return result.bytes();
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', b: '\b', f: '\f', '0': '\0' };

function unescaped(value: string): string {
  return value.replace(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character);
}
