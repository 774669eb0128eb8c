/*
 * The collector under load: a tracer that looks at a device where nothing passes is given
 * events by an eBPF program of ours, which writes into the rings of that very process, at a
 * fixed rate.
 */
#ifndef STRATA_BENCH_COST_STORM_H
#define STRATA_BENCH_COST_STORM_H

#include "bench/cost/site.h"

struct storm_result {
	uint64_t emitted;
	double rate;   /* events that were emitted, per second */
	double cpu_ns; /* the tracer's own CPU time, per event */
	double core;   /* ... as a share of one core */
	double bytes;  /* of the recording, per event */
	uint64_t lost; /* emitted, and not in the recording */
};

/* Two processors are needed: one for the storm, one for the tracer and nothing else. -1 with a
 * sentence. */
int storm_run(const struct site *s, unsigned int seconds, unsigned int rate,
	      struct storm_result *r);

#endif
