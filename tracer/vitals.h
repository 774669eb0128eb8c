/*
 * How the traced VMs fare: twice a second the host's scheduler is asked about their vCPUs'
 * threads, and their VMMs about their virtqueues. What it finds are events (lib/vital.h).
 *
 * Threading: a thread of its own, for a VMM may take its time to answer; emit is called there.
 */
#ifndef STRATA_TRACER_VITALS_H
#define STRATA_TRACER_VITALS_H

#include "lib/event.h"
#include "tracer/topology.h"

struct vitals;

/* The topology must outlive it. NULL with a sentence. */
struct vitals *vitals_start(const struct topology *t,
			    void (*emit)(void *ctx, const struct strata_event *e), void *ctx);

/* Looks a last time, so that there are two looks at the least. NULL is fine. */
void vitals_stop(struct vitals *v);

#endif
