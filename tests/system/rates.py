"""What a device of a VM carries, over every second. rates.py CONTROL DEVICE COUNTER SECONDS

Asks the control socket for the counters ten times a second, adds up the device's counters of that
name ("rx_bytes"; "rx.bytes" is bytes in an object rx), and prints the fewest, the median and the most, a second, of all windows of a second."""
import json
import socket
import statistics
import sys
import time

control, device, counter, seconds = sys.argv[1:]


def numbers(value, path=""):
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from numbers(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from numbers(inner, path)
    elif path.endswith("." + counter):
        yield value


def sample(stream):
    before = time.monotonic()
    stream.write('{"do":"counters"}\n')
    stream.flush()
    reply = json.loads(stream.readline())
    middle = (before + time.monotonic()) / 2
    found = [d for d in reply["devices"] if d["index"] == int(device)]
    del found[0]["limits"]
    return middle, sum(numbers(found))


with socket.socket(socket.AF_UNIX) as s:
    s.connect(control)
    stream = s.makefile("rw")
    samples = [sample(stream)]
    while samples[-1][0] - samples[0][0] < float(seconds):
        time.sleep(0.1)
        samples.append(sample(stream))

rates, last = [], 0
for first, (start, carried) in enumerate(samples):
    while last < len(samples) and samples[last][0] - start < 1:
        last += 1
    if last < len(samples):
        rates.append((samples[last][1] - carried) / (samples[last][0] - start))
print(round(min(rates)), round(statistics.median(rates)), round(max(rates)))
