/*
 * Ethernet frames for tests, built byte by byte.
 */
#ifndef STRATA_TESTS_FRAMES_H
#define STRATA_TESTS_FRAMES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct frame {
	uint8_t bytes[2048];
	size_t len;
};

static inline void frame_add(struct frame *f, const void *bytes, size_t n)
{
	memcpy(f->bytes + f->len, bytes, n);
	f->len += n;
}

static inline void frame_add16(struct frame *f, unsigned int v)
{
	const uint8_t b[] = {(uint8_t)(v >> 8), (uint8_t)v};

	frame_add(f, b, sizeof(b));
}

static inline void frame_add32(struct frame *f, uint32_t v)
{
	frame_add16(f, v >> 16);
	frame_add16(f, v & 0xffff);
}

/* Addresses and, unless 0, one VLAN tag of that type. */
static inline void frame_ethernet(struct frame *f, unsigned int type, unsigned int tag)
{
	static const uint8_t addresses[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2};

	frame_add(f, addresses, sizeof(addresses));
	if (tag) {
		frame_add16(f, tag);
		frame_add16(f, 42);
	}
	frame_add16(f, type);
}

/* 10.0.0.1 to 10.0.0.2, l4 bytes behind the header. */
static inline void frame_ipv4(struct frame *f, unsigned int protocol, size_t l4)
{
	frame_add16(f, 0x4500);
	frame_add16(f, 20 + (unsigned int)l4);
	frame_add32(f, 0x4000); /* don't fragment */
	frame_add16(f, 64 << 8 | protocol);
	frame_add16(f, 0);
	frame_add32(f, 0x0a000001);
	frame_add32(f, 0x0a000002);
}

/* fd00::1 to fd00::2, with so many bytes behind the header. */
static inline void frame_ipv6(struct frame *f, unsigned int next, size_t bytes)
{
	frame_add32(f, 0x60000000);
	frame_add16(f, (unsigned int)bytes);
	frame_add16(f, next << 8 | 64);
	for (uint32_t host = 1; host <= 2; host++) {
		frame_add32(f, 0xfd000000);
		frame_add32(f, 0);
		frame_add32(f, 0);
		frame_add32(f, host);
	}
}

static inline void frame_tcp(struct frame *f, uint16_t from, uint16_t to, uint32_t seq,
			     uint8_t flags, size_t payload)
{
	frame_add16(f, from);
	frame_add16(f, to);
	frame_add32(f, seq);
	frame_add32(f, 0);
	frame_add16(f, 8 << 12 | flags); /* 12 bytes of options */
	frame_add16(f, 1000);
	frame_add32(f, 0);
	memset(f->bytes + f->len, 1, 12);
	f->len += 12;
	memset(f->bytes + f->len, 'x', payload);
	f->len += payload;
}

#define FRAME_TCP_HEADER 32

/* A TCP segment over IPv4, whole. */
static inline void frame_segment(struct frame *f, uint16_t from, uint16_t to, uint32_t seq,
				 size_t payload)
{
	f->len = 0;
	frame_ethernet(f, 0x0800, 0);
	frame_ipv4(f, 6, FRAME_TCP_HEADER + payload);
	frame_tcp(f, from, to, seq, 0x18, payload);
}

#endif
