/*
 * The study: all servers up at once on one site, blocks of requests to each in turn, in an
 * order that is random in every round. One boot of each machine, one twin: a second machine of
 * a mode, which differs from the first by nothing but being another boot; what lies between
 * those two is what must not be taken for a difference between modes.
 */
#ifndef STRATA_SCENARIOS_COMPARE_STUDY_H
#define STRATA_SCENARIOS_COMPARE_STUDY_H

#include <stdbool.h>

#include <jansson.h>

#include "scenarios/compare/options.h"
#include "scenarios/compare/rows.h"
#include "scenarios/lab/lab.h"

#define ARMS_MAX  (COMPARE_MODES_MAX + 1)
#define WHY_BYTES 500

/* One server. */
struct arm {
	enum strata_place place;
	int twin_of; /* index of the arm it is the twin of; -1: none */
	char name[24];
	char left_out[WHY_BYTES]; /* why it is not there, or no more; "" it is */
	struct lab lab;
	struct sample_set samples[ROWS][COMPARE_ROUNDS_MAX];
	unsigned int requests, complete, violations; /* of all traced blocks */
	double clock_error_ns;                       /* the largest of all blocks */
};

struct study {
	const struct compare_options *options;
	struct lab_site site;
	struct arm arm[ARMS_MAX];
	int arms;
	int baseline; /* index */
	int rounds;   /* whole ones */
	bool interrupted;
	volatile bool *stop; /* set by a signal: end after the step at hand */
};

/* Which arms there are. */
void study_plan(struct study *s, const struct compare_options *o, volatile bool *stop);

/* Run it and take down what was built. after_round is called when one is whole. -1 with a
 * sentence if there was nothing to compare. */
int study_run(struct study *s, int (*after_round)(struct study *s));

/* Arms that have figures. */
int study_measured(const struct study *s);

void study_free(struct study *s);

#endif
