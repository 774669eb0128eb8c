/* Requests and replies by change of direction: see ping_pong.h. */
#include "tracer/ping_pong.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/hop.h"
#include "tracer/lru.h"

#define GAP_MAX   (256u << 20) /* a hole larger than this is another connection */
#define STALE_MAX (1u << 20)   /* bytes sent again are not older than this */
#define IDLE_NS   2000000000u  /* a reply that is quiet for so long is over */
#define FORGET_NS 300000000000u

struct talk {
	struct lru_entry entry; /* by flow; must be first */
	struct http_request at; /* the present exchange, if open */
	uint64_t last_ns;
	uint32_t next_seq[DIRECTION_COUNT];
	uint32_t requests;
	bool known[DIRECTION_COUNT]; /* next_seq is */
	bool open, replying;
	bool closing; /* one of the two has sent FIN or RST */
};

struct ping_pong {
	void (*request)(void *ctx, const struct http_request *r);
	void *ctx;
	struct lru talks;
	size_t max;
	struct http_stats stats;
};

struct ping_pong *ping_pong_create(void (*request)(void *ctx, const struct http_request *r),
				   void *ctx, size_t connections_max)
{
	struct ping_pong *p = calloc(1, sizeof(*p));

	if (!p) {
		err_set("out of memory for connections");
		return NULL;
	}
	if (lru_init(&p->talks)) {
		free(p);
		return NULL;
	}
	p->request = request;
	p->ctx = ctx;
	p->max = connections_max ? connections_max : 1;
	return p;
}

struct http_stats ping_pong_stats(const struct ping_pong *p)
{
	return p->stats;
}

static struct talk *oldest(const struct ping_pong *p)
{
	return (struct talk *)p->talks.oldest;
}

static void conclude(struct ping_pong *p, struct talk *t)
{
	if (!t->open)
		return;
	t->open = false;
	t->at.answered = t->replying;
	p->stats.requests++;
	p->request(p->ctx, &t->at);
}

static void forget(struct ping_pong *p, struct talk *t)
{
	conclude(p, t);
	lru_remove(&p->talks, &t->entry);
	free(t);
}

void ping_pong_forget(struct ping_pong *p, uint64_t flow)
{
	struct talk *t = (struct talk *)lru_find(&p->talks, flow);

	if (!t)
		return;
	t->open = false;
	forget(p, t);
}

static struct talk *talk_of(struct ping_pong *p, uint64_t flow)
{
	struct lru_entry *e = lru_find(&p->talks, flow);
	struct talk *t;

	if (e) {
		lru_touch(&p->talks, e);
		return (struct talk *)e;
	}
	if (p->talks.count >= p->max) {
		p->stats.evicted++;
		forget(p, oldest(p));
	}
	t = calloc(1, sizeof(*t));
	if (!t) {
		err_set("out of memory for connections");
		return NULL;
	}
	t->entry.key = flow;
	lru_add(&p->talks, &t->entry);
	return t;
}

static void ask(struct ping_pong *p, struct talk *t, const struct strata_wire *w, uint32_t seq)
{
	struct http_request *r = &t->at;

	if (t->open && t->replying)
		conclude(p, t);
	if (!t->open) {
		*r = (struct http_request){.flow = w->event.flow,
					   .client_port = w->event.client_port,
					   .server_port = w->event.server_port,
					   .ipv6 = w->event.flags & EVENT_IPV6,
					   .protocol = PROTOCOL_PING_PONG,
					   .index = t->requests++,
					   .request_seq = seq,
					   .request_first_ns = w->event.time_ns};
		memcpy(r->client_addr, w->client_addr, sizeof(r->client_addr));
		memcpy(r->server_addr, w->server_addr, sizeof(r->server_addr));
		t->open = true;
		t->replying = false;
	}
	r->request_end = t->next_seq[DIRECTION_REQUEST];
	r->request_bytes = r->request_end - r->request_seq;
	r->request_last_ns = w->event.time_ns;
}

static void answer(struct talk *t, const struct strata_wire *w, uint32_t seq)
{
	struct http_request *r = &t->at;

	if (!t->open)
		return;
	if (!t->replying) {
		r->reply_seq = seq;
		r->reply_first_ns = w->event.time_ns;
		t->replying = true;
	}
	r->reply_end = t->next_seq[DIRECTION_REPLY];
	r->reply_bytes = r->reply_end - r->reply_seq;
	r->reply_last_ns = w->event.time_ns;
}

/* The same addresses and ports again, another connection. */
static bool reused(const struct talk *t, enum strata_direction d, const struct strata_wire *w)
{
	int32_t ahead = (int32_t)(w->event.seq - t->next_seq[d]);

	return t->known[d] &&
	       (ahead > (t->closing ? 0 : (int32_t)GAP_MAX) || ahead < -(int32_t)STALE_MAX);
}

static void segment(struct ping_pong *p, struct talk *t, enum strata_direction d,
		    const struct strata_wire *w)
{
	uint32_t seq = w->event.seq, end = seq + w->event.len;

	if (t->known[d] && (int32_t)(end - t->next_seq[d]) <= 0) {
		p->stats.retransmitted++;
		return;
	}
	/* bytes that went by unseen belong to what was seen next to them */
	if (t->known[d])
		seq = t->next_seq[d];
	t->known[d] = true;
	t->next_seq[d] = end;
	if (d == DIRECTION_REQUEST)
		ask(p, t, w, seq);
	else
		answer(t, w, seq);
}

int ping_pong_feed(struct ping_pong *p, const struct strata_wire *w)
{
	enum strata_direction d;
	struct talk *t;

	p->stats.segments++;
	if (w->event.hop >= HOP_COUNT || w->event.len > GAP_MAX) {
		p->stats.ignored++;
		return 0;
	}
	d = hop_table[w->event.hop].direction;
	t = talk_of(p, w->event.flow);
	if (!t)
		return -1;
	if (w->event.len && reused(t, d, w)) {
		conclude(p, t);
		*t = (struct talk){.entry = t->entry};
	}
	t->last_ns = w->event.time_ns;
	if (w->event.len)
		segment(p, t, d, w);
	if (w->event.flags & EVENT_FIN) {
		t->closing = true;
		if (t->replying || d == DIRECTION_REPLY)
			conclude(p, t);
	}
	return 0;
}

void ping_pong_idle(struct ping_pong *p, uint64_t now_ns)
{
	struct talk *t = oldest(p), *next;

	for (; t && t->last_ns + IDLE_NS < now_ns; t = next) {
		next = (struct talk *)t->entry.newer;
		if (t->replying)
			conclude(p, t);
		if (t->last_ns + FORGET_NS < now_ns)
			forget(p, t);
	}
}

void ping_pong_finish(struct ping_pong *p)
{
	for (struct talk *t = oldest(p); t; t = (struct talk *)t->entry.newer)
		conclude(p, t);
}

void ping_pong_destroy(struct ping_pong *p)
{
	if (!p)
		return;
	while (oldest(p)) {
		oldest(p)->open = false;
		forget(p, oldest(p));
	}
	lru_free(&p->talks);
	free(p);
}
