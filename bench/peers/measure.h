/*
 * What is measured of a machine: one row each. A benchmark's name says what it is; its unit and
 * which way is better go into the table and the JSON.
 */
#ifndef STRATA_BENCH_PEERS_MEASURE_H
#define STRATA_BENCH_PEERS_MEASURE_H

#include <stdbool.h>

#include "bench/peers/guest.h"

struct measure_options {
	unsigned int requests; /* of nginx.* */
	unsigned int seconds;  /* of each stream and disk run */
};

/* Which machines a measure is taken of. */
enum measure_of { OF_BARE = 1, OF_DEVICES = 2, OF_ALL = 3 };

struct measure {
	const char *name;
	const char *unit;
	bool higher;        /* is better */
	enum measure_of of; /* one without devices, or those with network and disk */
	/* Of a machine that is ready. -1 with a sentence. */
	int (*take)(struct guest *g, const struct measure_options *o, double *value);
};

extern const struct measure measures[];
extern const unsigned int measure_count;

#endif
