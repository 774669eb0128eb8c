#!/usr/bin/python3
"""Is an export what "strata trace --json --requests" says of the same recording?

check_export.py FORMAT EXPORT JSON

Read by parsers that are not strata's: Python's csv and json, the Prometheus client's of OpenMetrics, what tshark printed
of a pcapng (see export.sh). Prints what was compared.
"""
import collections
import csv
import json
import re
import sys

DIRECTIONS = ("request", "reply")
DEPTHS = ("request", "layer", "hop")


def same(found, expected, what):
    assert found == expected, f"{what}: found {found!r}, expected {expected!r}"


def check_csv(path, doc):
    with open(path, newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f, strict=True))
    requests = doc["requests_list"]
    same(len(rows), len(requests), "records")
    names = [h["hop"] for h in doc["hops"]]
    same(list(rows[0])[-len(names):], names, "a column per hop")
    for row, r in zip(rows, requests):
        assert None not in row and None not in row.values(), row
        for key in ("method", "path", "client", "server", "flow"):
            same(row[key].removeprefix("'"), r[key] or "", key)
        for key in ("status", "end_to_end_ns", "request_bytes", "reply_bytes"):
            same(row[key], "" if r[key] is None else str(r[key]), key)
        same({h: row[h] for h in names if row[h]}, {h["hop"]: str(h["at_ns"]) for h in r["hops"]}, "hops")
        if r["end_to_end_ns"] is None:
            same(row["vm_request_ns"], "", "a layer of what was not measured")
            continue
        parts = sum(int(row[f"{l}_{d}_ns"]) for l in r["layers_ns"] for d in DIRECTIONS)
        parts += sum(int(row[f"unattributed_{d}_ns"]) for d in DIRECTIONS)
        same(parts, r["end_to_end_ns"], "layers and unattributed")
    return f"{len(rows)} records"


def check_jsonl(path, doc):
    with open(path, encoding="utf-8") as f:
        lines = [json.loads(line) for line in f]
    for n, (found, expected) in enumerate(zip(lines, doc["requests_list"])):
        same(found.pop("request"), n + 1, "number")
        assert "time" in found
        del found["time"]
        same(found, expected, "request")
    same(len(lines), len(doc["requests_list"]), "lines")
    return f"{len(lines)} lines"


def exact(text):
    """Thousandths as an integer; json would make a double of it."""
    whole, fraction = text.split(".")
    return int(whole + fraction)


def check_perfetto(path, doc):
    with open(path, encoding="utf-8") as f:
        trace = json.load(f, parse_float=exact)
    slices = collections.defaultdict(list)
    for e in trace["traceEvents"]:
        assert e["ph"] in "MX" and isinstance(e["pid"], int), e
        if e["ph"] == "X":
            assert e["name"] and e["dur"] >= 0, e
            slices[e["tid"]].append(e)
    same(sum(e["ph"] == "M" and e["name"] == "thread_name" for e in trace["traceEvents"]), len(slices), "tracks")
    of_request = {}
    for track in slices.values():
        open_until = []  # slices of a track nest
        for e in sorted(track, key=lambda e: (e["ts"], DEPTHS.index(e["cat"]))):
            while len(open_until) > DEPTHS.index(e["cat"]):
                assert open_until.pop() <= e["ts"], f"begins before its neighbour's end: {e}"
            assert not open_until or e["ts"] + e["dur"] <= open_until[-1], f"ends after what it is in: {e}"
            open_until.append(e["ts"] + e["dur"])
            if e["cat"] == "request":
                number, begin = e["args"]["request"], e["ts"]
                hops = of_request[number] = []
                r = doc["requests_list"][number - 1]
                same(e["name"], f"{r['method']} {r['path']}" if r["method"] else r["protocol"], "name")
            elif e["cat"] == "hop":
                hops.append((e["name"], e["ts"] - begin, e["dur"]))
    shown = 0
    for n, r in enumerate(doc["requests_list"], 1):
        expected = [(h["hop"], h["at_ns"], h["took_ns"]) for h in r["hops"]]
        if len(expected) > 1:
            shown += 1
            same(of_request[n], expected[:-1], f"hops of request {n}")
    same(len(of_request), shown, "requests")
    return f"{shown} requests on {len(slices)} tracks"


def check_pcapng(path, doc):
    hops, wire = collections.defaultdict(list), 0
    with open(path, encoding="utf-8") as f:
        for line in f:
            name, epoch, length, captured, seq, method, comment = line.rstrip("\n").split("\t")
            seconds, fraction = epoch.split(".")
            same(len(fraction), 9, "digits of a second")
            if name == "wire":
                wire += bool(method)
                continue
            same(int(captured) in (40, 60) and int(length) >= int(captured), True, "headers alone")
            words = dict(w.split("=") for w in comment.split("\\n")[0].split() if "=" in w)
            same(words["hop"], name, "the interface of a hop")
            hops[int(words["request"])].append((name, int(words["at_ns"]), int(words["delta_ns"]),
                                                int(seconds) * 10**9 + int(fraction)))
    packets = 0
    for n, r in enumerate(doc["requests_list"], 1):
        same([h[:2] for h in hops[n]], [(h["hop"], h["at_ns"]) for h in r["hops"]], f"packets of request {n}")
        for before, this in zip(hops[n], hops[n][1:]):
            same(this[3] - before[3], this[2], "delta and times")
        packets += len(hops[n])
    requests = sum(bool(r["method"]) for r in doc["requests_list"])
    same(wire, requests, "requests that tshark finds on the wire")
    return f"{packets} packets at hops, {wire} requests on the wire"


# Names and types of opentelemetry-proto's trace.proto, as far as strata writes them; 64-bit numbers are strings
# in the JSON of OTLP, ids hexadecimal.
HEX32, HEX16 = re.compile("[0-9a-f]{32}"), re.compile("[0-9a-f]{16}")
NUMBER = re.compile("[0-9]+")
VALUE = {"stringValue": str, "intValue": NUMBER, "boolValue": bool}
ATTRIBUTES = [{"key": str, "value": VALUE}]
SPAN = {"traceId": HEX32, "spanId": HEX16, "parentSpanId": HEX16, "name": str, "kind": int, "flags": int,
        "startTimeUnixNano": NUMBER, "endTimeUnixNano": NUMBER, "attributes": ATTRIBUTES,
        "events": [{"timeUnixNano": NUMBER, "name": str, "attributes": ATTRIBUTES}],
        "status": {"code": int, "message": str}}
TRACES = {"resourceSpans": [{"resource": {"attributes": ATTRIBUTES},
                             "scopeSpans": [{"scope": {"name": str, "version": str}, "spans": [SPAN]}]}]}


def conforms(value, schema, where="$"):
    if isinstance(schema, dict):
        assert isinstance(value, dict), where
        for k, v in value.items():
            assert k in schema, f"{where}: no field {k}"
            conforms(v, schema[k], f"{where}.{k}")
        keys = [a["key"] for a in value.get("attributes", [])]
        same(len(set(keys)), len(keys), f"{where}: attributes with names of their own")
    elif isinstance(schema, list):
        assert isinstance(value, list), where
        for v in value:
            conforms(v, schema[0], where + "[]")
    elif isinstance(schema, re.Pattern):
        assert isinstance(value, str) and schema.fullmatch(value), f"{where}: {value!r}"
    else:
        assert type(value) is schema, f"{where}: {value!r}"


def attributes(o):
    return {a["key"]: next(iter(a["value"].values())) for a in o["attributes"]}


def check_otlp(path, doc):
    roots, children, services = {}, collections.defaultdict(list), collections.Counter()
    with open(path, encoding="utf-8") as f:
        for line in f:
            traces = json.loads(line)
            conforms(traces, TRACES)
            for resource in traces["resourceSpans"]:
                service = attributes(resource["resource"])["service.name"]
                for span in resource["scopeSpans"][0]["spans"]:
                    services[service] += 1
                    if service == "request":
                        roots[int(attributes(span)["strata.request"])] = span
                    else:
                        children[span["traceId"], span["parentSpanId"]].append((service, span))
    ids = [s["spanId"] for s in roots.values()] + [s["spanId"] for c in children.values() for _, s in c]
    same(len(set(ids)), len(ids), "different spans")
    shown = 0
    for n, r in enumerate(doc["requests_list"], 1):
        if len(r["hops"]) < 2:
            continue
        root, shown = roots[n], shown + 1
        same(root["name"], r["method"] or r["protocol"], "name")
        begin = int(root["startTimeUnixNano"])
        if r["end_to_end_ns"] is not None:
            same(int(root["endTimeUnixNano"]) - begin, r["end_to_end_ns"], "end to end")
        spans = sorted(children.pop((root["traceId"], root["spanId"])), key=lambda s: int(s[1]["startTimeUnixNano"]))
        found = {(s["name"], int(s["startTimeUnixNano"]) - begin,
                  int(s["endTimeUnixNano"]) - int(s["startTimeUnixNano"])) for _, s in spans}
        same(found, {(h["hop"], h["at_ns"], h["took_ns"]) for h in r["hops"][:-1]}, f"spans of request {n}")
        same({s["name"] for service, s in spans if service == "unattributed"},
             {h["hop"] for h in r["hops"] if h.get("unattributed")}, "nobody's")
    same((len(roots), len(children)), (shown, 0), "requests, and spans of none")
    return f"{len(ids)} spans of {shown} requests, {len(services)} services"


def check_openmetrics(path, doc):
    from prometheus_client.openmetrics.parser import text_fd_to_metric_families
    with open(path, encoding="utf-8") as f:
        families = {m.name: m for m in text_fd_to_metric_families(f)}
    samples, exemplars = {}, 0
    for family in families.values():
        for s in family.samples:
            samples[s.name, tuple(sorted(s.labels.items()))] = s.value
            if s.exemplar:
                exemplars += 1
                assert s.exemplar.value <= float(s.labels["le"]), s
                assert HEX32.fullmatch(s.exemplar.labels["trace_id"]), s
    hops = {h["hop"]: h for h in doc["hops"]}
    took, layers = collections.Counter(), collections.Counter()
    measured = [r for r in doc["requests_list"] if r["end_to_end_ns"] is not None]
    for r in measured:
        for h in r["hops"][:-1]:
            took[h["hop"]] += 0 if h.get("unattributed") else h["took_ns"]
        for layer, both in r["layers_ns"].items():
            for d in DIRECTIONS:
                layers[layer, d] += both[d]
    same(samples["strata_request_duration_seconds_count", ()], len(measured), "requests")
    total = sum(r["end_to_end_ns"] for r in measured)
    same(round(samples["strata_request_duration_seconds_sum", ()] * 1e9), total, "sum end to end")
    for name, ns in took.items():
        labels = (("direction", hops[name]["direction"]), ("hop", name), ("layer", hops[name]["layer"]))
        same(round(samples.get(("strata_hop_duration_seconds_sum", labels), 0) * 1e9), ns, f"sum of {name}")
    for (layer, d), ns in layers.items():
        labels = (("direction", d), ("layer", layer))
        same(round(samples.get(("strata_layer_duration_seconds_sum", labels), 0) * 1e9), ns, f"sum of {layer}")
    seen = sum(v for (name, _), v in samples.items() if name == "strata_requests_total")
    same(seen, doc["requests"]["seen"], "requests by status")
    lost = sum(v for (name, _), v in samples.items() if name == "strata_events_lost_total")
    same(lost, doc["events"]["lost"], "events lost")
    assert exemplars >= len(took), f"{exemplars} exemplars"
    return f"{len(families)} families, {exemplars} exemplars"


if __name__ == "__main__":
    with open(sys.argv[3], encoding="utf-8") as f:
        document = json.load(f)
    print(globals()["check_" + sys.argv[1]](sys.argv[2], document))
