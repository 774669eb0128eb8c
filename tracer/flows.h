/*
 * What was observed of each connection and waits to be joined: a table of connections, each
 * with its observations in time order. Bounded: the connections longest unused go first, and
 * of a long transfer the oldest of its many segments.
 */
#ifndef STRATA_TRACER_FLOWS_H
#define STRATA_TRACER_FLOWS_H

#include "tracer/reorder.h"

struct flows;
struct flow;

struct flows *flows_create(size_t flows_max, size_t flow_max);
void flows_destroy(struct flows *fs);

int flows_add(struct flows *fs, const struct observation *o);
struct flow *flows_find(struct flows *fs, uint64_t flow);
size_t flows_observations(const struct flows *fs);
uint64_t flows_forgotten(const struct flows *fs);

/* Drop the connection that was longest unused. */
void flows_forget_oldest(struct flows *fs);

size_t flow_count(const struct flow *f);
const struct observation *flow_at(const struct flow *f, size_t i);
void flow_drop_first(struct flow *f);

/* Time of the observation that served the last request at a hop that serves one request each;
 * NULL at all other hops. */
uint64_t *flow_used(struct flow *f, unsigned int hop);

#endif
