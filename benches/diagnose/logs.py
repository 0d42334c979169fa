#!/usr/bin/env python3
"""Writes logs of many requests, or of few that are large, for `badgateway diagnose` to be measured with.

    logs.py many FOLDER [TRACES]     nginx and JSON lines: five lines a request
    logs.py deep FOLDER [SPANS]      one trace, each span within the one before
    logs.py wide FOLDER [SPANS]      one trace, a request that makes all the others
    logs.py shared FOLDER [LINES]    one id that all requests share
"""

import json
import random
import sys
from pathlib import Path

BEGIN = 1_700_000_000.0
#: As docs/diagnose.md has it.
LOG_FORMAT = (
    "log_format chain '$msec $http_traceparent $request_id \"$request\" $status $upstream_addr $upstream_status "
    "$upstream_connect_time $upstream_header_time $upstream_response_time $request_time';\n"
)


def line(file, service, at, took_ms, status, trace, span, parent):
    fields = {"time": at, "service": service, "method": "GET", "path": "/v1/x", "status": status,
              "duration_ms": round(took_ms, 3), "trace_id": trace, "span_id": span}
    if parent:
        fields["parent_id"] = parent
    file.write(json.dumps(fields) + "\n")


def many(folder, traces):
    luck = random.Random(7)
    (folder / "nginx.conf").write_text(LOG_FORMAT)
    with (folder / "access.log").open("w") as nginx, (folder / "app.jsonl").open("w") as app:
        for n in range(traces):
            trace, at = f"{luck.getrandbits(128):032x}", BEGIN + n * 0.005
            spans = [f"{luck.getrandbits(64):016x}" for _ in range(5)]
            fails = luck.random() < 0.03
            status, took = (502 if fails else 200), luck.uniform(0.01, 0.05)
            nginx.write(f'{at + took:.3f} 00-{trace}-{spans[0]}-01 {trace} "GET /v1/x?n={n} HTTP/1.1" {status} '
                        f"10.0.0.5:8080 {status} 0.001 {took:.3f} {took:.3f} {took:.3f}\n")
            for depth, service in enumerate(["gateway", "orders", "stock", "prices"]):
                within = took * 1000 * (0.9 - 0.2 * depth)
                own = status if depth < 2 else (500 if fails and depth == 2 else 200)
                line(app, service, round(at + took * (1 - 0.05 * depth), 6), within, own, trace,
                     spans[depth + 1], spans[depth])


def spans_of(folder, spans, parent_of):
    """One trace of OTLP: a client span and a server span for each request."""
    trace, found = "0af7651916cd43dd8448eb211c80319c", []
    ns = lambda ms: str(int(BEGIN * 1e9 + ms * 1e6))
    batches = {}
    for n in range(spans // 2):
        parent, begin, end = parent_of(n)
        caller, callee = f"s{parent % 50 if parent is not None else 'client'}", f"s{n % 50}"
        status = 502 if n % 97 == 0 else 200
        made, served = f"{2 * n + 1:016x}", f"{2 * n + 2:016x}"
        attributes = [{"key": "http.request.method", "value": {"stringValue": "GET"}},
                      {"key": "http.response.status_code", "value": {"intValue": str(status)}},
                      {"key": "server.address", "value": {"stringValue": callee}}]
        above = f"{2 * parent + 2:016x}" if parent is not None else ""
        for service, kind, span, of, slack in [(caller, 3, made, above, 0), (callee, 2, served, made, 0.0001)]:
            batches.setdefault(service, []).append({
                "traceId": trace, "spanId": span, "parentSpanId": of, "kind": kind, "name": "GET",
                "startTimeUnixNano": ns(begin + slack), "endTimeUnixNano": ns(end - slack), "attributes": attributes})
    resources = [{"resource": {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]},
                  "scopeSpans": [{"spans": spans}]} for service, spans in batches.items()]
    (folder / "trace.json").write_text(json.dumps({"resourceSpans": resources}))


def deep(folder, spans):
    spans_of(folder, spans, lambda n: (n - 1 if n else None, n * 0.001, spans - n * 0.001))


def wide(folder, spans):
    spans_of(folder, spans, lambda n: (0 if n else None, n, n + 0.9) if n else (None, 0, spans))


def shared(folder, lines):
    luck = random.Random(7)
    with (folder / "app.jsonl").open("w") as app:
        for n in range(lines):
            status = 502 if luck.random() < 0.03 else 200
            line(app, "app", round(BEGIN + n * 0.01, 6), 5, status, "0af7651916cd43dd8448eb211c80319c",
                 f"{n + 1:016x}", None)


KINDS = {"many": (many, 200_000), "deep": (deep, 10_000), "wide": (wide, 10_000), "shared": (shared, 10_000)}
if len(sys.argv) < 3 or sys.argv[1] not in KINDS:
    sys.exit(__doc__)
write, count = KINDS[sys.argv[1]]
into = Path(sys.argv[2])
into.mkdir(parents=True, exist_ok=True)
write(into, int(sys.argv[3]) if len(sys.argv) > 3 else count)
