/*
 * Fuzz requests of any protocol on the wire: any records of any connections, in any order.
 * Input: protocol 1, then records {flow and direction 1, flags 1, seq 2, length 1, payload...}.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hop.h"
#include "tracer/exchanges.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void found(void *ctx, const struct http_request *r)
{
	uint64_t *count = ctx;

	++*count;
	/* what is handed out may be printed, and is text */
	if (strlen(r->path) >= HTTP_PATH_MAX || strlen(r->method) >= HTTP_METHOD_MAX)
		abort();
	if (r->tls)
		return; /* the application may say anything */
	if (r->request_end - r->request_seq != (uint32_t)r->request_bytes)
		abort();
	if (r->answered && r->reply_end - r->reply_seq != (uint32_t)r->reply_bytes)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint64_t handed_out = 0, now = 1000;
	struct exchanges *x = exchanges_create(found, &handed_out, 3);

	enum protocol protocol;

	if (!x)
		return 0;
	protocol = size ? (enum protocol)(data[0] % PROTOCOL_COUNT) : PROTOCOL_AUTO;
	if (size) {
		data++;
		size--;
	}
	while (size >= 5) {
		struct strata_wire w = {
			.event = {.flow = data[0] & 7,
				  .hop = data[0] & 8 ? HOP_NIC_RX : HOP_NIC_QUEUE,
				  .flags = data[1] & (EVENT_FIN | EVENT_PLAIN),
				  .seq = (uint32_t)data[2] << 24 | data[3]}};

		w.captured = data[4];
		data += 5;
		size -= 5;
		if (w.captured > size)
			w.captured = (uint16_t)size;
		memcpy(w.payload, data, w.captured);
		data += w.captured;
		size -= w.captured;
		/* the upper bits of flags: bytes that were not captured */
		w.event.len =
			w.captured + (w.event.flags ? 0 : (uint32_t)(w.event.seq & 0x70) << 4);
		w.event.time_ns = now += (uint64_t)w.event.seq << 4;
		if (exchanges_feed(x, protocol, &w))
			break;
		exchanges_idle(x, now);
	}
	exchanges_finish(x);
	if (exchanges_stats(x).requests != handed_out)
		abort();
	exchanges_destroy(x);
	return 0;
}
