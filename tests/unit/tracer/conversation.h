/* Segments of one connection as the wire's probes see them, and the requests that were found in
 * them. Included after cmocka.h. */
#ifndef STRATA_TESTS_CONVERSATION_H
#define STRATA_TESTS_CONVERSATION_H

#include <string.h>

#include "lib/hop.h"
#include "tracer/http.h"

#define FOUND_MAX 64

struct conversation {
	struct http_request found[FOUND_MAX];
	unsigned int count;
	uint64_t now_ns;
	uint32_t seq[2];
	uint64_t flow;
	uint16_t server_port;
};

static void conversation_begin(struct conversation *c, uint16_t server_port)
{
	*c = (struct conversation){
		.now_ns = 1000000000,
		.seq = {[DIRECTION_REQUEST] = 1000, [DIRECTION_REPLY] = 900000},
		.flow = 77,
		.server_port = server_port};
}

/* For http_create() and exchanges_create(); ctx: the conversation. */
static void conversation_found(void *ctx, const struct http_request *r)
{
	struct conversation *c = ctx;

	assert_true(c->count < FOUND_MAX);
	c->found[c->count++] = *r;
}

/* The next segment, a microsecond later; of its bytes at most so many are seen. */
static struct strata_wire conversation_segment(struct conversation *c, enum strata_direction d,
					       uint32_t seq, const char *bytes, uint32_t len,
					       unsigned int flags, uint32_t seen_max)
{
	struct strata_wire w = {
		.event = {.time_ns = c->now_ns += 1000,
			  .flow = c->flow,
			  .seq = seq,
			  .len = len,
			  .flags = (uint8_t)flags,
			  .hop = d == DIRECTION_REQUEST ? HOP_NIC_RX : HOP_NIC_QUEUE,
			  .client_port = 4242,
			  .server_port = c->server_port}};

	w.captured = (uint16_t)(len < seen_max ? len : seen_max);
	if (w.captured)
		memcpy(w.payload, bytes, w.captured);
	return w;
}

/* The n-th request was answered, and it and its reply span these bytes. */
static const struct http_request *conversation_expect(const struct conversation *c,
						      unsigned int n, uint32_t from,
						      uint32_t to, uint32_t reply_from,
						      uint32_t reply_to)
{
	const struct http_request *r = &c->found[n];

	assert_true(n < c->count);
	assert_true(r->answered);
	assert_int_equal(r->request_seq, from);
	assert_int_equal(r->request_end, to);
	assert_int_equal(r->reply_seq, reply_from);
	assert_int_equal(r->reply_end, reply_to);
	assert_int_equal(r->request_bytes, to - from);
	assert_int_equal(r->reply_bytes, reply_to - reply_from);
	return r;
}

#endif
