/* Pointers through memory: see chase.h. */
#include "bench/micro/chase.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/random.h"

#define PAGE 4096
#define LINE 64
#define SEED 1 /* the same chain in every machine */

/* Where in page number "page" the pointer lies: not all in the same set of the cache. */
static uint64_t offset_of(uint64_t page)
{
	return page * PAGE + page % (PAGE / LINE) * LINE;
}

static int lay_chain(struct micro *m)
{
	unsigned int pages = (unsigned int)(m->config.arena_bytes / PAGE);
	unsigned int *order = malloc(pages * sizeof(*order));
	struct random r;

	if (!order)
		return err_set("out of memory for a chain of pointers");
	random_seed(&r, SEED);
	random_order(&r, order, pages);
	for (unsigned int i = 0; i < pages; i++) {
		uint64_t next = GUEST_ARENA + offset_of(order[(i + 1) % pages]);

		memcpy(m->arena + offset_of(order[i]), &next, sizeof(next));
	}
	m->shared->start = GUEST_ARENA + offset_of(order[0]);
	free(order);
	return 0;
}

int chase_setup(struct bench_context *c, enum micro_pages guest, enum micro_pages host)
{
	const struct micro_config config = {.apic = true,
					    .processors = 1,
					    .arena_bytes = (uint64_t)c->limits->arena_mib << 20,
					    .guest_pages = guest,
					    .host_pages = host};

	return loop_setup_with(c, &config) ? -1 : lay_chain(c->state);
}

/* Whole rounds, so that every batch walks the same pages. */
int chase_run(struct bench_context *c, double figure[FIGURES_MAX])
{
	const struct micro *m = c->state;

	c->iterations = m->config.arena_bytes / PAGE;
	return loop_run(c, OP_CHASE, false, figure);
}
