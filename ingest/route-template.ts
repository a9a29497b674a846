import type { AccessRecord } from '../schemas/event.ts';
import { emptySegment, readSegment } from './path-segment.ts';

/** Segments of a template; what is deeper becomes one `/…`. Real APIs nest four resources or fewer. */
export const ROUTE_MAX_SEGMENTS = 8;

/** Longest route name taken from the gateway, in characters. */
export const ROUTE_MAX_CHARACTERS = 256;

/** Template of requests that belong to no route. */
export const UNMATCHED_ROUTE = '(unmatched)';

/** Template of tunnels: the target of CONNECT is an authority, not a path. */
const CONNECT_ROUTE = '(connect)';

/** The names of files are given up for their endings when they sit deeper than this. */
const NAMED_FILE_DEPTH = 2;

const SLASH = 47;
const WHOLE_SERVER = '*';
const FNV_OFFSET = 0x811c9dc5;
const FNV_PRIME = 0x01000193;

/** What is read of a record. */
export type RouteFields = Pick<AccessRecord, 'method' | 'path' | 'status' | 'route'>;

/** Route template and object of the record last read, in reused fields. */
export interface RouteReader {
  /** Never throws. A pure function of the record: nothing is learned from one record for the next. */
  read(record: RouteFields): void;
  /** Never empty. */
  template: string;
  /** Hash of the ids in the path, within the template, 32 bits unsigned; 0 when the path holds none. */
  object: number;
}

/**
 * Creates the reader that turns a record into its route template and the object that it is about.
 *
 * The gateway's own route is the template when it logged one. Otherwise the template is the path with everything that
 * has the shape of an id replaced by `{id}` (path-segment.ts says which shapes), without repeated and trailing slashes
 * and matrix parameters, of at most ROUTE_MAX_SEGMENTS segments. A path that the gateway refused to route (400, 404, 405,
 * 414, 431) or did not answer is `(unmatched)` and has no object: a client can make up any number of paths.
 *
 * The object is FNV-1a over the ids, in order, and the template, in UTF-16 code units, behind the finalizer of
 * MurmurHash3. It tells objects of one template apart; among n objects about n^2 / 2^33 pairs share a value.
 *
 * `objectSeed` should be a secret of the installation: whoever knows it can pick ids whose hashes share their low bits, by
 * which the detector counts distinct objects.
 *
 * Misses: ids that look like words (a user's name, a slug) stay in the template unless the gateway logs its route; ids
 * in the query or the body are not seen. Names of files are no objects unless they are ids themselves.
 */
export function createRouteReader(objectSeed: number = FNV_OFFSET): RouteReader {
  const segment = emptySegment();
  const reader: RouteReader = { read, template: UNMATCHED_ROUTE, object: 0 };

  function read({ method, path, status, route }: RouteFields): void {
    reader.object = 0;
    if (route !== null && route !== '') {
      reader.template = route.length > ROUTE_MAX_CHARACTERS ? route.slice(0, ROUTE_MAX_CHARACTERS) : route;
      if (path !== null && method !== 'CONNECT') collapse(path, false);
    } else if (path === null || isUnrouted(status)) reader.template = UNMATCHED_ROUTE;
    else if (method === 'CONNECT') reader.template = CONNECT_ROUTE;
    else if (path === WHOLE_SERVER) reader.template = WHOLE_SERVER;
    else collapse(path, true);
  }

  /** Reads the object of a path, and its template too when the gateway gave none. */
  function collapse(path: string, needsTemplate: boolean): void {
    const { length } = path;
    let build = needsTemplate;
    let template = '';
    // The stretch of the path, slash included, that goes into the template as it is.
    let keptFrom = 0;
    let keptTo = 0;
    let hash = objectSeed;
    let hasId = false;
    let depth = 0;
    let at = 0;
    while (at < length) {
      if (path.charCodeAt(at) === SLASH) {
        at += 1;
        continue;
      }
      readSegment(path, at, depth >= NAMED_FILE_DEPTH, segment);
      const { end, textEnd, idFrom, idTo, fileExtension } = segment;
      if (textEnd === at) {
        // Nothing but matrix parameters.
        at = end;
        continue;
      }
      depth += 1;
      if (idFrom >= 0) {
        hasId = true;
        hash = Math.imul(hashText(hash, path, idFrom, idTo) ^ SLASH, FNV_PRIME);
      }
      if (build) {
        if (idFrom < 0 && fileExtension === '' && depth <= ROUTE_MAX_SEGMENTS && at > 0) {
          if (keptTo !== at - 1) {
            template += path.slice(keptFrom, keptTo);
            keptFrom = at - 1;
          }
          keptTo = textEnd;
        } else {
          template += path.slice(keptFrom, keptTo);
          if (depth > ROUTE_MAX_SEGMENTS) {
            template += '/…';
            build = false;
          } else if (idFrom >= 0) template += `/${path.slice(at, idFrom)}{id}${path.slice(idTo, textEnd)}`;
          else if (fileExtension !== '') template += `/{file}.${fileExtension}`;
          else template += `/${path.slice(at, textEnd)}`;
          keptFrom = end;
          keptTo = end;
        }
      }
      at = end;
    }
    if (needsTemplate) {
      if (keptFrom === 0 && keptTo === length && length > 0) reader.template = path;
      else {
        template += path.slice(keptFrom, keptTo);
        reader.template = template === '' ? '/' : template;
      }
    }
    if (hasId) reader.object = finish(hashText(hash, reader.template, 0, reader.template.length));
  }

  return reader;
}

/** The gateway's answer says that the path led nowhere, or there was no answer. */
function isUnrouted(status: number | null): boolean {
  return status === 404 || status === 400 || status === 405 || status === 414 || status === 431 || status === null;
}

/** FNV-1a, 32 bits, over UTF-16 code units; over bytes when the text is ASCII. */
function hashText(start: number, text: string, from: number, to: number): number {
  let hash = start;
  for (let i = from; i < to; i++) hash = Math.imul(hash ^ text.charCodeAt(i), FNV_PRIME);
  return hash;
}

/** Finalizer of MurmurHash3 (fmix32), which spreads every bit over all, and 1 in place of 0. */
function finish(hash: number): number {
  let h = hash;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h = (h ^ (h >>> 16)) >>> 0;
  return h === 0 ? 1 : h;
}
