/*
 * The load: wrk, at saturation or at half of it. For half of it, many connections each think
 * between a reply and the next request, so that the rate hardly depends on how long replies
 * take.
 */
#ifndef STRATA_BENCH_COST_LOAD_H
#define STRATA_BENCH_COST_LOAD_H

#include "bench/cost/site.h"

struct load_result {
	uint64_t requests;
	double seconds;
	double p50_us, p99_us; /* as wrk saw it */
	double cpu_ns;         /* of client and server, per request */
};

/* Write wrk's scripts into the site's folder. -1 with a sentence. */
int load_prepare(const struct site *s);

/* connections 0: as many requests as 16 connections can carry; else that many which think. -1
 * with a sentence. */
int load_run(const struct site *s, unsigned int seconds, unsigned int connections,
	     struct load_result *r);

/* So many connections ask for half of what r did. */
unsigned int load_half(const struct load_result *r);

#endif
