import { Errors } from 'typebox/value';
import { GatewatchError } from '../../schemas/errors.ts';
import type { AccessRecord } from '../../schemas/event.ts';
import type { Outcome } from '../../schemas/outcome.ts';
import { splitForwardedFor } from '../client-address.ts';
import { peerAddress } from '../ip-address.ts';
import { timeInRange } from '../timestamps.ts';
import { emptyRecord, LINE_MAX_BYTES, type LineFormat } from './format.ts';
import { hostName } from './host-name.ts';
import { isTooDeep } from './json-depth.ts';
import { compileCondition, compileIdentities } from './json-identities.ts';
import { type JsonMapping, JsonMappingSchema } from './json-mapping-schema.ts';
import { createJsonPaths } from './json-paths.ts';
import { compileRequest } from './json-request.ts';
import { createJsonTimes } from './json-times.ts';
import { durationOf, durationSumOf, MICROSECONDS, textOf, wholeOf } from './json-values.ts';
import * as outcomes from './outcomes.ts';
import { grpcStatusOf, tlsVersionOf } from './protocol-words.ts';

/** A format that also knows whether its address is the TCP peer or what the gateway made of it. */
export interface MappedFormat extends LineFormat {
  readonly addressIs: 'peer' | 'gateway';
}

/** Checks a mapping as it came from a configuration file. Throws GatewatchError `config_invalid`. */
export function parseJsonMapping(value: unknown): JsonMapping {
  const [error] = Errors(JsonMappingSchema, value);
  if (error === undefined) return value as JsonMapping;
  const place = error.instancePath === '' ? '' : ` at ${error.instancePath}`;
  // The schema `false` forbids the member.
  const message = error.keyword === 'boolean' ? 'there is no such member' : error.message;
  throw new GatewatchError('config_invalid', `mapping${place}: ${message}`);
}

/**
 * Reads JSON lines by a mapping that is compiled once. JSON.parse is the main cost; nothing of the object is walked but
 * its top level and the declared paths, so hostile shapes cost no more than their length.
 *
 * Values may be text where a number is meant (`"200"`, `"0.033"`). Numbers that are negative, not finite (1e400) or, for
 * ids, above 2^53 count as absent. A key that stands twice has its last value, as JSON.parse does it: a gateway that lets
 * a client write keys can be lied to, and one that escapes cannot. `__proto__` and the like are plain members here and
 * never read.
 *
 * Misses: one object a line only; lists, text inside text and shipper envelopes are not opened here.
 */
export function createJsonFormat(name: string, mapping: JsonMapping, zoneOffsetMinutes: number | null): MappedFormat {
  const paths = createJsonPaths();
  const times = createJsonTimes(zoneOffsetMinutes);
  const record = emptyRecord();
  const ok: Outcome<AccessRecord> = { type: 'ok', value: record };
  const forwarded: string[] = [];

  const timeFields = [mapping.time].flat().map((time) => ({ ...time, field: paths.field(time.path) }));
  const endField = mapping.end && { ...mapping.end, field: paths.field(mapping.end.path) };
  const durations = (fields: JsonMapping['latency']) =>
    (fields === undefined ? [] : [fields].flat()).map(({ path, unit }) => ({
      field: paths.field(path),
      microseconds: MICROSECONDS[unit],
    }));
  const latency = durations(mapping.latency);
  const upstreamLatency = durations(mapping.upstream_latency);
  const at = {
    requestBytes: paths.field(mapping.request_bytes),
    responseBytes: paths.field(mapping.response_bytes),
    clientIp: paths.field(mapping.client_ip),
    forwardedFor: paths.field(mapping.x_forwarded_for),
    userAgent: paths.field(mapping.user_agent),
    host: paths.field(mapping.host),
    requestId: paths.field(mapping.request_id),
    route: paths.field(mapping.route),
    service: paths.field(mapping.service),
    tlsVersion: paths.field(mapping.tls_version),
    ja4: paths.field(mapping.ja4),
    grpcStatus: paths.field(mapping.grpc_status),
    session: paths.field(mapping.session),
    token: paths.field(mapping.token),
  };
  const request = compileRequest(mapping, paths);
  const readIdentities = compileIdentities(mapping.identities ?? [], paths);
  const only = (mapping.only ?? []).map((condition) => compileCondition(condition, paths));

  function text(field: number): string | null {
    return textOf(paths.first(field));
  }

  function parse(line: string): Outcome<AccessRecord> {
    if (line.length > LINE_MAX_BYTES) return outcomes.TOO_LONG;
    const first = firstCharacter(line);
    if (first !== '{') {
      if (first === '') return outcomes.EMPTY;
      return first === '[' || first === '"' ? outcomes.NOT_AN_OBJECT : outcomes.NOT_JSON;
    }
    if (isTooDeep(line)) return outcomes.TOO_DEEP;
    let object: Readonly<Record<string, unknown>>;
    try {
      object = JSON.parse(line);
    } catch {
      return outcomes.INVALID_JSON;
    }
    paths.load(object);
    for (const holds of only) if (!holds()) return outcomes.OTHER_RECORD;
    return readRecord();
  }

  function readRecord(): Outcome<AccessRecord> {
    const host = text(at.host);
    record.host = host === null ? null : hostName(host);
    request.readRequest(record);
    const statusIsReadable = request.readStatus(record);
    if (record.path === null && record.status === null && record.statusRaw === null) {
      return record.method === null ? outcomes.NOT_ACCESS : outcomes.MISSING_REQUEST;
    }
    if (!statusIsReadable)
      return record.method === null && record.path === null ? outcomes.NOT_ACCESS : outcomes.INVALID_STATUS;
    const untimely = readTime();
    if (untimely !== null) return untimely;
    readMeasures();
    readClient();
    readIdentities(record);
    readCredentials();
    return ok;
  }

  /** Null when the time was read, else the outcome; of several unreadable times the first decides. */
  function readTime(): Outcome<AccessRecord> | null {
    let failure: Outcome<AccessRecord> | null = null;
    for (const { field, unit, basis } of timeFields) {
      const value = paths.first(field);
      if (value === undefined) continue;
      const ms = times.read(value, unit);
      if (timeInRange(ms)) {
        record.timeMs = ms;
        record.timeBasis = basis;
        record.timeZoneAssumed = times.zoneAssumed;
        return null;
      }
      failure ??= Number.isNaN(ms) ? outcomes.INVALID_TIME : outcomes.TIME_OUT_OF_RANGE;
    }
    return failure ?? outcomes.MISSING_TIME;
  }

  function readMeasures(): void {
    record.latencyMs = null;
    for (const { field, microseconds } of latency) {
      record.latencyMs = durationOf(paths.first(field), microseconds);
      if (record.latencyMs !== null) break;
    }
    if (record.latencyMs === null && endField !== undefined && record.timeBasis === 'start') {
      const span = times.read(paths.first(endField.field), endField.unit) - record.timeMs;
      if (span >= 0) record.latencyMs = span;
    }
    record.upstreamLatencyMs = null;
    for (const { field, microseconds } of upstreamLatency) {
      record.upstreamLatencyMs = durationSumOf(paths.first(field), microseconds);
      if (record.upstreamLatencyMs !== null) break;
    }
    record.requestBytes = wholeOf(paths.first(at.requestBytes));
    record.responseBytes = wholeOf(paths.first(at.responseBytes));
  }

  function readClient(): void {
    const peer = text(at.clientIp);
    record.peer = peer === null ? null : peerAddress(peer);
    record.peerRaw = record.peer === null ? peer : null;
    record.forwardedFor = null;
    const chain = paths.first(at.forwardedFor);
    if (chain !== undefined) {
      forwarded.length = 0;
      for (const part of Array.isArray(chain) ? chain : [chain]) {
        if (typeof part === 'string' && part !== '' && part !== '-') splitForwardedFor(part, forwarded);
      }
      if (forwarded.length > 0) record.forwardedFor = forwarded;
    }
    record.userAgent = text(at.userAgent);
    const tls = text(at.tlsVersion);
    record.tlsVersion = tls === null ? null : tlsVersionOf(tls);
    record.ja4 = text(at.ja4);
    record.requestId = text(at.requestId);
    record.route = text(at.route);
    record.service = text(at.service);
    const grpc = text(at.grpcStatus);
    record.grpcStatus = grpc === null ? null : grpcStatusOf(grpc);
  }

  /** A session or token that was refused is only a claim, and there is no place for claims of these kinds. */
  function readCredentials(): void {
    const refused = record.status === 401;
    record.session = refused ? null : text(at.session);
    record.token = refused ? null : text(at.token);
  }

  return { name, addressIs: mapping.client_ip_is ?? 'peer', parse };
}

/** The first character that is not JSON white space; '' when there is none. */
function firstCharacter(line: string): string {
  for (let i = 0; i < line.length; i++) {
    const c = line.charCodeAt(i);
    if (c !== 32 && c !== 9 && c !== 10 && c !== 13) return line.charAt(i);
  }
  return '';
}
