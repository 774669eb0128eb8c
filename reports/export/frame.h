/*
 * A TCP/IP packet from what a recording knows of it: addresses, ports, sequence number, length
 * and perhaps its first bytes.
 *
 * All else in its headers was not recorded. Those fields are 0, but for two: IPv4's header
 * checksum, which follows from the rest, and TCP's window, which would mean something if it
 * were 0.
 */
#ifndef STRATA_REPORTS_EXPORT_FRAME_H
#define STRATA_REPORTS_EXPORT_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FRAME_HEADERS_MAX 60         /* IPv6 and TCP */
#define FRAME_PAYLOAD_MAX (1u << 28) /* more than any segment has */

struct frame {
	const uint8_t *from, *to; /* 16 bytes each; IPv4 as v4-mapped IPv6 */
	uint16_t from_port, to_port;
	bool ipv6;
	uint32_t seq;
	uint32_t len; /* of the payload */
};

/* Its headers. Returns how many bytes they are. */
size_t frame_headers(const struct frame *f, uint8_t headers[FRAME_HEADERS_MAX]);

#endif
