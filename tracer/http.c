/* Requests on the wire, connection by connection: see http.h. */
#include "tracer/http.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/hop.h"
#include "lib/printable.h"
#include "tracer/http_stream.h"
#include "tracer/lru.h"

#define PENDING_MAX  32           /* pipelined requests that wait for their replies */
#define GAP_MAX      (256u << 20) /* a hole larger than this is another connection */
#define STALE_MAX    (1u << 20)   /* bytes before a closed connection's end: a retransmission */
#define STALE_NS     2000000000u
#define OPEN_IDLE_NS 2000000000u   /* an open reply that is quiet for so long is over */
#define FORGET_NS    300000000000u /* and a connection: what it waits for will not come */

struct connection {
	struct lru_entry entry;    /* by flow; must be first */
	struct http_stream dir[2]; /* by enum strata_direction */
	struct http_request *pending;
	uint32_t pending_count, pending_capacity;
	uint32_t requests;
	bool from_start; /* its first bytes were a request line */
	bool closed;
	bool request_open;     /* the last of pending has not ended */
	bool reply_open;       /* the first of pending is being answered */
	bool asked_after_hole; /* a pending one was found after some were missed */
	uint64_t last_ns;
	uint8_t client_addr[16], server_addr[16];
	uint16_t client_port, server_port;
	bool ipv6;
	bool tls;
	/* TLS: the wire's bytes that carried the last record of plaintext */
	uint32_t wire_seq[2], wire_end[2];
};

struct http {
	void (*request)(void *ctx, const struct http_request *r);
	void *ctx;
	struct lru connections;
	size_t max;
	struct http_stats stats;
};

struct http *http_create(void (*request)(void *ctx, const struct http_request *r), void *ctx,
			 size_t connections_max)
{
	struct http *h = calloc(1, sizeof(*h));

	if (!h) {
		err_set("out of memory for connections");
		return NULL;
	}
	if (lru_init(&h->connections)) {
		free(h);
		return NULL;
	}
	h->request = request;
	h->ctx = ctx;
	h->max = connections_max ? connections_max : 1;
	return h;
}

struct http_stats http_stats(const struct http *h)
{
	return h->stats;
}

/* ---- what is pending on a connection ---- */

static void request_ended(struct connection *c, uint64_t time_ns, bool exact)
{
	const struct http_stream *s = &c->dir[DIRECTION_REQUEST];
	struct http_request *r;

	c->request_open = false;
	if (!c->pending_count)
		return;
	r = &c->pending[c->pending_count - 1];
	r->request_end = c->tls ? c->wire_end[DIRECTION_REQUEST] : s->next_seq;
	r->request_bytes = s->message_bytes;
	r->request_exact = exact;
	r->trace = s->trace;
	if (exact)
		r->request_last_ns = time_ns;
}

/* The oldest request leaves; if it has not ended, it ends where its bytes do so far. */
static void hand_out(struct http *h, struct connection *c)
{
	if (c->pending_count == 1 && c->request_open)
		request_ended(c, c->last_ns, false);
	h->stats.requests++;
	h->request(h->ctx, &c->pending[0]);
	c->pending_count--;
	memmove(c->pending, c->pending + 1, c->pending_count * sizeof(*c->pending));
	c->reply_open = false;
}

static struct http_request *new_pending(struct http *h, struct connection *c)
{
	if (c->pending_count == PENDING_MAX)
		hand_out(h, c);
	if (c->pending_count == c->pending_capacity) {
		uint32_t capacity = c->pending_capacity ? c->pending_capacity * 2 : 2;
		struct http_request *p = realloc(c->pending, capacity * sizeof(*p));

		if (!p) {
			err_set("out of memory for requests");
			return NULL;
		}
		c->pending = p;
		c->pending_capacity = capacity;
	}
	memset(&c->pending[c->pending_count], 0, sizeof(*c->pending));
	return &c->pending[c->pending_count++];
}

static int request_started(struct http *h, struct connection *c, uint64_t time_ns)
{
	struct http_stream *s = &c->dir[DIRECTION_REQUEST];
	struct http_request *r = new_pending(h, c);
	size_t method = strcspn(s->line, " ");
	const char *path = s->line + method + strspn(s->line + method, " ");
	const char *version;

	if (!r)
		return -1;
	r->flow = c->entry.key;
	memcpy(r->client_addr, c->client_addr, 16);
	memcpy(r->server_addr, c->server_addr, 16);
	r->client_port = c->client_port;
	r->server_port = c->server_port;
	r->ipv6 = c->ipv6;
	r->index = c->requests++;
	r->new_connection = !r->index && c->from_start;
	printable_copy(r->method, sizeof(r->method), s->line, method);
	printable_copy(r->path, sizeof(r->path), path, strcspn(path, " "));
	version = strstr(path, " HTTP/1.");
	r->version = !version || version[8] != '0';
	r->tls = c->tls;
	r->request_seq = c->tls ? c->wire_seq[DIRECTION_REQUEST] : s->message_seq;
	r->request_first_ns = r->request_last_ns = time_ns;
	c->request_open = true;
	c->asked_after_hole |= s->resynced;
	s->resynced = false;
	return 0;
}

/*
 * Replies were missed before this one, which is the latest request's, then. Not even its, if
 * the hole began where the only pending request's reply had to begin: that one was in it. But
 * if requests were missed as well the pending one may be younger than the hole.
 */
static void forget_unanswered(struct http *h, struct connection *c)
{
	struct http_stream *reply = &c->dir[DIRECTION_REPLY];

	if (reply->resynced)
		h->stats.resynced++;
	if (reply->skipped && c->pending_count == 1 && !c->request_open && !c->asked_after_hole)
		hand_out(h, c);
	while (reply->resynced && c->pending_count > 1)
		hand_out(h, c);
	reply->resynced = reply->skipped = false;
	c->asked_after_hole = false;
}

static bool informational(unsigned int status)
{
	return status >= 100 && status < 200 && status != 101;
}

static void reply_started(struct http *h, struct connection *c, uint64_t time_ns)
{
	struct http_stream *s = &c->dir[DIRECTION_REPLY];

	forget_unanswered(h, c);
	if (!c->pending_count)
		return;
	c->pending[0].status = (uint16_t)strtoul(s->line + 9, NULL, 10);
	/* the request's end was not told by itself: the server saw it, or would not answer */
	if (c->request_open && c->pending_count == 1 && !informational(c->pending[0].status) &&
	    c->dir[DIRECTION_REQUEST].state == HTTP_OPEN) {
		http_stream_close(&c->dir[DIRECTION_REQUEST]);
		request_ended(c, time_ns, false);
	}
	c->pending[0].reply_seq = c->tls ? c->wire_seq[DIRECTION_REPLY] : s->message_seq;
	c->pending[0].reply_first_ns = time_ns;
	c->reply_open = true;
}

/* RFC 9112, 6.3: replies without a body, whatever their headers say. */
static bool bodyless(const struct connection *c)
{
	const struct http_request *r = c->pending;

	if (!c->reply_open)
		return false;
	return !strcmp(r->method, "HEAD") || informational(r->status) || r->status == 204 ||
	       r->status == 304;
}

static void reply_ended(struct http *h, struct connection *c, uint64_t time_ns, bool exact)
{
	const struct http_stream *s = &c->dir[DIRECTION_REPLY];
	struct http_request *r = c->pending;

	if (!c->reply_open || !c->pending_count)
		return;
	if (exact && informational(r->status)) {
		c->reply_open = false; /* 100 Continue: the real one follows */
		return;
	}
	r->reply_end = c->tls ? c->wire_end[DIRECTION_REPLY] : s->next_seq;
	r->reply_bytes = s->message_bytes;
	r->answered = true;
	r->reply_exact = exact;
	if (exact || !r->reply_last_ns)
		r->reply_last_ns = time_ns;
	hand_out(h, c);
}

/* ---- segments ---- */

static int stepped(struct http *h, struct connection *c, enum strata_direction d,
		   enum http_step step, uint64_t time_ns)
{
	struct http_stream *s = &c->dir[d];

	switch (step) {
	case HTTP_STARTED:
		if (d == DIRECTION_REPLY)
			reply_started(h, c, time_ns);
		else if (request_started(h, c, time_ns))
			return -1;
		s->line_len = 0;
		return 0;
	case HTTP_FRAMED:
		http_stream_body(s, d == DIRECTION_REPLY && bodyless(c));
		return 0;
	case HTTP_ENDED:
		if (d == DIRECTION_REPLY)
			reply_ended(h, c, time_ns, true);
		else
			request_ended(c, time_ns, true);
		return 0;
	default:
		return 0;
	}
}

static int run(struct http *h, struct connection *c, enum strata_direction d,
	       struct http_cursor *cursor, uint64_t time_ns)
{
	enum http_step step;

	while ((step = http_stream_step(&c->dir[d], cursor)) != HTTP_MORE)
		if (stepped(h, c, d, step, time_ns))
			return -1;
	return 0;
}

/* A message whose end is unknown ends where the next one begins. */
static void close_open(struct http *h, struct connection *c, enum strata_direction d,
		       const struct http_cursor *cursor, uint64_t time_ns)
{
	struct http_stream *request = &c->dir[DIRECTION_REQUEST];
	struct http_stream *reply = &c->dir[DIRECTION_REPLY];

	if (!http_looks_like(cursor->bytes, cursor->captured, d == DIRECTION_REPLY))
		return;
	if (d == DIRECTION_REQUEST && request->state == HTTP_OPEN) {
		http_stream_close(request);
		request_ended(c, time_ns, false);
	}
	/* a client that is not known to pipeline asks again: it has its reply */
	if (d == DIRECTION_REQUEST && reply->state == HTTP_OPEN && c->pending_count == 1) {
		http_stream_close(reply);
		reply_ended(h, c, time_ns, false);
	}
	if (d == DIRECTION_REPLY && reply->state == HTTP_OPEN && c->pending_count > 1) {
		http_stream_close(reply);
		reply_ended(h, c, time_ns, false);
	}
}

/* The last time that the open message of this direction moved on. */
static void touch(struct connection *c, enum strata_direction d, uint64_t time_ns)
{
	if (!c->pending_count)
		return;
	if (d == DIRECTION_REQUEST && c->request_open)
		c->pending[c->pending_count - 1].request_last_ns = time_ns;
	if (d == DIRECTION_REPLY && c->reply_open)
		c->pending[0].reply_last_ns = time_ns;
}

static int segment(struct http *h, struct connection *c, enum strata_direction d,
		   const struct strata_wire *w)
{
	struct http_stream *s = &c->dir[d];
	struct http_cursor cursor = {w->payload, w->captured, w->event.len};
	struct http_cursor hole = {w->payload, 0, 0};
	int32_t ahead;

	if (!s->started) {
		s->started = true;
		s->next_seq = w->event.seq;
		s->reply = d == DIRECTION_REPLY;
		if (d == DIRECTION_REQUEST)
			c->from_start = http_looks_like(w->payload, w->captured, false);
	}
	ahead = (int32_t)(w->event.seq - s->next_seq);
	if (ahead < 0) {
		uint32_t known = 0u - (uint32_t)ahead, seen;

		if (known >= w->event.len) {
			h->stats.retransmitted++;
			return 0;
		}
		seen = known < cursor.captured ? known : cursor.captured;
		cursor.bytes += seen;
		cursor.captured -= seen;
		cursor.len -= known;
	} else if (ahead > 0) {
		hole.len = (uint32_t)ahead;
		if (run(h, c, d, &hole, w->event.time_ns))
			return -1;
	}
	close_open(h, c, d, &cursor, w->event.time_ns);
	http_stream_segment(s, &cursor);
	if (run(h, c, d, &cursor, w->event.time_ns))
		return -1;
	touch(c, d, w->event.time_ns);
	return 0;
}

static void hand_out_all(struct http *h, struct connection *c)
{
	while (c->pending_count)
		hand_out(h, c);
}

/* No more bytes in that direction. */
static void finished(struct http *h, struct connection *c, enum strata_direction d,
		     uint64_t time_ns)
{
	if (d == DIRECTION_REQUEST) {
		if (c->request_open && http_stream_close(&c->dir[d]))
			request_ended(c, time_ns, false);
		return;
	}
	if (c->reply_open && http_stream_close(&c->dir[d]))
		reply_ended(h, c, time_ns, false);
	hand_out_all(h, c);
	c->closed = true;
}

/* ---- the table of connections ---- */

static struct connection *oldest(const struct http *h)
{
	return (struct connection *)h->connections.oldest;
}

static struct connection *newer(const struct connection *c)
{
	return (struct connection *)c->entry.newer;
}

static void forget(struct http *h, struct connection *c)
{
	lru_remove(&h->connections, &c->entry);
	free(c->pending);
	free(c);
}

static void reset(struct connection *c, const struct strata_wire *w)
{
	*c = (struct connection){.entry = c->entry,
				 .pending = c->pending,
				 .pending_capacity = c->pending_capacity,
				 .client_port = w->event.client_port,
				 .server_port = w->event.server_port,
				 .ipv6 = w->event.flags & EVENT_IPV6};
	memcpy(c->client_addr, w->client_addr, 16);
	memcpy(c->server_addr, w->server_addr, 16);
}

static struct connection *connection_of(struct http *h, const struct strata_wire *w)
{
	struct lru_entry *e = lru_find(&h->connections, w->event.flow);
	struct connection *c;

	if (e) {
		lru_touch(&h->connections, e);
		return (struct connection *)e;
	}
	if (h->connections.count >= h->max) {
		h->stats.evicted++;
		hand_out_all(h, oldest(h));
		forget(h, oldest(h));
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		err_set("out of memory for connections");
		return NULL;
	}
	c->entry.key = w->event.flow;
	reset(c, w);
	lru_add(&h->connections, &c->entry);
	return c;
}

/* The same addresses and ports again, another connection: it has sequence numbers of its own.
 */
static bool reused(const struct connection *c, enum strata_direction d,
		   const struct strata_wire *w)
{
	const struct http_stream *s = &c->dir[d];
	int32_t ahead = (int32_t)(w->event.seq - s->next_seq);
	bool stale;

	if (!s->started)
		return false;
	stale = ahead < 0 && ahead > -(int32_t)STALE_MAX &&
		w->event.time_ns < c->last_ns + STALE_NS;
	if (c->closed)
		return w->event.len && !stale;
	if (ahead < -(int32_t)STALE_MAX && w->event.time_ns > c->last_ns + STALE_NS)
		return true;
	return ahead > (int32_t)GAP_MAX || ahead < -(int32_t)GAP_MAX;
}

int http_feed(struct http *h, const struct strata_wire *w)
{
	enum strata_direction d;
	struct connection *c;

	h->stats.segments++;
	if (w->event.hop >= HOP_COUNT || w->captured > WIRE_PAYLOAD_MAX ||
	    w->captured > w->event.len || w->event.len > GAP_MAX) {
		h->stats.ignored++;
		return 0;
	}
	d = hop_table[w->event.hop].direction;
	c = connection_of(h, w);
	if (!c)
		return -1;
	if (reused(c, d, w)) {
		hand_out_all(h, c);
		reset(c, w);
	}
	if (w->event.flags & EVENT_PLAIN) {
		c->tls = true;
		c->wire_seq[d] = (uint32_t)(w->event.arg64 >> 32);
		c->wire_end[d] = (uint32_t)w->event.arg64;
	}
	if (w->event.len && segment(h, c, d, w))
		return -1;
	if (w->event.flags & EVENT_FIN)
		finished(h, c, d, w->event.time_ns);
	c->last_ns = w->event.time_ns;
	return 0;
}

/* Nothing follows: an open end is a plausible one, a counted one that is not reached is not. */
static void close_reply(struct http *h, struct connection *c)
{
	struct http_stream *reply = &c->dir[DIRECTION_REPLY];

	if (!c->reply_open || reply->state != HTTP_OPEN)
		return;
	http_stream_close(reply);
	reply_ended(h, c, c->last_ns, false);
}

void http_idle(struct http *h, uint64_t now_ns)
{
	struct connection *c = oldest(h), *next;

	for (; c && c->last_ns + OPEN_IDLE_NS < now_ns; c = next) {
		next = newer(c);
		close_reply(h, c);
		if (c->last_ns + FORGET_NS < now_ns) {
			hand_out_all(h, c);
			forget(h, c);
		}
	}
}

void http_finish(struct http *h)
{
	for (struct connection *c = oldest(h); c; c = newer(c)) {
		close_reply(h, c);
		hand_out_all(h, c);
	}
}

void http_destroy(struct http *h)
{
	if (!h)
		return;
	while (oldest(h))
		forget(h, oldest(h));
	lru_free(&h->connections);
	free(h);
}
