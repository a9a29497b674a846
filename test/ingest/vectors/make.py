"""Makes pseudonym.json and object-hash.json: python3 make.py, in this folder. Standard library only."""

import base64
import hashlib
import hmac
import json

KEY = bytes(range(32))

# (tenant, kind, value as logged, canonical value by hand from the documented forms)
CASES = [
    ("default", "user", "alice", None),
    ("default", "user", "Alice ", None),
    ("default", "user", "", None),
    ("default", "user", "zo\u00eb@example.com", None),
    ("default", "user", "\u6f22\u5b57/\U0001f600", None),
    ("acme", "user", "alice", None),
    ("default", "session", "alice", None),
    ("default", "token", "https://issuer.example|jti-1", None),
    ("default", "token", "t" * 513, None),
    ("default", "api_key", "k_AbC-123", None),
    ("default", "client", "mobile-app", None),
    ("default", "service", "spiffe://prod.example/ns/pay/sa/api", None),
    ("default", "ip", "203.0.113.7", None),
    ("default", "ip", "2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
    ("default", "ip", "::ffff:203.0.113.7", "203.0.113.7"),
    ("default", "ip", "not-an-address", None),
    ("default", "asn", "AS64500", None),
    ("default", "asn", "064500", "AS64500"),
    ("default", "asn", "as1.10", "AS65546"),
    ("default", "asn", "4294967296", None),
    ("default", "ja4", "T13D1516H2_8DAAF6152771_B186095E22B6", "t13d1516h2_8daaf6152771_b186095e22b6"),
]


def pseudonym(tenant, kind, canonical):
    digest = hmac.new(KEY, f"{tenant}/{kind}/{canonical}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:16]).decode().rstrip("=")


def object_hash(ids, template):
    """FNV-1a, 32 bits, then fmix32 of MurmurHash3, both written from their published definitions."""
    h = 0x811C9DC5
    for byte in ("".join(i + "/" for i in ids) + template).encode("ascii"):
        h = ((h ^ byte) * 0x01000193) & 0xFFFFFFFF
    h ^= h >> 16
    h = (h * 0x85EBCA6B) & 0xFFFFFFFF
    h ^= h >> 13
    h = (h * 0xC2B2AE35) & 0xFFFFFFFF
    h ^= h >> 16
    return h or 1


OBJECTS = [
    ("/users/42", None, ["42"], "/users/{id}"),
    ("/users/42/orders/7", None, ["42", "7"], "/users/{id}/orders/{id}"),
    ("/users/42", "/users/:id", ["42"], "/users/:id"),
    ("/v1/jobs/12345:cancel", None, ["12345"], "/v1/jobs/{id}:cancel"),
    ("/odata/Users('a')", None, ["'a'"], "/odata/Users({id})"),
    ("/orders/123.json", None, ["123"], "/orders/{id}.json"),
]

with open("pseudonym.json", "w") as out:
    rows = [
        {"tenant": t, "kind": k, "value": v, "canonical": v if c is None else c, "pseudonym": pseudonym(t, k, v if c is None else c)}
        for t, k, v, c in CASES
    ]
    json.dump({"keyHex": KEY.hex(), "rows": rows}, out, indent=1)
    out.write("\n")

with open("object-hash.json", "w") as out:
    rows = [{"path": p, "route": r, "template": t, "object": object_hash(i, t)} for p, r, i, t in OBJECTS]
    json.dump(rows, out, indent=1)
    out.write("\n")
