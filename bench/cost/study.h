/*
 * The study: in every round each observer once, in random order, under the same load; then a
 * storm for the collector and a large recording for the join. The sample is the round: an
 * observer is compared with nobody in the same round, minutes of a busy machine apart
 * otherwise.
 */
#ifndef STRATA_BENCH_COST_STUDY_H
#define STRATA_BENCH_COST_STUDY_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "bench/cost/observer.h"
#include "bench/cost/programs.h"
#include "bench/cost/site.h"
#include "lib/statistics.h"

#define ROUNDS_MAX 100
#define ARMS_MAX   8
#define WHY_BYTES  600

enum part { PART_LOAD = 1, PART_COLLECT = 2, PART_JOIN = 4, PART_ALL = 7 };

enum figure_id {
	SATURATION_THROUGHPUT,
	SATURATION_CPU,
	SATURATION_OBSERVER,
	HALF_THROUGHPUT,
	HALF_P50,
	HALF_P99,
	HALF_CPU,
	LOST,
	COLLECT_RATE,
	COLLECT_CPU,
	COLLECT_CORE,
	COLLECT_BYTES,
	COLLECT_LOST,
	JOIN_RATE,
	JOIN_CPU,
	JOIN_MEMORY,
	JOIN_MEMORY_TENTH,
	FIGURES
};

struct figure {
	const char *name, *unit;
	const char *text; /* what it is, for --list */
	bool higher;      /* is better */
	bool compared;    /* with nobody looking on */
	enum part part;
};

extern const struct figure figures[FIGURES];

/* What is aimed at: of a figure itself, or of its change beside nobody looking on. */
struct aim {
	enum figure_id figure;
	const char *observer;
	bool change;
	double limit;
};

extern const struct aim aims[];
extern const unsigned int aim_count;

struct study_options {
	unsigned int parts;    /* enum part */
	const char *observers; /* a list "strata,tcpdump"; NULL: all */
	unsigned int rounds, seconds;
	unsigned int storm_rate;
	uint64_t join_events;
	uint64_t seed;
};

struct arm {
	const struct observer *observer;
	char skipped[WHY_BYTES];           /* why it was not run; "" it was */
	char failed[WHY_BYTES];            /* the last reason why a round gave nothing */
	double value[FIGURES][ROUNDS_MAX]; /* by round; NaN: none */
};

struct study {
	const struct study_options *options;
	struct arm arm[ARMS_MAX]; /* [0] nobody */
	unsigned int arms, rounds_done;
	unsigned int half_connections;
	struct program_costs programs;
	char programs_failed[WHY_BYTES], collect_failed[WHY_BYTES], join_failed[WHY_BYTES];
	volatile bool *stop;
	struct site site;
};

/* Run it all. Fails only if nothing could be run at all. */
int study_run(struct study *s, const struct study_options *o, const char *folder);

/* The values there are, without gaps, into v; how many. */
unsigned int study_values(const struct study *s, const struct arm *a, enum figure_id f,
			  double v[ROUNDS_MAX]);

/* Round by round, beside arm 0: the ratio less 1. */
unsigned int study_changes(const struct study *s, const struct arm *a, enum figure_id f,
			   double v[ROUNDS_MAX]);

/* report.c. command: as it was called. */
json_t *study_json(const struct study *s, const char *command);
int study_print(const struct study *s, const char *command, FILE *out);

#endif
