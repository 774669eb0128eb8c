/* Dropped packets: see drops.h. */
#include "tracer/drops.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "lib/printable.h"
#include "tracer/lru.h"

#define FLOW_DROPS_MAX 16 /* of one connection; the latest */

struct flow_drops {
	struct lru_entry entry; /* by flow; must be first */
	struct drop at[FLOW_DROPS_MAX];
	unsigned int count; /* so far: the n-th is at n modulo FLOW_DROPS_MAX */
};

struct drops_seen {
	struct lru flows;
	size_t max;
};

struct drops_seen *drops_seen_create(size_t flows_max)
{
	struct drops_seen *d = calloc(1, sizeof(*d));

	if (!d || lru_init(&d->flows)) {
		free(d);
		err_set("out of memory for dropped packets");
		return NULL;
	}
	d->max = flows_max ? flows_max : 1;
	return d;
}

static void forget(struct drops_seen *d, struct lru_entry *e)
{
	lru_remove(&d->flows, e);
	free(e);
}

void drops_seen_destroy(struct drops_seen *d)
{
	if (!d)
		return;
	while (d->flows.oldest)
		forget(d, d->flows.oldest);
	lru_free(&d->flows);
	free(d);
}

static struct flow_drops *drops_of(struct drops_seen *d, uint64_t flow)
{
	struct lru_entry *e = lru_find(&d->flows, flow);

	if (e) {
		lru_touch(&d->flows, e);
		return (struct flow_drops *)e;
	}
	if (d->flows.count >= d->max)
		forget(d, d->flows.oldest);
	e = calloc(1, sizeof(struct flow_drops));
	if (!e) {
		err_set("out of memory for dropped packets");
		return NULL;
	}
	e->key = flow;
	lru_add(&d->flows, e);
	return (struct flow_drops *)e;
}

static bool same_kind(const struct drop *a, const struct drop *b)
{
	return a->reason == b->reason && a->place == b->place && a->domain == b->domain &&
	       a->direction == b->direction;
}

static void count(struct model *m, const struct drop *drop)
{
	size_t i = 0;

	m->dropped++;
	while (i < m->drop_count && !same_kind(&m->drops[i].what, drop))
		i++;
	if (i == MODEL_DROPS_MAX)
		return;
	if (i == m->drop_count)
		m->drops[m->drop_count++].what = *drop;
	m->drops[i].packets++;
}

int drops_seen_add(struct drops_seen *d, struct model *m, const struct observation *o)
{
	const struct drop drop = {.time_ns = o->time_ns,
				  .seq = o->seq,
				  .len = o->len,
				  .reason = o->tid,
				  .place = o->packet,
				  .direction = o->queue == DIRECTION_REPLY,
				  .domain = o->domain};
	struct flow_drops *f = drops_of(d, o->flow);

	if (!f)
		return -1;
	count(m, &drop);
	f->at[f->count++ % FLOW_DROPS_MAX] = drop;
	return 0;
}

static bool carried(const struct drop *drop, const struct http_request *r)
{
	bool reply = drop->direction == DIRECTION_REPLY;
	uint32_t first = reply ? r->reply_seq : r->request_seq;
	uint32_t end = reply ? r->reply_end : r->request_end;

	return (r->answered || !reply) && (int32_t)(end - drop->seq) > 0 &&
	       (int32_t)(drop->seq + drop->len - first) > 0;
}

void drops_seen_join(struct drops_seen *d, struct request *r)
{
	const struct flow_drops *f = (struct flow_drops *)lru_find(&d->flows, r->http.flow);
	unsigned int first = f && f->count > FLOW_DROPS_MAX ? f->count - FLOW_DROPS_MAX : 0;

	for (unsigned int i = first; f && i < f->count; i++) {
		const struct drop *drop = &f->at[i % FLOW_DROPS_MAX];

		if (!carried(drop, &r->http))
			continue;
		if (r->dropped < REQUEST_DROPS_MAX)
			r->drops[r->dropped] = *drop;
		r->dropped++;
	}
}

/* ---- names ---- */

static const json_t *told(const struct model *m, const struct drop *drop)
{
	const json_t *all = json_object_get(m->meta, "drops"), *one;
	char domain[8];
	size_t i;

	if (drop->domain) {
		snprintf(domain, sizeof(domain), "%d", drop->domain);
		all = json_object_get(json_object_get(m->meta, "agents"), domain);
		all = json_object_get(all, "drops");
	}
	json_array_foreach (all, i, one) {
		if (json_integer_value(json_object_get(one, "reason")) == drop->reason &&
		    json_integer_value(json_object_get(one, "place")) == drop->place)
			return one;
	}
	return NULL;
}

static const char *word(const json_t *one, const char *key)
{
	const char *text = json_string_value(json_object_get(one, key));

	return text && text[0] ? text : NULL;
}

const char *drop_reason(const struct model *m, const struct drop *drop)
{
	return word(told(m, drop), "name");
}

const char *drop_place(const struct model *m, const struct drop *drop)
{
	return word(told(m, drop), "symbol");
}

void drop_text(const struct model *m, const struct drop *drop, char *text, size_t size)
{
	const char *reason = drop_reason(m, drop), *place = drop_place(m, drop);
	char number[32], address[32];

	snprintf(number, sizeof(number), "reason %u", drop->reason);
	snprintf(address, sizeof(address), "0xffffffff%08x", drop->place);
	snprintf(text, size, "%s in %s", reason ? reason : number, place ? place : address);
	for (char *c = text; *c; c++) /* a guest may say anything */
		*c = printable(*c);
}
