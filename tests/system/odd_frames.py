#!/usr/bin/env python3
"""Sends TCP segments in frames of many shapes: odd_frames.py DEVICE DESTINATION_MAC

Those that a probe must see carry sequence numbers 1000, 2000, ... in this order; the others,
sequence number 9999.
"""
import socket
import struct
import sys

PORT = 80


def tcp(seq, payload, port=PORT, options=b""):
    words = 5 + len(options) // 4
    return struct.pack("!HHIIBBHHH", 54321, port, seq, 1, words << 4, 0x18, 1000, 0, 0) + options + payload


def ipv4(segment, options=b"", fragment=0, protocol=6):
    ihl = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | ihl, 0, ihl * 4 + len(segment), 0, fragment, 64, protocol, 0,
                         bytes([10, 77, 0, 1]), bytes([10, 77, 0, 2])) + options
    total = sum(struct.unpack(f"!{len(header) // 2}H", header))
    total = (total & 0xFFFF) + (total >> 16)
    return header[:10] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + header[12:] + segment


def ipv6(segment):
    return struct.pack("!IHBB16s16s", 6 << 28, len(segment), 6, 64, socket.inet_pton(socket.AF_INET6, "fd77::1"),
                       socket.inet_pton(socket.AF_INET6, "fd77::2")) + segment


def tag(kind, vid):
    return struct.pack("!HH", kind, vid)


V4, V6, VLAN, QINQ = b"\x08\x00", b"\x86\xdd", 0x8100, 0x88A8
FRAMES = [
    V4 + ipv4(tcp(1000, b"GET ")),
    V4 + ipv4(tcp(2000, b"x")) + bytes(20),                       # padded
    V4 + ipv4(tcp(3000, b"1234567", options=b"\x01" * 12), options=b"\x01" * 8),
    tag(VLAN, 5) + V4 + ipv4(tcp(4000, b"12345678")),
    tag(QINQ, 5) + tag(VLAN, 6) + V4 + ipv4(tcp(5000, b"123456789")),
    tag(VLAN, 5) + V6 + ipv6(tcp(6000, b"6" * 300, options=b"\x01" * 4)),
    V4 + ipv4(tcp(9999, b"")),                                     # empty
    V4 + ipv4(tcp(9999, b"")) + bytes(6),                          # empty and padded
    V4 + ipv4(tcp(9999, b"another port", port=PORT + 1)),
    V4 + ipv4(tcp(9999, b"a fragment"), fragment=0x2000),
    V4 + ipv4(tcp(9999, b"a later fragment"), fragment=0x0010),
    V4 + ipv4(tcp(9999, b"no TCP"), protocol=17),
]

device, destination = sys.argv[1:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind((device, 0))
own = s.getsockname()[4]
for frame in FRAMES:
    s.send(bytes.fromhex(destination.replace(":", "")) + own + frame)
