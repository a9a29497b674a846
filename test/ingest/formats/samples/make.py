"""
Reads the logs that a real NGINX 1.22 wrote (the same requests as combined lines and as JSON lines) with regular
expressions and Python's datetime and decimal, and prints what a parser should find: NAME.expected.ndjson, for
NAME in nginx-combined-produced, nginx-produced. The other expected files here are written by hand.
"""

import json
import re
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path

HERE = Path(__file__).parent
FIELDS = (
    "time_ms time_basis method path query status latency_ms upstream_latency_ms request_bytes response_bytes client_ip "
    "client_ip_source user_agent host request_id route service tls_version identity"
).split()
COMBINED = re.compile(
    r'^(\S+) - \S+ \[([^\]]+)\] "((?:[^"\\]|\\.)*)" (\d+) (\d+) "(?:[^"\\]|\\.)*" "((?:[^"\\]|\\.)*)"'
)
EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def record(line, **known):
    out = {"line": line, **{name: None for name in FIELDS}, "time_basis": "end", "client_ip_source": "peer", **known}
    if out["status"] == 499:
        out["client_aborted"] = True
    out["owner"] = out["identity"] or {"kind": "ip", "value": out["client_ip"]}
    return out


def target(method, uri):
    path, mark, query = uri.partition("?")
    return {"method": method, "path": path, "query": query if mark else None}


def combined(line, text):
    address, time, request, status, size, agent = COMBINED.match(text).groups()
    words = request.split(" ")
    known = target(*words[:2]) if len(words) == 3 else {"bad_request_line": True}
    agent = re.sub(r"\\x(..)", lambda hexa: chr(int(hexa[1], 16)), agent)
    return record(
        line,
        time_ms=(datetime.strptime(time, "%d/%b/%Y:%H:%M:%S %z") - EPOCH) // timedelta(milliseconds=1),
        status=int(status),
        response_bytes=int(size),
        client_ip=address,
        user_agent=None if agent == "-" else agent,
        **known,
    )


def number(value):
    return int(value) if value == int(value) else float(value)


def from_json(line, text):
    d = json.loads(text, parse_float=Decimal)
    known = target(d["method"], d["uri"]) if d["method"] else {"bad_request_line": True}
    if d["grpc_status"]:
        known["grpc_status"] = int(d["grpc_status"])
    if d["xff"]:
        known["xff"] = [entry.strip() for entry in d["xff"].split(",")]
    attempts = re.findall(r"[\d.]+", d["upstream_time"])
    if attempts:
        known["upstream_latency_ms"] = number(sum(map(Decimal, attempts)) * 1000)
    candidates = []
    if d["client_verify"] == "SUCCESS":
        candidates.append({"kind": "service", "value": d["client_dn"]})
    if d["api_key_prefix"]:
        candidates.append({"kind": "api_key", "value": d["api_key_prefix"]})
    if len(candidates) > 1:
        known["also"] = candidates[1:]
    return record(
        line,
        time_ms=int(d["msec"] * 1000),
        status=d["status"],
        latency_ms=number(d["request_time"] * 1000),
        request_bytes=d["request_length"],
        response_bytes=d["bytes_sent"],
        client_ip=d["remote_addr"],
        user_agent=d["user_agent"] or None,
        host=d["host"] or None,
        request_id=d["request_id"],
        tls_version={"": None, "TLSv1.2": "1.2", "TLSv1.3": "1.3"}[d["tls"]],
        identity=candidates[0] if candidates else None,
        **known,
    )


for name, read in (("nginx-combined-produced", combined), ("nginx-produced", from_json)):
    lines = (HERE / f"{name}.log").read_text().splitlines()
    records = [json.dumps(read(i, text), ensure_ascii=False) for i, text in enumerate(lines, 1)]
    (HERE / f"{name}.expected.ndjson").write_text("\n".join(records) + "\n")
