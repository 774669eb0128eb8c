/*
 * What a traced Ethernet frame says of its TCP segment: addresses, ports, sequence
 * range. Kept apart from tracing so that it can be tested and fuzzed by itself.
 *
 * The bytes come from a guest or from the wire: every field is checked against what
 * was captured before it is read.
 */
#ifndef STRATA_VMM_FRAME_H
#define STRATA_VMM_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Enough for Ethernet, two VLAN tags, IPv6 with a few extension headers, and TCP with options.
 */
#define FRAME_HEADERS_MAX 256

struct frame_tcp {
	uint32_t source[4]; /* as loaded from the packet; IPv4 as v4-mapped IPv6 */
	uint32_t destination[4];
	uint16_t source_port; /* host byte order */
	uint16_t destination_port;
	uint32_t seq;
	uint32_t payload_bytes;
	bool ipv6;
	bool fin; /* FIN or RST */
};

/*
 * Parse the first captured bytes of a frame of frame_bytes. False if it is not an
 * unfragmented TCP segment whose headers were captured whole.
 */
bool frame_parse_tcp(const uint8_t *bytes, size_t captured, size_t frame_bytes,
		     struct frame_tcp *out);

#endif
