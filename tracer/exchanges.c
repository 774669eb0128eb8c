/* Which protocol a connection speaks: see exchanges.h. */
#include "tracer/exchanges.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/hop.h"
#include "tracer/http_stream.h"
#include "tracer/lru.h"
#include "tracer/ping_pong.h"

static const char *const names[PROTOCOL_COUNT] = {"http", "ping-pong", "auto"};

const char *protocol_name(enum protocol protocol)
{
	return protocol < PROTOCOL_COUNT ? names[protocol] : NULL;
}

int protocol_by_name(const char *name)
{
	for (int i = 0; i < PROTOCOL_COUNT; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

struct connection {
	struct lru_entry entry; /* by flow; must be first */
	enum protocol protocol;
};

struct exchanges {
	struct http *http;
	struct ping_pong *ping_pong;
	struct lru connections;
	size_t max;
};

struct exchanges *exchanges_create(void (*request)(void *ctx, const struct http_request *r),
				   void *ctx, size_t connections_max)
{
	struct exchanges *x = calloc(1, sizeof(*x));

	if (!x) {
		err_set("out of memory for connections");
		return NULL;
	}
	if (lru_init(&x->connections)) {
		free(x);
		return NULL;
	}
	x->max = connections_max ? connections_max : 1;
	x->http = http_create(request, ctx, connections_max);
	x->ping_pong = ping_pong_create(request, ctx, connections_max);
	if (x->http && x->ping_pong)
		return x;
	exchanges_destroy(x);
	return NULL;
}

static struct connection *connection_of(struct exchanges *x, uint64_t flow)
{
	struct connection *c = (struct connection *)lru_find(&x->connections, flow);

	if (c) {
		lru_touch(&x->connections, &c->entry);
		return c;
	}
	if (x->connections.count >= x->max) {
		c = (struct connection *)x->connections.oldest;
		lru_remove(&x->connections, &c->entry);
		free(c);
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		err_set("out of memory for connections");
		return NULL;
	}
	c->entry.key = flow;
	c->protocol = PROTOCOL_AUTO;
	lru_add(&x->connections, &c->entry);
	return c;
}

/* whole: its start line is there to its end */
static bool looks_like_http(const struct strata_wire *w, bool whole)
{
	bool reply = hop_table[w->event.hop].direction == DIRECTION_REPLY;

	return http_looks_like(w->payload, w->captured, reply) &&
	       (!whole || memchr(w->payload, '\n', w->captured));
}

/* The protocol of its connection; -1 if memory is short. */
static int find_out(struct exchanges *x, const struct strata_wire *w)
{
	struct connection *c = connection_of(x, w->event.flow);

	if (!c)
		return -1;
	if (!w->event.len)
		return (int)c->protocol;
	if (c->protocol == PROTOCOL_AUTO) {
		c->protocol = looks_like_http(w, false) ? PROTOCOL_HTTP : PROTOCOL_PING_PONG;
	} else if (c->protocol == PROTOCOL_PING_PONG && looks_like_http(w, true)) {
		/* it was within a message when the recording began */
		ping_pong_forget(x->ping_pong, w->event.flow);
		c->protocol = PROTOCOL_HTTP;
	}
	return (int)c->protocol;
}

int exchanges_feed(struct exchanges *x, enum protocol protocol, const struct strata_wire *w)
{
	bool sane = w->event.hop < HOP_COUNT && w->captured <= WIRE_PAYLOAD_MAX;
	int is = protocol == PROTOCOL_AUTO && sane ? find_out(x, w) : (int)protocol;

	if (is < 0)
		return -1;
	return is == PROTOCOL_PING_PONG ? ping_pong_feed(x->ping_pong, w)
					: http_feed(x->http, w);
}

void exchanges_idle(struct exchanges *x, uint64_t now_ns)
{
	http_idle(x->http, now_ns);
	ping_pong_idle(x->ping_pong, now_ns);
}

void exchanges_finish(struct exchanges *x)
{
	http_finish(x->http);
	ping_pong_finish(x->ping_pong);
}

struct http_stats exchanges_stats(const struct exchanges *x)
{
	struct http_stats a = http_stats(x->http), b = ping_pong_stats(x->ping_pong);

	a.segments += b.segments;
	a.requests += b.requests;
	a.retransmitted += b.retransmitted;
	a.evicted += b.evicted;
	a.ignored += b.ignored;
	return a;
}

void exchanges_destroy(struct exchanges *x)
{
	if (!x)
		return;
	while (x->connections.oldest) {
		struct lru_entry *e = x->connections.oldest;

		lru_remove(&x->connections, e);
		free(e);
	}
	lru_free(&x->connections);
	http_destroy(x->http);
	ping_pong_destroy(x->ping_pong);
	free(x);
}
