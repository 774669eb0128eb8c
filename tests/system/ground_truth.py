#!/usr/bin/env python3
"""Hold a trace against captures of the same run: every hop of every request.

ground_truth.py JSON PLACE:OFFSET:FILE...

JSON is strata trace's document with all requests, each FILE what tcpdump captured at PLACE, from each connection's
SYN on and with --time-stamp-precision=nano. OFFSET is CLOCK_REALTIME minus CLOCK_MONOTONIC there, in nanoseconds,
as /proc/timer_list has it; "-" for a clock that is not the trace's: then only durations are compared.

A capture takes its time at one point of the kernel, between two of the trace's hops: so finely it can tell, and there
the time of each packet's copy has to lie; which is why each hop lies between two captures. A packet is found in a
capture by its connection and its place in the stream of bytes, counted from the SYN on: the trace's own idea of both
is on trial, too.
"""
import json
import statistics
import struct
import sys

# A request's way and back: hops, and in brackets captures. Those of one line happen in any order, after all of the
# line before. A capture of what arrives is taken close to the stack's own hop, on either side of it.
PATH = [
    line.split()
    for line in """
client.send
[client>]
client.xmit
nic.rx vswitch.in [uplink>]
port.queue
[port>]
port.xmit
guest.napi
stack.rx [server>]
tcp.rx
app.write
stack.queue
[server<]
stack.xmit
port.rx [port<]
nic.queue
[uplink<]
nic.xmit
client.rx [client<]
client.recv
""".strip().splitlines()
]


def packets(path):
    """(time in ns, frame) of each."""
    with open(path, "rb") as f:
        data = f.read()
    magic, linktype = struct.unpack_from("<I", data)[0], struct.unpack_from("<I", data, 20)[0]
    assert magic == 0xA1B23C4D and linktype == 1, f"{path} is no capture of Ethernet in nanoseconds"
    at = 24
    while at + 16 <= len(data):
        seconds, ns, captured = struct.unpack_from("<III", data, at)
        if at + 16 + captured > len(data):
            return  # it is still being written
        yield seconds * 10**9 + ns, data[at + 16 : at + 16 + captured]
        at += 16 + captured


def segments(path):
    """(time, (source, port), (destination, port), flags, sequence number, payload's length) of TCP over IPv4."""
    for time, frame in packets(path):
        at = 12
        while frame[at : at + 2] in (b"\x81\x00", b"\x88\xa8"):
            at += 4
        if frame[at : at + 2] != b"\x08\x00":
            continue
        ip = frame[at + 2 :]
        tcp = ip[(ip[0] & 15) * 4 :]
        source, destination = (".".join(map(str, ip[i : i + 4])) for i in (12, 16))
        sport, dport, seq = struct.unpack_from(">HHI", tcp)
        total = struct.unpack_from(">H", ip, 2)[0]  # 0: beyond 64 KiB
        length = (total or len(frame) - at - 2) - (ip[0] & 15) * 4 - (tcp[12] >> 4) * 4
        yield time, f"{source}:{sport}", f"{destination}:{dport}", tcp[13], seq, length


class Capture:
    def __init__(self, path):
        self.begins = {}  # by direction: the number of the stream's first byte
        self.sent = {}  # ... and (first byte, byte after the last, time)
        for time, source, destination, flags, seq, length in segments(path):
            if flags & 2:
                self.begins[source, destination] = seq + 1 & 0xFFFFFFFF
            elif length and (source, destination) in self.begins:
                first = seq - self.begins[source, destination] & 0xFFFFFFFF
                self.sent.setdefault((source, destination), []).append((first, first + length, time))

    def passed(self, source, destination, byte):
        """When that byte of the stream first went by."""
        for first, end, time in self.sent.get((source, destination), ()):
            if first <= byte < end:
                return time
        return None


def streams(requests):
    """Each request with the numbers of its last byte and of its reply's, in their streams."""
    sizes = {}
    for r in sorted(requests, key=lambda r: r["index"]):
        asked, answered = sizes.get(r["flow"], (0, 0))
        asked, answered = asked + r["request_bytes"], answered + r["reply_bytes"]
        sizes[r["flow"]] = asked, answered
        yield r, asked - 1, answered - 1


def hops(request):
    return {h["hop"]: request["start_ns"] + h["at_ns"] for h in request["hops"]}


class Comparison:
    def __init__(self):
        self.wrong, self.precision, self.compared = [], {}, 0

    def in_order(self, name, low, time, high):
        self.compared += 1
        self.precision.setdefault(name, []).append(high - low)
        if not low <= time <= high:
            self.wrong.append(f"{name}: {low - time} ns before, {time - high} ns behind")

    def told(self):
        for name, widths in self.precision.items():
            print(f"{name} {len(widths)} times, each to within {statistics.median(widths):.0f} ns (median)")
        for line in self.wrong[:10]:
            print(line)
        return not self.wrong and self.compared > 0


def captured(request, asked, answered, captures):
    """The times of the request's last byte and the reply's, by "[PLACE>]" and "[PLACE<]"."""
    c, s = request["client"], request["server"]
    for place, capture in captures.items():
        yield f"[{place}>]", capture.passed(c, s, asked), capture
        yield f"[{place}<]", capture.passed(s, c, answered), capture


def check(request, asked, answered, captures, result):
    at, own = hops(request), {}
    for name, time, capture in captured(request, asked, answered, captures):
        if time is None:
            result.wrong.append(f"{request['client']} request {request['index']}: not in the capture {name}")
        elif capture.offset is None:
            own[name] = time
        else:
            at[name] = time - capture.offset
    steps = [[(at[n], n) for n in line if n in at] for line in PATH]
    steps = [step for step in steps if step]
    for before, step, after in zip(steps, steps[1:], steps[2:]):
        for time, name in step:
            result.in_order(name, max(before)[0], time, min(after)[0])
    for place in captures:
        if f"[{place}>]" in own and f"[{place}<]" in own:
            lines = [next(i for i, line in enumerate(PATH) if f"[{place}{d}]" in line) for d in "><"]
            around = [[max((at[n] for n in PATH[i + k] if n in at), default=None) for k in (-1, 1)] for i in lines]
            if None not in around[0] + around[1]:
                result.in_order(f"[{place}]", around[1][0] - around[0][1], own[f"[{place}<]"] - own[f"[{place}>]"],
                                around[1][1] - around[0][0])


def main():
    with open(sys.argv[1]) as f:
        requests = json.load(f)["requests_list"]
    captures, result = {}, Comparison()
    for argument in sys.argv[2:]:
        place, offset, path = argument.split(":", 2)
        captures[place] = Capture(path)
        captures[place].offset = None if offset == "-" else int(offset)
    for request, asked, answered in streams(requests):
        check(request, asked, answered, captures, result)
    return 0 if result.told() else 1


sys.exit(main())
