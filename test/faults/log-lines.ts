/** A request as the traffic makes it. */
export interface Request {
  readonly timeMs: number;
  /** Identity, clear. */
  readonly name: string;
  readonly address: string;
  /** Index into AGENTS. */
  readonly agent: number;
  readonly path: string;
  readonly status: number;
  /** Number of the line in its stream: it makes every line different from every other. */
  readonly number: number;
}

/** Writes a request as a log line, without line end. */
export type LineOf = (request: Request) => string;

/** Host of the lines that come by HTTP: tells them from those of files. */
export const HTTP_HOST = 'http.example.com';

const AGENTS = [
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 Version/17.5 Mobile Safari/604.1',
  'okhttp/4.12.0',
  'python-requests/2.32.3',
] as const;
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const;

/** Apache's combined format. */
export function lineOfCombined(request: Request): string {
  const { address, name, path, number, status, agent } = request;
  const [date = '', time = ''] = new Date(request.timeMs).toISOString().split('T');
  const [year, month, day] = date.split('-');
  const at = `${day}/${MONTHS[Number(month) - 1]}/${year}:${time.slice(0, 8)} +0000`;
  return `${address} - ${name} [${at}] "GET ${path}?n=${number} HTTP/1.1" ${status} ${number} "-" "${AGENTS[agent]}"`;
}

/** JSON lines of a gateway that knows API keys. */
export function lineOfJson(request: Request): string {
  return JSON.stringify({ ...jsonBase(request), api_key_id: request.name, host: 'api.example.com' });
}

/** JSON lines that a client sends. */
export function lineOfClient(request: Request): string {
  return JSON.stringify({ ...jsonBase(request), user: request.name, host: HTTP_HOST });
}

function jsonBase(request: Request) {
  return {
    time: new Date(request.timeMs).toISOString(),
    client_ip: request.address,
    method: 'GET',
    path: `${request.path}?n=${request.number}`,
    status: request.status,
    user_agent: AGENTS[request.agent],
    request_id: `${request.name}-${request.number}`,
  };
}
