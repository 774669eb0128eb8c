/* What a run has shown, as a table, as JSON, as lines of samples. */
#ifndef STRATA_BENCH_LOAD_RESULT_H
#define STRATA_BENCH_LOAD_RESULT_H

#include <stdio.h>

#include "bench/load/run.h"
#include "lib/quantile.h"

struct result {
	const struct run *run;
	unsigned int good; /* requests answered as they should be */
	unsigned int failures[FAILURE_COUNT];
	double seconds;
	uint64_t bytes;
	struct quantile latency, connect, empty;
};

/* What a request's latency is: from when it was sent or, in an open loop, should have been. */
uint64_t sample_latency_ns(const struct sample *s);

/* -1 with a sentence; result_free() is due in either case. */
int result_make(struct result *res, const struct run *r);
void result_free(struct result *res);

int result_table(struct result *res, FILE *out);
int result_json(struct result *res, FILE *out);

/* One JSON object a line. -1 with a sentence if it cannot all be written. */
int result_samples(const struct run *r, FILE *out, const char *path);

#endif
