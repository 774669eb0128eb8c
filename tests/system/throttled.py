"""Thirty requests on one connection, then six with a cgroup's quota. throttled.py ADDRESS CGROUP QUOTA

Prints for how many nanoseconds the cgroup was throttled meanwhile."""
import http.client
import sys

address, cgroup, quota = sys.argv[1:]


def requests(n):
    for _ in range(n):
        connection.request("GET", "/")
        connection.getresponse().read()


def throttled_ns():
    with open(cgroup + "/cpu.stat") as stat:
        return 1000 * int(dict(line.split() for line in stat)["throttled_usec"])


def limit(text):
    with open(cgroup + "/cpu.max", "w") as limits:
        limits.write(text)


connection = http.client.HTTPConnection(address, timeout=60)
requests(30)
before = throttled_ns()
limit(quota)
requests(6)
print(throttled_ns() - before)
limit("max")
