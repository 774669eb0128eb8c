/* Wire records in time order: see wire_order.h. */
#include "tracer/wire_order.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "tracer/reorder.h"

struct wire_order {
	struct strata_wire *held;
	struct time_key *keys, *scratch; /* index: into held */
	uint32_t *unused;                /* slots of held */
	size_t count, capacity;
	int (*release)(void *ctx, const struct strata_wire *w);
	void *ctx;
};

struct wire_order *wire_order_create(size_t capacity,
				     int (*release)(void *ctx, const struct strata_wire *w),
				     void *ctx)
{
	struct wire_order *o = calloc(1, sizeof(*o));

	if (!o)
		goto fail;
	o->capacity = capacity;
	o->release = release;
	o->ctx = ctx;
	o->held = malloc(capacity * sizeof(*o->held));
	o->keys = malloc(capacity * sizeof(*o->keys));
	o->scratch = malloc(capacity * sizeof(*o->scratch));
	o->unused = malloc(capacity * sizeof(*o->unused));
	if (o->held && o->keys && o->scratch && o->unused) {
		for (size_t i = 0; i < capacity; i++)
			o->unused[i] = (uint32_t)i;
		return o;
	}
	wire_order_destroy(o);
fail:
	err_set("out of memory for %zu wire records", capacity);
	return NULL;
}

/* The slots in use are those of keys[0..count); the unused ones stand at unused[count..). */
static int let_go(struct wire_order *o, size_t count)
{
	sort_by_time(o->keys, o->count, o->scratch);
	for (size_t i = 0; i < count; i++) {
		int rc = o->release(o->ctx, &o->held[o->keys[i].index]);

		if (rc)
			return rc;
	}
	for (size_t i = 0; i < count; i++)
		o->unused[o->count - count + i] = o->keys[i].index;
	o->count -= count;
	memmove(o->keys, o->keys + count, o->count * sizeof(*o->keys));
	return 0;
}

int wire_order_add(struct wire_order *o, const struct strata_wire *w)
{
	uint32_t slot;

	if (o->count == o->capacity && let_go(o, o->capacity / 2))
		return -1;
	slot = o->unused[o->count];
	o->held[slot] = *w;
	o->keys[o->count++] = (struct time_key){w->event.time_ns, slot};
	return 0;
}

int wire_order_until(struct wire_order *o, uint64_t time_ns)
{
	size_t count = 0;

	sort_by_time(o->keys, o->count, o->scratch);
	while (count < o->count && o->keys[count].time_ns <= time_ns)
		count++;
	return let_go(o, count);
}

int wire_order_flush(struct wire_order *o)
{
	return let_go(o, o->count);
}

void wire_order_destroy(struct wire_order *o)
{
	if (!o)
		return;
	free(o->held);
	free(o->keys);
	free(o->scratch);
	free(o->unused);
	free(o);
}
