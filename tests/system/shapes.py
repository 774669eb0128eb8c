#!/usr/bin/env python3
"""Shapes of HTTP traffic: shapes.py ADDRESS SHAPE... Prints how many requests that made, or fails.

With TLS in the environment, over that: its value is the version, 1.2 or 1.3."""
import os
import resource
import selectors
import socket
import ssl
import sys
import time

tls = os.environ.get("TLS")
PORT = 443 if tls else 80
address = sys.argv[1]
host = b"Host: x\r\n"


def connect():
    s = socket.create_connection((address, PORT), timeout=20)
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return s
    context = ssl._create_unverified_context()
    context.minimum_version = context.maximum_version = ssl.TLSVersion["TLSv" + tls.replace(".", "_")]
    return context.wrap_socket(s)


class Reader:
    """Replies, one after the other, from one connection."""

    def __init__(self, s):
        self.file = s.makefile("rb")

    def line(self):
        line = self.file.readline()
        if not line:
            raise EOFError("the connection ended within a reply")
        return line.rstrip(b"\r\n")

    def reply(self, method="GET"):
        while True:
            status = int(self.line().split()[1])
            headers = {}
            while line := self.line():
                name, value = line.split(b":", 1)
                headers[name.strip().lower()] = value.strip().lower()
            if status >= 200:
                break
        if method == "HEAD" or status in (204, 304):
            return status, 0
        if headers.get(b"transfer-encoding") == b"chunked":
            total = 0
            while size := int(self.line(), 16):
                total += len(self.file.read(size))
                self.line()
            self.line()
            return status, total
        return status, len(self.file.read(int(headers[b"content-length"])))


def get(path="/", method="GET", extra=b""):
    return f"{method} {path} HTTP/1.1\r\n".encode() + host + extra + b"\r\n"


def ask(s, r, request, method="GET", status=200, size=None):
    s.sendall(request)
    got = r.reply(method)
    assert got[0] == status and size in (None, got[1]), (request[:60], got)


def keepalive():
    s = connect()
    r = Reader(s)
    for _ in range(50):
        ask(s, r, get())
    return 50


def pipelined():
    s = connect()
    r = Reader(s)
    for _ in range(10):
        s.sendall(get() * 8)
        for _ in range(8):
            assert r.reply()[0] == 200
    return 80


def chunked():
    s = connect()
    r = Reader(s)
    for _ in range(20):
        ask(s, r, get("/chunked"), size=6 + 5 + 18000)
    return 20


def chunked_upload():
    s = connect()
    r = Reader(s)
    for i in range(20):
        s.sendall(get("/upload", "POST", b"Transfer-Encoding: chunked\r\n"))
        for n in (5, 1, 3000, 70000, 1 + i):
            s.sendall(b"%x\r\n" % n + b"x" * n + b"\r\n")
        s.sendall(b"0\r\nTrailer: t\r\n\r\n")
        assert r.reply()[0] == 200
    return 20


def large():
    s = connect()
    r = Reader(s)
    for _ in range(5):
        ask(s, r, get("/big"), size=8 << 20)
    return 5


def upload():
    s = connect()
    r = Reader(s)
    body = b"x" * (8 << 20)
    for _ in range(5):
        s.sendall(get("/upload", "POST", b"Content-Length: %d\r\n" % len(body)))
        s.sendall(body)
        assert r.reply()[0] == 200
    return 5


def split():
    s = connect()
    r = Reader(s)
    for at in range(1, 39):
        text = get("/", extra=b"X-Filler: y\r\n")
        s.sendall(text[:at])
        time.sleep(0.002)
        ask(s, r, text[at:])
    return 38


def cookies():
    """Headers longer than what is captured of one segment."""
    s = connect()
    r = Reader(s)
    for _ in range(20):
        ask(s, r, get("/", extra=b"Cookie: " + b"c" * 3000 + b"\r\n"))
    return 20


def expect():
    s = connect()
    r = Reader(s)
    for _ in range(10):
        s.sendall(get("/upload", "POST", b"Content-Length: 20000\r\nExpect: 100-continue\r\n"))
        line = r.line()
        assert b" 100 " in line, line
        r.line()
        s.sendall(b"x" * 20000)
        assert r.reply()[0] == 200
    return 10


def bodyless():
    s = connect()
    r = Reader(s)
    for _ in range(10):
        ask(s, r, get("/", "HEAD"), "HEAD")
        ask(s, r, get("/big", "HEAD"), "HEAD")
        ask(s, r, get("/none"), status=204)
        ask(s, r, get("/", extra=b"If-None-Match: *\r\n"), status=304)
        ask(s, r, get("/missing"), status=404)
    return 50


def closing():
    """HTTP/1.0: a connection each, the reply's end is the connection's."""
    for _ in range(20):
        s = connect()
        s.sendall(b"GET /chunked HTTP/1.0\r\n\r\n")
        total = 0
        while part := s.recv(65536):
            total += len(part)
        assert total > 18000
        s.close()
    return 20


def many():
    """Thousands of connections at once, two requests each."""
    count, rounds = 3000, 2
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 100, max(count + 100, resource.getrlimit(resource.RLIMIT_NOFILE)[1])))
    selector = selectors.DefaultSelector()
    sockets = [connect() for _ in range(count)]
    for s in sockets:
        s.setblocking(False)
        selector.register(s, selectors.EVENT_READ)
    for _ in range(rounds):
        left = set(sockets)
        seen = {s: b"" for s in sockets}
        for s in sockets:
            s.send(get())
        while left:
            ready = selector.select(20)
            assert ready, "no reply for 20 s"
            for key, _ in ready:
                s = key.fileobj
                seen[s] += s.recv(65536)
                head, end, body = seen[s].partition(b"\r\n\r\n")
                if end and len(body) == int(head.lower().split(b"content-length: ")[1].split()[0]):
                    left.discard(s)
    return count * rounds


print(sum(globals()[shape]() for shape in sys.argv[2:]))
