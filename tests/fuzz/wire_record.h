/*
 * Records of the wire made of a fuzzer's bytes: {flow and direction 1, flags 1, seq 2, length
 * 1, payload...}, of any connections, in any order; and what must hold of every request found.
 */
#ifndef STRATA_TESTS_WIRE_RECORD_H
#define STRATA_TESTS_WIRE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hop.h"
#include "tracer/http.h"

struct wire_bytes {
	const uint8_t *data;
	size_t size;
	uint8_t flags; /* that a record may have */
	uint64_t now_ns;
};

/* The next record; false at the end. */
static bool wire_record_take(struct wire_bytes *b, struct strata_wire *w)
{
	const uint8_t *d = b->data;

	if (b->size < 5)
		return false;
	*w = (struct strata_wire){.event = {.flow = d[0] & 7,
					    .hop = d[0] & 8 ? HOP_NIC_RX : HOP_NIC_QUEUE,
					    .flags = d[1] & b->flags,
					    .seq = (uint32_t)d[2] << 24 | d[3]},
				  .captured = d[4]};
	b->data += 5;
	b->size -= 5;
	if (w->captured > b->size)
		w->captured = (uint16_t)b->size;
	memcpy(w->payload, b->data, w->captured);
	b->data += w->captured;
	b->size -= w->captured;
	/* the upper bits of seq: bytes that were not captured */
	w->event.len =
		w->captured + (w->event.flags ? 0 : (uint32_t)(w->event.seq & 0x70) << 4);
	w->event.time_ns = b->now_ns += (uint64_t)w->event.seq << 4;
	return true;
}

/* Counts it; what is handed out may be printed, and is text. */
static void wire_record_found(void *ctx, const struct http_request *r)
{
	uint64_t *count = ctx;

	++*count;
	if (strlen(r->path) >= HTTP_PATH_MAX || strlen(r->method) >= HTTP_METHOD_MAX)
		abort();
	if (r->tls)
		return; /* the application may say anything */
	if (r->request_end - r->request_seq != (uint32_t)r->request_bytes)
		abort();
	if (r->answered && r->reply_end - r->reply_seq != (uint32_t)r->reply_bytes)
		abort();
}

#endif
