/*
 * From what is known of threads and vCPUs to what each hop of a request was made of: the
 * stays off the CPU, and those outside guest mode, that lie within the hop.
 */
#ifndef STRATA_TRACER_CAUSE_JOIN_H
#define STRATA_TRACER_CAUSE_JOIN_H

#include "tracer/model.h"
#include "tracer/moments.h"

/* kind[]: context events by enum strata_context. Fills r->causes. */
void causes_join(const struct moments *kind, const struct model *m, struct request *r);

#endif
