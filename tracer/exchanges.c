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
	bool tls;
	uint32_t plain_seq[2]; /* bytes of plaintext so far, by enum strata_direction */
};

struct exchanges {
	struct http *http, *tls;
	struct ping_pong *ping_pong;
	struct lru connections;
	size_t max;
	bool plaintext;
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
	x->tls = http_create(request, ctx, connections_max);
	x->ping_pong = ping_pong_create(request, ctx, connections_max);
	if (x->http && x->tls && x->ping_pong)
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

/* A record of TLS (RFC 8446, 5.1): its type, and a version that has been 3.x since SSL 3. */
static bool looks_like_tls(const struct strata_wire *w)
{
	return w->captured >= 5 && w->payload[0] >= 20 && w->payload[0] <= 23 &&
	       w->payload[1] == 3 && w->payload[2] <= 4;
}

/* What the application says of a connection that has only ciphertext on the wire. */
static int plain_feed(struct exchanges *x, const struct strata_wire *w)
{
	enum strata_direction d = hop_table[w->event.hop].direction;
	struct connection *c = connection_of(x, w->event.flow);
	struct strata_wire plain = *w;

	if (!c)
		return -1;
	c->tls = true;
	plain.event.seq = c->plain_seq[d];
	c->plain_seq[d] += w->event.len;
	return http_feed(x->tls, &plain);
}

/* The wire's own record of it: of use is only its end. */
static int cipher_feed(struct exchanges *x, const struct connection *c,
		       const struct strata_wire *w)
{
	struct strata_wire end = {.event = w->event};

	if (!(w->event.flags & EVENT_FIN))
		return 0;
	end.event.seq = c->plain_seq[hop_table[w->event.hop].direction];
	end.event.len = 0;
	return http_feed(x->tls, &end);
}

/* 1: it was TLS of which the application tells the plaintext */
static int tls_feed(struct exchanges *x, const struct strata_wire *w)
{
	struct connection *c;

	if (w->event.flags & EVENT_PLAIN)
		return plain_feed(x, w) ? -1 : 1;
	if (!x->plaintext)
		return 0;
	c = connection_of(x, w->event.flow);
	if (!c)
		return -1;
	c->tls = c->tls || looks_like_tls(w);
	if (!c->tls)
		return 0;
	return cipher_feed(x, c, w) ? -1 : 1;
}

void exchanges_have_plaintext(struct exchanges *x)
{
	x->plaintext = true;
}

int exchanges_feed(struct exchanges *x, enum protocol protocol, const struct strata_wire *w)
{
	bool sane = w->event.hop < HOP_COUNT && w->captured <= WIRE_PAYLOAD_MAX;
	int is = sane && protocol != PROTOCOL_PING_PONG ? tls_feed(x, w) : 0;

	if (is)
		return is < 0 ? -1 : 0;
	is = protocol == PROTOCOL_AUTO && sane ? find_out(x, w) : (int)protocol;
	if (is < 0)
		return -1;
	return is == PROTOCOL_PING_PONG ? ping_pong_feed(x->ping_pong, w)
					: http_feed(x->http, w);
}

void exchanges_idle(struct exchanges *x, uint64_t now_ns)
{
	http_idle(x->http, now_ns);
	http_idle(x->tls, now_ns);
	ping_pong_idle(x->ping_pong, now_ns);
}

void exchanges_finish(struct exchanges *x)
{
	http_finish(x->http);
	http_finish(x->tls);
	ping_pong_finish(x->ping_pong);
}

struct http_stats exchanges_stats(const struct exchanges *x)
{
	const struct http_stats all[] = {http_stats(x->http), http_stats(x->tls),
					 ping_pong_stats(x->ping_pong)};
	struct http_stats sum = {0};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
		sum.segments += all[i].segments;
		sum.requests += all[i].requests;
		sum.retransmitted += all[i].retransmitted;
		sum.resynced += all[i].resynced;
		sum.evicted += all[i].evicted;
		sum.ignored += all[i].ignored;
	}
	return sum;
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
	http_destroy(x->tls);
	ping_pong_destroy(x->ping_pong);
	free(x);
}
