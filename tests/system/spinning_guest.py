"""A guest's kernel that does nothing but use its CPU: an ELF image for PVH boot (Linux, Documentation/
arch/x86/boot.rst; Xen, PHYS32_ENTRY) whose only instruction jumps to itself. spinning_guest.py >FILE"""
import struct
import sys

ENTRY = 0x100000
code = b"\xeb\xfe"
note = struct.pack("<III4sI", 4, 4, 18, b"Xen\0", ENTRY)
header, segment = 64, 56
at = header + 2 * segment


def program(kind, offset, address, size):
    return struct.pack("<IIQQQQQQ", kind, 7, offset, address, address, size, size, 4)


sys.stdout.buffer.write(
    struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 2, 62, 1, ENTRY, header, 0, 0, header, segment, 2, 0, 0, 0)
    + program(1, at + len(note), ENTRY, len(code))
    + program(4, at, 0, len(note))
    + note
    + code
)
