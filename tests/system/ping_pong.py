#!/usr/bin/env python3
"""Two that take turns over TCP, in no protocol's words.

ping_pong.py serve PORT                   each request is a size and a delay: "BYTES REPLY_BYTES MS\\n" and padding
ping_pong.py ask ADDRESS PORT BYTES REPLY_BYTES MS [TIMES]
"""
import socket
import sys
import threading
import time


def read(file, bytes):
    assert len(file.read(bytes)) == bytes, "the connection ended within a message"


def serve(s):
    with s, s.makefile("rb") as file:
        s.sendall(b"welcome\n")
        while line := file.readline():
            size, reply, ms = map(int, line.split())
            read(file, size - len(line))
            time.sleep(ms / 1000)
            s.sendall(b"=" * reply)


if sys.argv[1] == "serve":
    with socket.create_server(("", int(sys.argv[2]))) as listening:
        while True:
            threading.Thread(target=serve, args=(listening.accept()[0],), daemon=True).start()
address, port, size, reply, ms = sys.argv[2], *map(int, sys.argv[3:7])
with socket.create_connection((address, port), timeout=20) as s, s.makefile("rb") as file:
    s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    read(file, 8)
    for _ in range(int(sys.argv[7]) if len(sys.argv) > 7 else 1):
        s.sendall(f"{size} {reply} {ms}\n".encode().ljust(size, b"-"))
        read(file, reply)
