/*
 * How many completions share an interrupt, and how long it is worth to wait for another: for
 * every device whose driver may have several requests in flight.
 *
 * The number, the target, follows from how many requests the driver has in flight (as in Ahmad,
 * Gulati and Mashtizadeh, "vIC: Interrupt Coalescing for Virtual Machine Storage Device IO",
 * USENIX ATC 2011), and is less than that: the driver is to be interrupted before it runs dry.
 * What a device that answers at once does not show is how many that are; it shows when
 * completions are held. If the driver comes with nothing for several times as long as usual,
 * then those that are held were all. If the target is reached, it is raised by one: at once
 * until the driver stalls, and seldom after that. So a driver that has one request in flight at
 * a time and waits for it has each completion signalled at once, but for one in a thousand.
 *
 * Threading: its loop's thread; the counters may be read by any.
 */
#ifndef STRATA_VMM_COALESCE_H
#define STRATA_VMM_COALESCE_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/loop.h"

/* How often a driver comes with requests. */
struct gap {
	uint64_t pause_ns; /* between requests: then the driver does something else */
	uint64_t usual_ns; /* that passes between requests; 0: not known yet */
	uint64_t last_ns;  /* when there were some */
};

/* The driver came with so many requests. */
void gap_measure(struct gap *g, unsigned int requests, uint64_t now_ns);

/* How long to wait for it to come again; 0: not at all. */
uint64_t gap_patience_ns(const struct gap *g);

/* So many times without a wait, after one in vain: more the more often it is. */
struct rest {
	unsigned int left;
	unsigned int length; /* when it began */
};

void rest_begin(struct rest *r, unsigned int min);
void rest_spend(struct rest *r, unsigned int times);
void rest_shorten(struct rest *r); /* waiting was worth it */

struct coalesce {
	struct gap gap;
	unsigned int target; /* completions to an interrupt; 0 is as good as 1 */
	unsigned int depth;  /* requests that the driver had in flight when it last stalled */
	struct rest rest;    /* completions until the target may be raised */
	uint64_t held_ns;    /* when the first of those held was; 0: none is */

	/* counters: times we waited for a request, and that nothing came */
	uint64_t looks, in_vain;
};

/* So many completions are held: are they to be signalled now? */
bool coalesce_due(struct coalesce *c, unsigned int held, uint64_t now_ns);

/*
 * So many are held, and there is nothing to do: wait a little for the driver's next request, if
 * that has been worth it, until came(owner) says so or the loop's thread has something else to
 * do. False if the driver had the time to come, and did not.
 */
bool coalesce_look(struct coalesce *c, unsigned int held, struct loop *l,
		   bool (*came)(const void *owner), const void *owner);

/* All that the driver has in flight is held: it waits for them. */
void coalesce_stalled(struct coalesce *c, unsigned int held);

#endif
