#!/usr/bin/python3
"""Is an export what "strata trace --json --requests" says of the same recording?

check_export.py FORMAT EXPORT JSON

Read by parsers that are not strata's: Python's csv and json, what tshark printed of a pcapng (see
PCAPNG_FIELDS in the test). Prints what was compared.
"""
import collections
import csv
import json
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
            same(row[key].removeprefix("'"), r[key], key)
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
                same(e["name"], f"{r['method']} {r['path']}", "name")
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
    requests = sum(r["method"] != "" for r in doc["requests_list"])
    same(wire, requests, "requests that tshark finds on the wire")
    return f"{packets} packets at hops, {wire} requests on the wire"


if __name__ == "__main__":
    with open(sys.argv[3], encoding="utf-8") as f:
        document = json.load(f)
    print(globals()["check_" + sys.argv[1]](sys.argv[2], document))
