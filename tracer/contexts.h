/*
 * Context hops: interrupts, wake-ups and world switches carry no packet. They are joined to a
 * request by VM, vCPU and a window of time whose ends are hops that do carry its bytes.
 *
 * Some are absent by design: no interrupt while the guest polls, no doorbell while the VMM is
 * at work. Hence none of them is needed.
 */
#ifndef STRATA_TRACER_CONTEXTS_H
#define STRATA_TRACER_CONTEXTS_H

#include "tracer/model.h"
#include "tracer/reorder.h"

struct contexts;

/* At most so many observations are kept per hop; the oldest go first. */
struct contexts *contexts_create(size_t per_hop_max);
void contexts_destroy(struct contexts *c);

/* In time order. */
int contexts_add(struct contexts *c, const struct observation *o);

/* Fill in r's context hops from what its packets were seen at; for how much of the time
 * between the guest's hops the vCPU was outside guest mode; exits and interrupts while it was
 * in the VM; and for what each hop's time was made of (tracer/cause_join.h). */
void contexts_join(const struct contexts *c, const struct model *m, struct request *r);

#endif
