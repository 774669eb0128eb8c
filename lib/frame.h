/*
 * From a captured Ethernet frame to the TCP segment that it carries: what probes in the kernel
 * tell of one, for whoever has only the frame. Hostile input: every byte is checked to be
 * there.
 */
#ifndef STRATA_LIB_FRAME_H
#define STRATA_LIB_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"

struct frame {
	struct strata_event event; /* flow, seq, len, flags, ports; the rest is 0 */
	uint8_t client_addr[16], server_addr[16];
	bool request;           /* to the server */
	const uint8_t *payload; /* in the frame */
	size_t captured;        /* of event.len bytes of payload, those that are there */
};

/* A segment with payload to or from one of the ports? bytes of the frame are there, of length
 * on the wire: a merged one may be longer than its IP header can say. */
bool frame_parse(const uint8_t *at, size_t bytes, size_t length, const uint16_t *ports,
		 unsigned int port_count, struct frame *f);

/* Does another message begin behind the payload's first byte? As the wire probe asks, it is
 * rather said once too often. */
bool frame_holds_another(const struct frame *f);

#endif
