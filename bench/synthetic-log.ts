import { createDraws } from './eval/draws.ts';

/** Length of a line with its newline, fields of an event, identities: the shape that the figures are quoted for. */
export const LINE_BYTES = 334;
export const IDENTITIES = 100_000;
/** Events a second of log time. */
const RATE = 2_000;
/** 2026-06-01T00:00:00Z, a Monday. */
const START_MS = 1_780_272_000_000;
const CHUNK_BYTES = 4 * 1024 * 1024;

const METHODS = ['GET', 'GET', 'GET', 'GET', 'POST', 'PUT'] as const;
const ROUTES = ['orders', 'users', 'invoices', 'carts', 'items', 'devices', 'reports', 'sessions'] as const;
const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1',
  'okhttp/4.12.0',
  'python-requests/2.32.3',
  'Go-http-client/1.1',
] as const;

/**
 * Chunks of 4 MiB of an NDJSON access log: 13 fields, 334 bytes a line, `identities` API keys. The first lines name each
 * identity once, later ones at random, so that nothing is new after that. Same arguments, same bytes. A chunk is
 * overwritten by the next.
 */
export function* syntheticLog(lines: number, identities: number = IDENTITIES): Generator<Buffer> {
  const draws = createDraws(7);
  const chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  let length = 0;
  for (let i = 0; i < lines; i++) {
    const identity = i < identities ? i : draws.below(identities);
    if (length + LINE_BYTES > CHUNK_BYTES) {
      yield chunk.subarray(0, length);
      length = 0;
    }
    length += chunk.write(lineOf(i, identity, draws.uniform(), draws.below(1_000)), length, 'latin1');
  }
  yield chunk.subarray(0, length);
}

function lineOf(i: number, identity: number, u: number, object: number): string {
  const time = new Date(START_MS + Math.floor((i * 1000) / RATE)).toISOString();
  const route = ROUTES[(identity + (object % 3)) % ROUTES.length];
  const agent = AGENTS[identity % AGENTS.length];
  // Not 401: a key that was refused is only claimed, and its address would become an identity of its own.
  const status = u < 0.005 ? 403 : u < 0.03 ? 404 : 200;
  const address = `10.${(identity >> 16) & 255}.${(identity >> 8) & 255}.${identity & 255}`;
  const head =
    `{"time":"${time}","method":"${METHODS[object % METHODS.length]}","path":"/v1/${route}/${1000 + ((identity * 31 + object) % 100_000)}",` +
    `"status":${status},"latency_ms":${(1 + u * 250).toFixed(3)},"request_bytes":${200 + object},"response_bytes":${object * 37},` +
    `"client_ip":"${address}","host":"api.example.com","request_id":"${i.toString(16).padStart(12, '0')}",` +
    `"api_key_id":"ak_${identity.toString(36).padStart(6, '0')}","service":"shop","user_agent":"`;
  const room = LINE_BYTES - head.length - 3;
  return `${head}${(agent as string).padEnd(room, ' ').slice(0, room)}"}\n`;
}
