/* Observations by connection: see flows.h. */
#include "tracer/flows.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/hop.h"
#include "tracer/lru.h"

struct flow {
	struct lru_entry entry; /* must be first */
	struct flows *owner;
	struct observation *at; /* start..start + count */
	size_t start, count, capacity;
	uint64_t process_ns, respond_ns; /* see flow_used() */
};

struct flows {
	struct lru table;
	size_t max, flow_max;
	size_t observations;
	uint64_t forgotten;
};

struct flows *flows_create(size_t flows_max, size_t flow_max)
{
	struct flows *fs = calloc(1, sizeof(*fs));

	if (!fs) {
		err_set("out of memory for connections");
		return NULL;
	}
	if (lru_init(&fs->table)) {
		free(fs);
		return NULL;
	}
	fs->max = flows_max < 1 ? 1 : flows_max;
	fs->flow_max = flow_max < 8 ? 8 : flow_max;
	return fs;
}

void flows_forget_oldest(struct flows *fs)
{
	struct flow *f = (struct flow *)fs->table.oldest;

	if (!f)
		return;
	lru_remove(&fs->table, &f->entry);
	fs->observations -= f->count;
	fs->forgotten += f->count;
	free(f->at);
	free(f);
}

void flows_destroy(struct flows *fs)
{
	if (!fs)
		return;
	while (fs->table.oldest)
		flows_forget_oldest(fs);
	lru_free(&fs->table);
	free(fs);
}

struct flow *flows_find(struct flows *fs, uint64_t flow)
{
	return (struct flow *)lru_find(&fs->table, flow);
}

static struct flow *create(struct flows *fs, uint64_t key)
{
	struct flow *f;

	if (fs->table.count >= fs->max)
		flows_forget_oldest(fs);
	f = calloc(1, sizeof(*f));
	if (!f) {
		err_set("out of memory for connections");
		return NULL;
	}
	f->entry.key = key;
	f->owner = fs;
	lru_add(&fs->table, &f->entry);
	return f;
}

/*
 * A long transfer: of the older half, what goes the way of most of it goes. The other way is
 * the request of a download, or the reply of an upload, and is still wanted.
 */
static void thin_out(struct flow *f)
{
	size_t half = f->count / 2, replies = 0, out = 0;
	struct observation *at = f->at + f->start;
	enum strata_direction most;

	for (size_t i = 0; i < half; i++)
		replies += hop_table[at[i].hop].direction == DIRECTION_REPLY;
	most = replies > half / 2 ? DIRECTION_REPLY : DIRECTION_REQUEST;
	for (size_t i = 0; i < f->count; i++)
		if (i >= half || hop_table[at[i].hop].direction != most)
			at[out++] = at[i];
	f->owner->observations -= f->count - out;
	f->owner->forgotten += f->count - out;
	f->count = out;
}

static int make_room(struct flow *f)
{
	size_t capacity;
	struct observation *at;

	if (f->start + f->count < f->capacity)
		return 0;
	if (f->count >= f->owner->flow_max)
		thin_out(f);
	if (f->start + f->count < f->capacity)
		return 0;
	/* as many were dropped as have to be moved: constant cost per observation */
	if (f->start && f->start >= f->count) {
		memmove(f->at, f->at + f->start, f->count * sizeof(*f->at));
		f->start = 0;
		return 0;
	}
	capacity = f->capacity ? f->capacity * 2 : 32;
	at = realloc(f->at, capacity * sizeof(*at));
	if (!at)
		return err_set("out of memory for events");
	f->at = at;
	f->capacity = capacity;
	return 0;
}

int flows_add(struct flows *fs, const struct observation *o)
{
	struct flow *f = flows_find(fs, o->flow);

	if (f)
		lru_touch(&fs->table, &f->entry);
	else
		f = create(fs, o->flow);
	if (!f || make_room(f))
		return -1;
	f->at[f->start + f->count++] = *o;
	fs->observations++;
	return 0;
}

size_t flows_observations(const struct flows *fs)
{
	return fs->observations;
}

uint64_t flows_forgotten(const struct flows *fs)
{
	return fs->forgotten;
}

size_t flow_count(const struct flow *f)
{
	return f->count;
}

const struct observation *flow_at(const struct flow *f, size_t i)
{
	return &f->at[f->start + i];
}

void flow_drop_first(struct flow *f)
{
	f->start++;
	f->count--;
	f->owner->observations--;
	if (f->count)
		return;
	/* most connections are quiet most of the time */
	free(f->at);
	f->at = NULL;
	f->start = f->capacity = 0;
}

uint64_t *flow_used(struct flow *f, unsigned int hop)
{
	return hop == HOP_NGINX_PROCESS   ? &f->process_ns
	       : hop == HOP_NGINX_RESPOND ? &f->respond_ns
					  : NULL;
}
