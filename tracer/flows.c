/* Observations by connection: see flows.h. */
#include "tracer/flows.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/hop.h"

#define BUCKETS_START 256

struct flow {
	uint64_t key;
	struct flows *owner;
	struct observation *at; /* start..start + count */
	size_t start, count, capacity;
	uint64_t process_ns, respond_ns; /* see flow_used() */
	struct flow *chain;
	struct flow *older, *newer;
};

struct flows {
	struct flow **buckets;
	size_t bucket_count, count, max, flow_max;
	struct flow *oldest, *newest;
	size_t observations;
	uint64_t forgotten;
};

struct flows *flows_create(size_t flows_max, size_t flow_max)
{
	struct flows *fs = calloc(1, sizeof(*fs));

	if (!fs || !(fs->buckets = calloc(BUCKETS_START, sizeof(*fs->buckets)))) {
		free(fs);
		err_set("out of memory for connections");
		return NULL;
	}
	fs->bucket_count = BUCKETS_START;
	fs->max = flows_max < 1 ? 1 : flows_max;
	fs->flow_max = flow_max < 8 ? 8 : flow_max;
	return fs;
}

static void unlink_use(struct flows *fs, struct flow *f)
{
	*(f->older ? &f->older->newer : &fs->oldest) = f->newer;
	*(f->newer ? &f->newer->older : &fs->newest) = f->older;
}

static void link_newest(struct flows *fs, struct flow *f)
{
	f->newer = NULL;
	f->older = fs->newest;
	*(fs->newest ? &fs->newest->newer : &fs->oldest) = f;
	fs->newest = f;
}

void flows_forget_oldest(struct flows *fs)
{
	struct flow *f = fs->oldest, **p;

	if (!f)
		return;
	p = &fs->buckets[f->key & (fs->bucket_count - 1)];
	while (*p != f)
		p = &(*p)->chain;
	*p = f->chain;
	unlink_use(fs, f);
	fs->count--;
	fs->observations -= f->count;
	fs->forgotten += f->count;
	free(f->at);
	free(f);
}

void flows_destroy(struct flows *fs)
{
	if (!fs)
		return;
	while (fs->oldest)
		flows_forget_oldest(fs);
	free(fs->buckets);
	free(fs);
}

static void grow_buckets(struct flows *fs)
{
	size_t count = fs->bucket_count * 2;
	struct flow **buckets = calloc(count, sizeof(*buckets));

	if (!buckets)
		return; /* longer chains, the same answers */
	for (struct flow *f = fs->oldest; f; f = f->newer) {
		f->chain = buckets[f->key & (count - 1)];
		buckets[f->key & (count - 1)] = f;
	}
	free(fs->buckets);
	fs->buckets = buckets;
	fs->bucket_count = count;
}

struct flow *flows_find(struct flows *fs, uint64_t flow)
{
	struct flow *f = fs->buckets[flow & (fs->bucket_count - 1)];

	while (f && f->key != flow)
		f = f->chain;
	return f;
}

static struct flow *create(struct flows *fs, uint64_t key)
{
	struct flow *f, **bucket;

	if (fs->count >= fs->max)
		flows_forget_oldest(fs);
	if (fs->count >= fs->bucket_count)
		grow_buckets(fs);
	f = calloc(1, sizeof(*f));
	if (!f) {
		err_set("out of memory for connections");
		return NULL;
	}
	bucket = &fs->buckets[key & (fs->bucket_count - 1)];
	f->key = key;
	f->owner = fs;
	f->chain = *bucket;
	*bucket = f;
	link_newest(fs, f);
	fs->count++;
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

	if (!f) {
		f = create(fs, o->flow);
	} else if (f != fs->newest) {
		unlink_use(fs, f);
		link_newest(fs, f);
	}
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
