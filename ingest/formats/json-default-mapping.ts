import type { JsonMapping } from './json-mapping-schema.ts';

/**
 * Reads JSON lines whose members have our own names or usual ones: plain names, NGINX variables, Elastic Common Schema.
 * Members whose unit or meaning differs between products (`duration`, `latency`, `size`) are left out: a wrong unit is
 * worse than no value, and a declared mapping can say it.
 *
 * A time named as a start is the start of the request; every other time is taken as the end, when logs are written.
 */
export const DEFAULT_JSON_MAPPING: JsonMapping = {
  time: [
    { path: ['start_time', 'started_at', 'request_start'], unit: 'auto', basis: 'start' },
    {
      path: ['time', 'timestamp', 'ts', 'msec', '@timestamp', 'time_iso8601', 'time_local', 'datetime'],
      unit: 'auto',
      basis: 'end',
    },
  ],
  method: ['method', 'request_method', 'http_method', 'http.request.method', 'request.method'],
  path: ['request_uri', 'path', 'uri', 'url', 'url.original', 'url.path', 'request.uri', 'request.path'],
  query: ['query', 'query_string', 'args', 'url.query'],
  request_line: ['request', 'request_line'],
  status: ['status', 'status_code', 'response_code', 'http.response.status_code', 'response.status'],
  latency: [
    { path: ['latency_ms', 'duration_ms', 'response_time_ms', 'request_time_ms', 'elapsed_ms'], unit: 'ms' },
    { path: ['request_time', 'latency_s', 'duration_s'], unit: 's' },
    { path: 'event.duration', unit: 'ns' },
  ],
  upstream_latency: [
    { path: ['upstream_latency_ms', 'upstream_time_ms'], unit: 'ms' },
    { path: 'upstream_response_time', unit: 's' },
  ],
  request_bytes: ['request_bytes', 'bytes_received', 'request_length', 'http.request.bytes'],
  response_bytes: ['response_bytes', 'bytes_sent', 'body_bytes_sent', 'http.response.bytes'],
  client_ip: ['client_ip', 'remote_addr', 'remote_ip', 'ip', 'source.ip', 'client.ip'],
  x_forwarded_for: ['x_forwarded_for', 'http_x_forwarded_for', 'x-forwarded-for', 'X-Forwarded-For', 'xff'],
  user_agent: ['user_agent', 'http_user_agent', 'user-agent', 'user_agent.original'],
  host: ['host', 'http_host', 'url.domain', 'authority'],
  request_id: ['request_id', 'x_request_id', 'http.request.id'],
  route: ['route', 'route_name', 'route.name'],
  service: ['service', 'service_name', 'service.name'],
  tls_version: ['tls_version', 'ssl_protocol'],
  ja4: 'ja4',
  grpc_status: 'grpc_status',
  session: ['session', 'session_id'],
  token: ['token', 'token_id', 'jti'],
  identities: [
    {
      path: ['consumer.id', 'consumer.username', 'consumer_id', 'consumer'],
      kind: 'client',
      word: 'consumer',
      except: ['anonymous'],
    },
    { path: 'api_key_id', kind: 'api_key' },
    { path: ['user', 'sub', 'user_id', 'remote_user', 'user.id', 'user.name'], kind: 'user', except: ['anonymous'] },
    { path: 'client_id', kind: 'client', word: 'oauth_client' },
  ],
};
