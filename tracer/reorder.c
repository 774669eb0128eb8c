/* Observations in time order: see reorder.h. */
#include "tracer/reorder.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

struct reorder {
	struct observation *held, *spare;
	struct time_key *keys, *scratch;
	size_t count, capacity;
	observation_fn release;
	void *ctx;
};

static void merge(const struct time_key *a, size_t an, const struct time_key *b, size_t bn,
		  struct time_key *to)
{
	while (an && bn) {
		if (b->time_ns < a->time_ns) {
			*to++ = *b++;
			bn--;
		} else {
			*to++ = *a++;
			an--;
		}
	}
	memcpy(to, a, an * sizeof(*to));
	memcpy(to + an, b, bn * sizeof(*to));
}

static size_t run_length(const struct time_key *keys, size_t count)
{
	size_t n = 1;

	while (n < count && keys[n].time_ns >= keys[n - 1].time_ns)
		n++;
	return n;
}

/* A natural merge sort (Knuth, volume 3, 5.2.4, algorithm N, one way). */
void sort_by_time(struct time_key *keys, size_t count, struct time_key *scratch)
{
	struct time_key *from = keys, *to = scratch;
	size_t runs = 2;

	while (count && runs > 1) {
		size_t at = 0;

		runs = 0;
		while (at < count) {
			size_t a = run_length(from + at, count - at);
			size_t b =
				at + a < count ? run_length(from + at + a, count - at - a) : 0;

			merge(from + at, a, from + at + a, b, to + at);
			at += a + b;
			runs++;
		}
		struct time_key *swap = from;

		from = to;
		to = swap;
	}
	if (from != keys)
		memcpy(keys, from, count * sizeof(*keys));
}

struct reorder *reorder_create(size_t capacity, observation_fn release, void *ctx)
{
	struct reorder *r = calloc(1, sizeof(*r));

	if (!r)
		goto fail;
	r->capacity = capacity < 2 ? 2 : capacity;
	r->release = release;
	r->ctx = ctx;
	r->held = malloc(r->capacity * sizeof(*r->held));
	r->spare = malloc(r->capacity * sizeof(*r->spare));
	r->keys = malloc(r->capacity * sizeof(*r->keys));
	r->scratch = malloc(r->capacity * sizeof(*r->scratch));
	if (r->held && r->spare && r->keys && r->scratch)
		return r;
	reorder_destroy(r);
fail:
	err_set("out of memory for %zu events", capacity);
	return NULL;
}

static void sort_held(struct reorder *r)
{
	for (size_t i = 0; i < r->count; i++)
		r->keys[i] = (struct time_key){r->held[i].time_ns, (uint32_t)i};
	sort_by_time(r->keys, r->count, r->scratch);
}

/* The first ones, in the order that sort_held() found. */
static int let_go(struct reorder *r, size_t count)
{
	struct observation *swap = r->held;
	size_t left = r->count - count;

	for (size_t i = 0; i < count; i++) {
		int rc = r->release(r->ctx, &r->held[r->keys[i].index]);

		if (rc)
			return rc;
	}
	for (size_t i = 0; i < left; i++)
		r->spare[i] = r->held[r->keys[count + i].index];
	r->held = r->spare;
	r->spare = swap;
	r->count = left;
	return 0;
}

int reorder_add(struct reorder *r, const struct observation *o)
{
	if (r->count == r->capacity) {
		int rc;

		sort_held(r);
		rc = let_go(r, r->count / 2);
		if (rc)
			return rc;
	}
	r->held[r->count++] = *o;
	return 0;
}

int reorder_until(struct reorder *r, uint64_t time_ns)
{
	size_t count = 0;

	sort_held(r);
	while (count < r->count && r->keys[count].time_ns <= time_ns)
		count++;
	return count ? let_go(r, count) : 0;
}

int reorder_flush(struct reorder *r)
{
	sort_held(r);
	return let_go(r, r->count);
}

void reorder_destroy(struct reorder *r)
{
	if (!r)
		return;
	free(r->held);
	free(r->spare);
	free(r->keys);
	free(r->scratch);
	free(r);
}
