import { type Static, Type } from 'typebox';
import { IDENTITY_KINDS } from '../../schemas/identity.ts';

/** Most candidates of one mapping; a reader keeps a list for each combination that occurs. */
const IDENTITIES_MAX = 10;

/** Where a value stands: member names joined by dots, or several such places, of which the first with a value counts. */
const Path = Type.Union([Type.String({ minLength: 1 }), Type.Array(Type.String({ minLength: 1 }), { minItems: 1 })]);

/** `auto` tells ISO, CLF and counts of s, ms, us and ns apart by their look and size. */
const TimeField = Type.Object(
  {
    path: Path,
    unit: Type.Enum(['iso', 'clf', 's', 'ms', 'us', 'ns', 'auto']),
    basis: Type.Enum(['start', 'end']),
  },
  { additionalProperties: false },
);

/** A duration; text such as `0.033s` or `12ms` overrides the unit. */
const DurationField = Type.Object(
  {
    path: Path,
    unit: Type.Enum(['s', 'ms', 'us', 'ns']),
  },
  { additionalProperties: false },
);

/** A condition on one value, compared as text. */
const Condition = Type.Object(
  {
    path: Path,
    equals: Type.Optional(Type.Array(Type.String(), { minItems: 1 })),
    startsWith: Type.Optional(Type.String({ minLength: 1 })),
  },
  { additionalProperties: false },
);

const IdentityField = Type.Object(
  {
    path: Path,
    kind: Type.Enum([...IDENTITY_KINDS]),
    /** What the gateway calls it, for people: `consumer`, `oauth_client`. */
    word: Type.Optional(Type.String({ minLength: 1 })),
    /** Values that stand for nobody: `anonymous`, `00000000`. */
    except: Type.Optional(Type.Array(Type.String())),
    /** Counts only then: a client certificate only if its verification succeeded. */
    when: Type.Optional(Condition),
    /** The gateway had authenticated it even when the answer is 401; otherwise it is a mere claim then. */
    provenOn401: Type.Optional(Type.Boolean()),
  },
  { additionalProperties: false },
);

/** A declared mapping from the members of a JSON log line to our fields. Only `time` must be there. */
export const JsonMappingSchema = Type.Object(
  {
    time: Type.Union([TimeField, Type.Array(TimeField, { minItems: 1 })]),
    /** End of the request, when the log has it besides the start: gives the latency if no `latency` field does. */
    end: Type.Optional(TimeField),
    method: Type.Optional(Path),
    /** Path, request target or absolute URL. */
    path: Type.Optional(Path),
    /** Used when the path holds no query itself. */
    query: Type.Optional(Path),
    /** `GET /path HTTP/1.1`, used when `method` or `path` gives nothing. */
    request_line: Type.Optional(Path),
    status: Type.Optional(Path),
    latency: Type.Optional(Type.Union([DurationField, Type.Array(DurationField, { minItems: 1 })])),
    /** Lists over attempts (`0.001, 0.030 : -`) are summed. */
    upstream_latency: Type.Optional(Type.Union([DurationField, Type.Array(DurationField, { minItems: 1 })])),
    request_bytes: Type.Optional(Path),
    response_bytes: Type.Optional(Path),
    client_ip: Type.Optional(Path),
    /** `gateway`: the gateway already chose the client address behind trusted proxies. */
    client_ip_is: Type.Optional(Type.Enum(['peer', 'gateway'])),
    x_forwarded_for: Type.Optional(Path),
    user_agent: Type.Optional(Path),
    host: Type.Optional(Path),
    request_id: Type.Optional(Path),
    route: Type.Optional(Path),
    service: Type.Optional(Path),
    tls_version: Type.Optional(Path),
    ja4: Type.Optional(Path),
    grpc_status: Type.Optional(Path),
    session: Type.Optional(Path),
    token: Type.Optional(Path),
    /** Best candidate first. */
    identities: Type.Optional(Type.Array(IdentityField, { maxItems: IDENTITIES_MAX })),
    /** All must hold, else the object is another kind of record and passed over. */
    only: Type.Optional(Type.Array(Condition)),
  },
  { additionalProperties: false },
);

export type JsonMapping = Static<typeof JsonMappingSchema>;
export type JsonPath = Static<typeof Path>;
export type JsonTimeField = Static<typeof TimeField>;
export type JsonDurationField = Static<typeof DurationField>;
export type TimeUnit = JsonTimeField['unit'];
export type DurationUnit = JsonDurationField['unit'];
export type JsonCondition = Static<typeof Condition>;
export type JsonIdentityField = Static<typeof IdentityField>;
