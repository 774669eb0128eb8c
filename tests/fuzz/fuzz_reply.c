/*
 * Fuzzes the HTTP reply parser: whatever a server sends, in whatever pieces it arrives, the
 * parser stays in bounds, and pieces make no difference to what it finds. The first byte of the
 * input says how large the pieces are.
 */
#include <stdint.h>
#include <stdlib.h>

#include "bench/load/reply.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void count(void *ctx, const char *data, size_t len)
{
	(void)data;
	*(uint64_t *)ctx += len;
}

static size_t feed(struct reply *r, const char *data, size_t len, size_t piece, uint64_t *body)
{
	size_t used = 0;

	*body = 0;
	reply_init(r, count, body);
	while (used < len) {
		size_t n = len - used < piece ? len - used : piece;
		size_t took = reply_feed(r, data + used, n);

		used += took;
		if (took < n) {
			if (r->state != REPLY_DONE && r->state != REPLY_BAD)
				abort();
			break;
		}
	}
	reply_end(r);
	return used;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct reply whole, pieces;
	uint64_t whole_body, pieces_body;
	size_t whole_used, pieces_used;
	const char *text = (const char *)data + 1;

	if (size < 2)
		return 0;
	whole_used = feed(&whole, text, size - 1, size, &whole_body);
	pieces_used = feed(&pieces, text, size - 1, 1 + data[0] % 64, &pieces_body);
	if (whole.state != pieces.state || whole_body != whole.body_bytes ||
	    pieces_body != pieces.body_bytes)
		abort();
	if (whole.state == REPLY_DONE &&
	    (whole_used != pieces_used || whole_body != pieces_body ||
	     whole.status != pieces.status || whole.keep_alive != pieces.keep_alive))
		abort();
	return 0;
}
