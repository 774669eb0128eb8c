/* The join: a recording that nobody had to record, read by "strata trace --read". */
#ifndef STRATA_BENCH_COST_JOIN_H
#define STRATA_BENCH_COST_JOIN_H

#include <stdint.h>

struct join_result {
	uint64_t events;
	double rate;   /* events per second, from the program's start to its end */
	double cpu_ns; /* per event */
	double mib;    /* the most memory that it held */
};

/* Write a recording of at least so many events to path. -1 with a sentence. */
int join_prepare(const char *path, uint64_t events);

/* Read it. -1 with a sentence. */
int join_run(const char *path, struct join_result *r);

#endif
