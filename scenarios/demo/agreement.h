/*
 * Does the trace agree with the client? The client timed each request itself; its bracket
 * must contain the traced one, and be wider by no more than the client's own resolution and
 * the run time of the two probes that mark its ends: they run inside the client's bracket.
 */
#ifndef STRATA_SCENARIOS_DEMO_AGREEMENT_H
#define STRATA_SCENARIOS_DEMO_AGREEMENT_H

#include <stdint.h>
#include <stdio.h>

#include <jansson.h>

#include "tracer/model.h"

struct agreement {
	uint64_t compared; /* requests known to both */
	uint64_t outside;  /* the trace says longer than the client: impossible */
	uint64_t within;   /* the rest differ by at most the resolution */
	int64_t client_p50_ns, trace_p50_ns;
	int64_t difference_p50_ns, difference_max_ns;
	int64_t resolution_ns; /* p99 of the client's empty measurement */
	int64_t probes_ns;     /* mean run time of the probes at both ends; 0 if not measured */
};

/* Compare the model's requests with the client's samples (JSON lines). -1 with a sentence. */
int agreement_find(struct agreement *a, const struct model *m, const char *samples_path,
		   int64_t resolution_ns);

json_t *agreement_json(const struct agreement *a);

void agreement_print(const struct agreement *a, FILE *out);

#endif
