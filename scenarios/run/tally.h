/*
 * What the requests of a cell spent their time on, by layer and cause, and who had the CPU
 * instead; and of two cells, what grew.
 *
 * "strata explain" compares the slow requests of one recording with its usual ones. Under
 * steady noise all are slow: here cells are compared. The sums are of the same causes, of every
 * request that was kept.
 */
#ifndef STRATA_SCENARIOS_RUN_TALLY_H
#define STRATA_SCENARIOS_RUN_TALLY_H

#include <jansson.h>

#include "tracer/model.h"

#define TALLY_RIVALS_MAX 32

struct rival {
	char comm[OFF_COMM_BYTES + 1];
	uint32_t cgroup;
	uint8_t vm; /* 0: none's */
	double ns;
};

struct tally {
	uint64_t requests; /* the client's, measured */
	uint64_t asked;    /* ... and what servers asked each other for them */
	uint64_t seen, violations, lost;
	double layer_ns[LAYER_COUNT], unattributed_ns, all_ns;
	double cause_ns[LAYER_COUNT][CAUSE_COUNT];
	struct rival rival[TALLY_RIVALS_MAX]; /* who had it for longest first */
	unsigned int rivals;
};

/* Add a recording's requests. What a server asks of another one is a part of the client's
 * request: its time stands in place of the asker's waiting for it. -1 with a sentence. */
int tally_add(struct tally *t, const struct model *m);

/* Mean of a request; NaN if there is none. */
double tally_mean(const struct tally *t, double sum);

/* Of their time, the part that was a wait for a CPU that another had; NaN likewise. */
double tally_cpu_wait(const struct tally *t);

/* What grew most from one to the other, in nanoseconds of a mean request. */
struct blame {
	bool any;
	enum strata_layer layer;
	double layer_grew_ns, all_grew_ns;
	enum cause cause; /* CAUSE_COUNT: nothing says why */
	double cause_grew_ns;
	const struct rival *rival; /* of the second; NULL: none */
};

struct blame tally_blame(const struct tally *quiet, const struct tally *loud);

#endif
