"""What devices of a VM carry, over every second. rates.py CONTROL SECONDS DEVICE COUNTER...

Asks the control socket for the counters ten times a second, adds up each device's counters of that
name ("rx_bytes"; "rx.bytes" is bytes in an object rx), and prints the fewest, the median and the most, a second, of all
windows of a second: a line for each DEVICE COUNTER."""
import json
import socket
import statistics
import sys
import time

control, seconds = sys.argv[1:3]
wanted = list(zip(sys.argv[3::2], sys.argv[4::2]))


def numbers(value, counter, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, counter, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner, counter, path)
    elif path.endswith("." + counter):
        yield value


def sample(stream):
    before = time.monotonic()
    stream.write('{"do":"counters"}\n')
    stream.flush()
    reply = json.loads(stream.readline())
    middle = (before + time.monotonic()) / 2
    for device in reply["devices"]:
        device.pop("limits", None)
    return middle, [
        sum(numbers([d for d in reply["devices"] if d["index"] == int(device)], counter))
        for device, counter in wanted
    ]


with socket.socket(socket.AF_UNIX) as s:
    s.connect(control)
    stream = s.makefile("rw")
    samples = [sample(stream)]
    while samples[-1][0] - samples[0][0] < float(seconds):
        time.sleep(0.1)
        samples.append(sample(stream))

windows, last = [], 0
for first, (start, carried) in enumerate(samples):
    while last < len(samples) and samples[last][0] - start < 1:
        last += 1
    if last < len(samples):
        windows.append([(then - now) / (samples[last][0] - start) for then, now in zip(samples[last][1], carried)])
for rates in zip(*windows):
    print(round(min(rates)), round(statistics.median(rates)), round(max(rates)))
