/*
 * A table by 64-bit keys that knows which of its entries was longest unused. The keys are
 * flow_hash() values: well mixed already. Entries are embedded as the first member of what
 * they stand for, and belong to the caller.
 */
#ifndef STRATA_TRACER_LRU_H
#define STRATA_TRACER_LRU_H

#include <stddef.h>
#include <stdint.h>

struct lru_entry {
	uint64_t key;
	struct lru_entry *chain;         /* in its bucket */
	struct lru_entry *older, *newer; /* by last use */
};

struct lru {
	struct lru_entry **buckets;
	size_t bucket_count, count;
	struct lru_entry *oldest, *newest;
};

/* -1 with a sentence if memory is short. */
int lru_init(struct lru *t);

/* Frees the table, not the entries. */
void lru_free(struct lru *t);

struct lru_entry *lru_find(const struct lru *t, uint64_t key);

/* e->key is set, and is not in the table yet. */
void lru_add(struct lru *t, struct lru_entry *e);
void lru_remove(struct lru *t, struct lru_entry *e);

/* It is in use now. */
void lru_touch(struct lru *t, struct lru_entry *e);

#endif
