/*
 * Attribution: to which layer each nanosecond of a request belongs.
 *
 * From a hop that was seen until the next one that was seen, time belongs to the hop's layer.
 * If a hop of another layer should have been seen between the two and was not, nobody can say
 * how to split that time: it is unattributed. So the layers and the unattributed slice add up
 * to the time end to end, to the nanosecond, for every request.
 *
 * While the guest's hops pass, its vCPU may be outside guest mode: an exit is handled, another
 * task has the CPU. That part of their time is the hypervisor's.
 *
 * A hop that lies before its cause by no more than the two clocks' error is moved to it; beyond
 * that it is a causality violation, and is not believed.
 */
#ifndef STRATA_TRACER_ATTRIBUTION_H
#define STRATA_TRACER_ATTRIBUTION_H

#include "tracer/model.h"

/* Judge r->hops and fill in the figures; count the causes and effects that were compared. */
void attribute(struct model *m, struct request *r);

/* The hops of a request that are believed, in order, with what each took. The last takes
 * nothing. Returns how many there are. */
size_t request_ladder(const struct model *m, const struct request *r,
		      struct rung rungs[HOP_COUNT]);

#endif
