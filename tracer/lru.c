/* A table that knows its longest unused entry: see lru.h. */
#include "tracer/lru.h"

#include <stdlib.h>

#include "lib/err.h"

#define BUCKETS_START 256

static struct lru_entry **bucket_of(const struct lru *t, uint64_t key)
{
	return &t->buckets[key & (t->bucket_count - 1)];
}

int lru_init(struct lru *t)
{
	*t = (struct lru){.bucket_count = BUCKETS_START};
	t->buckets = calloc(t->bucket_count, sizeof(struct lru_entry *));
	return t->buckets ? 0 : err_set("out of memory for connections");
}

void lru_free(struct lru *t)
{
	free(t->buckets);
}

struct lru_entry *lru_find(const struct lru *t, uint64_t key)
{
	struct lru_entry *e = *bucket_of(t, key);

	while (e && e->key != key)
		e = e->chain;
	return e;
}

static void link_newest(struct lru *t, struct lru_entry *e)
{
	e->newer = NULL;
	e->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = e;
	t->newest = e;
}

static void unlink_use(struct lru *t, struct lru_entry *e)
{
	*(e->older ? &e->older->newer : &t->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &t->newest) = e->older;
}

static void grow(struct lru *t)
{
	size_t count = t->bucket_count * 2;
	struct lru_entry **buckets = calloc(count, sizeof(struct lru_entry *));

	if (!buckets)
		return; /* longer chains, the same answers */
	free(t->buckets);
	t->buckets = buckets;
	t->bucket_count = count;
	for (struct lru_entry *e = t->oldest; e; e = e->newer) {
		struct lru_entry **bucket = bucket_of(t, e->key);

		e->chain = *bucket;
		*bucket = e;
	}
}

void lru_add(struct lru *t, struct lru_entry *e)
{
	struct lru_entry **bucket;

	if (t->count >= t->bucket_count)
		grow(t);
	bucket = bucket_of(t, e->key);
	e->chain = *bucket;
	*bucket = e;
	link_newest(t, e);
	t->count++;
}

void lru_remove(struct lru *t, struct lru_entry *e)
{
	struct lru_entry **p = bucket_of(t, e->key);

	while (*p != e)
		p = &(*p)->chain;
	*p = e->chain;
	unlink_use(t, e);
	t->count--;
}

void lru_touch(struct lru *t, struct lru_entry *e)
{
	if (e == t->newest)
		return;
	unlink_use(t, e);
	link_newest(t, e);
}
