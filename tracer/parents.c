/* Who asked for whom: see parents.h. */
#include "tracer/parents.h"

#include <stdlib.h>

#include "lib/err.h"
#include "tracer/lru.h"

#define FLOW_ASKED_MAX 32 /* requests of one connection that wait to be joined; the latest */

struct asked {
	uint64_t flow; /* the asker's */
	uint32_t asker_seq;
	uint32_t seq; /* where the request begins */
};

struct flow_asked {
	struct lru_entry entry; /* by flow; must be first */
	struct asked at[FLOW_ASKED_MAX];
	unsigned int count; /* so far: the n-th is at n modulo FLOW_ASKED_MAX */
};

struct parents {
	struct lru flows;
	size_t max;
};

struct parents *parents_create(size_t flows_max)
{
	struct parents *p = calloc(1, sizeof(*p));

	if (!p || lru_init(&p->flows)) {
		free(p);
		err_set("out of memory for requests that ask for others");
		return NULL;
	}
	p->max = flows_max ? flows_max : 1;
	return p;
}

static void forget(struct parents *p, struct lru_entry *e)
{
	lru_remove(&p->flows, e);
	free(e);
}

void parents_destroy(struct parents *p)
{
	if (!p)
		return;
	while (p->flows.oldest)
		forget(p, p->flows.oldest);
	lru_free(&p->flows);
	free(p);
}

int parents_add(struct parents *p, const struct observation *o)
{
	struct lru_entry *e = lru_find(&p->flows, o->flow);
	struct flow_asked *f;

	if (e) {
		lru_touch(&p->flows, e);
	} else {
		if (p->flows.count >= p->max)
			forget(p, p->flows.oldest);
		e = calloc(1, sizeof(*f));
		if (!e)
			return err_set("out of memory for requests that ask for others");
		e->key = o->flow;
		lru_add(&p->flows, e);
	}
	f = (struct flow_asked *)e;
	f->at[f->count++ % FLOW_ASKED_MAX] = (struct asked){
		.flow = (uint64_t)o->tid << 32 | o->packet, .asker_seq = o->len, .seq = o->seq};
	return 0;
}

void parents_join(const struct parents *p, struct request *r)
{
	const struct flow_asked *f =
		(const struct flow_asked *)lru_find(&p->flows, r->http.flow);
	unsigned int i = f && f->count > FLOW_ASKED_MAX ? f->count - FLOW_ASKED_MAX : 0;

	for (; f && i < f->count; i++) {
		const struct asked *a = &f->at[i % FLOW_ASKED_MAX];

		if (a->seq - r->http.request_seq >= r->http.request_end - r->http.request_seq)
			continue;
		r->parent_flow = a->flow;
		r->parent_seq = a->asker_seq;
		return;
	}
}

bool parents_is(const struct request *parent, const struct request *r)
{
	const struct http_request *h = &parent->http;

	return r->parent_flow && h->flow == r->parent_flow &&
	       r->parent_seq - h->request_seq - 1 < h->request_end - h->request_seq;
}

const struct request *parents_find(const struct model *m, const struct request *r)
{
	for (size_t i = 0; r->parent_flow && i < m->request_count; i++)
		if (parents_is(&m->requests[i], r))
			return &m->requests[i];
	return NULL;
}
