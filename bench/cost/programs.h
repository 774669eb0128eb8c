/*
 * Where the time goes: what each of strata's programs is hit and takes per request, by the
 * kernel's own account of them (bpf_enable_stats), which makes each hit a little dearer.
 */
#ifndef STRATA_BENCH_COST_PROGRAMS_H
#define STRATA_BENCH_COST_PROGRAMS_H

#include <stdio.h>

#include <jansson.h>

#include "bench/cost/site.h"

#define PROGRAM_COSTS_MAX 48

struct program_cost {
	char name[48]; /* "tp_btf/net_dev_queue" */
	double hits;   /* per request */
	double ns;     /* per hit, within the program */
};

struct program_costs {
	unsigned int count;
	struct program_cost cost[PROGRAM_COSTS_MAX]; /* the dearest first */
};

/* Trace the load at saturation for so long. -1 with a sentence. */
int programs_run(const struct site *s, unsigned int seconds, struct program_costs *out);

json_t *programs_json(const struct program_costs *p);
int programs_print(const struct program_costs *p, FILE *out);

#endif
