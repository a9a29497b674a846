import type { AccessRecord } from '../../schemas/event.ts';
import type { JsonMapping } from './json-mapping-schema.ts';
import type { JsonPaths } from './json-paths.ts';
import { textOf, wholeOf } from './json-values.ts';
import { methodAt, readRequestLine, readTarget } from './request-line.ts';

/** Longest status that is kept as text. */
const STATUS_MAX_CHARACTERS = 8;

/** Reads what was asked and what was answered, from the object that the paths have loaded. */
export interface JsonRequest {
  /** Sets method, path, query and `badRequestLine`, and the host of an absolute target when the record has none. */
  readRequest(record: AccessRecord): void;
  /** Sets the status. False when there is one that is neither a number nor `-`. */
  readStatus(record: AccessRecord): boolean;
}

export function compileRequest(mapping: JsonMapping, paths: JsonPaths): JsonRequest {
  const at = {
    method: paths.field(mapping.method),
    path: paths.field(mapping.path),
    query: paths.field(mapping.query),
    requestLine: paths.field(mapping.request_line),
    status: paths.field(mapping.status),
  };

  function readRequest(record: AccessRecord): void {
    record.method = null;
    record.path = null;
    record.query = null;
    record.badRequestLine = false;
    const method = textOf(paths.first(at.method));
    if (method !== null) record.method = methodAt(method, 0, method.length);
    const target = textOf(paths.first(at.path));
    const targetRead = target !== null && readTarget(target, 0, target.length, record.method, record);
    if ((method === null || target === null) && mapping.request_line !== undefined) {
      // An empty request line is a finding only when nothing else speaks of the request.
      const line = method === null && target === null ? paths.raw(at.requestLine) : paths.first(at.requestLine);
      if (typeof line === 'string') readRequestLine(line, 0, line.length, record);
    }
    if (record.path === null) {
      // Empty or unreadable is what a broken request leaves behind; a member that is not there says nothing.
      const unreadable = (method !== null && record.method === null) || (target !== null && !targetRead);
      if (unreadable || (record.method === null && isEmptyText(at.method) && isEmptyText(at.path))) {
        record.badRequestLine = true;
        record.method = null;
      }
    } else if (record.query === null) record.query = textOf(paths.first(at.query));
  }

  function isEmptyText(field: number): boolean {
    const raw = paths.raw(field);
    return raw === '' || raw === '-';
  }

  function readStatus(record: AccessRecord): boolean {
    record.status = null;
    record.statusRaw = null;
    record.clientAborted = false;
    const value = paths.first(at.status);
    if (value === undefined) {
      if (paths.raw(at.status) === '-') record.statusRaw = '-';
      return true;
    }
    const status = wholeOf(value);
    if (status !== null && status >= 100 && status <= 599) {
      record.status = status;
      record.clientAborted = status === 499;
      return true;
    }
    const raw = textOf(value);
    if (raw === null || raw.length > STATUS_MAX_CHARACTERS || !/^-?\d+$/.test(raw)) return false;
    record.statusRaw = raw;
    return true;
  }

  return { readRequest, readStatus };
}
