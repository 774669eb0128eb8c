#!/usr/bin/env python3
"""What probes_dump printed of a container-mode run: is every request complete and in order?

check_hops.py FILE --requests N

A request's byte range is found on the wire (a payload that begins with GET), its reply's is the
range up to the next request's on the connection. Every hop must then cover each range exactly
once, within itself, and the hops' first sightings must follow each other in time.
"""
import argparse
import collections
import sys

REQUEST = ("client.send client.xmit nic.rx vswitch.in port.queue port.xmit stack.rx tcp.rx "
           "sock.ready app.read nginx.process").split()
REPLY = ("app.write stack.queue stack.xmit port.rx nic.queue nic.xmit client.rx "
         "client.recv").split()
CONTEXT = 4
UPTO = 16

Event = collections.namedtuple("Event", "time hop flow seq len flags")


def read(path):
    events, wires = [], []
    for line in open(path, errors="replace"):
        w = line.split()
        if w[0] == "event":
            events.append(Event(int(w[1]), w[2], w[3], int(w[4]), int(w[5]), int(w[6])))
        elif w[0] == "wire":
            wires.append((w[3], int(w[4]), int(w[5]), w[2], " ".join(w[7:])))
    return events, wires


def covers(events, start, end, what):
    """Their ranges tile [start, end): nothing missing, nothing seen twice."""
    at = start
    for e in sorted(events, key=lambda e: ((e.seq - start) & 0xffffffff, e.time)):
        if e.flags & UPTO:
            assert (e.seq - at) & 0xffffffff < 1 << 31, f"{what}: {e} goes back, at {at}"
            at = e.seq
        else:
            # what did not fit into the socket's buffer is offered again
            again = e.hop in ("app.write", "client.send") and 0 <= (at - e.seq) & 0xffffffff < e.len
            assert e.seq == at or again, f"{what}: at {at}, next is {e}"
            at = (e.seq + e.len) & 0xffffffff
    assert at == end & 0xffffffff, f"{what}: ends at {at}, not {end & 0xffffffff}"


def within(e, start, end):
    """Does the event's range (or its end) lie in [start, end)?"""
    if e.flags & UPTO:
        return 0 < (e.seq - start) & 0xffffffff <= end - start
    return (e.seq - start) & 0xffffffff < end - start


def check_way(events, hops, start, end, what):
    """One direction of one request; returns the hops' first times."""
    times = []
    for hop in hops:
        mine = [e for e in events if e.hop == hop and within(e, start, end)]
        assert mine, f"{what}: no {hop}"
        covers(mine, start, end, f"{what} {hop}")
        times.append((hop, min(e.time for e in mine)))
    for (a, ta), (b, tb) in zip(times, times[1:]):
        # the reader is ahead of the wire's end in neither direction: a large reply's first
        # bytes may be received before its last are written, but not before its first
        assert ta <= tb, f"{what}: {b} ({tb}) before {a} ({ta})"
    return dict(times)


def check_flow(events, wires):
    requests = [(seq, length) for _, seq, length, hop, text in wires if hop == "nic.rx"]
    replies = [(seq, length) for _, seq, length, hop, text in wires if hop == "nic.queue"]
    starts = [seq for _, seq, _, hop, text in wires
              if hop == "nic.queue" and text.startswith("HTTP/1.1 ")]
    assert len(starts) == len(requests), f"{len(requests)} requests, {len(starts)} replies"
    last = replies[-1][0] + replies[-1][1]
    ends = starts[1:] + [last]
    for (seq, length), start, end in zip(requests, starts, ends):
        there = check_way(events, REQUEST, seq, seq + length, f"request {seq}")
        back = check_way(events, REPLY, start, end, f"reply {start}")
        assert there["nginx.process"] <= back["app.write"], f"request {seq}: answered before read"
    return len(requests)


def main():
    p = argparse.ArgumentParser()
    p.add_argument("file")
    p.add_argument("--requests", type=int)
    a = p.parse_args()
    events, wires = read(a.file)
    flows = collections.OrderedDict.fromkeys(w[0] for w in wires)
    n = sum(check_flow([e for e in events if e.flow == f], [w for w in wires if w[0] == f])
            for f in flows)
    assert n == a.requests, f"{n} requests, not {a.requests}"
    foreign = [e for e in events if e.flow not in flows and not e.flags & CONTEXT]
    assert not foreign, f"events of no connection: {foreign[:3]}"


try:
    main()
except AssertionError as e:
    sys.exit(f"check_hops: {e}")
