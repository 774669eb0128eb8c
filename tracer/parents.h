/*
 * Trees of requests: a server that asks another one says for which request (CONTEXT_ASKED), and
 * here the two are brought together.
 *
 * What is told is the last that the asking thread had read when it connected, or, on a
 * connection that was there already, when it sent. That is the request it asks for, where a
 * thread serves one request at a time, and where a loop asks in the turn in which it read, as
 * nginx does.
 */
#ifndef STRATA_TRACER_PARENTS_H
#define STRATA_TRACER_PARENTS_H

#include "tracer/model.h"
#include "tracer/reorder.h"

struct parents;

/* Of so many connections the latest are remembered. */
struct parents *parents_create(size_t flows_max);
void parents_destroy(struct parents *p);

/* A CONTEXT_ASKED. -1 with a sentence if memory is short. */
int parents_add(struct parents *p, const struct observation *o);

/* Fill in r's parent; for the connection's requests in order. */
void parents_join(const struct parents *p, struct request *r);

/* Was r made for that one? */
bool parents_is(const struct request *parent, const struct request *r);

/* The request that r was made for, among those that the model keeps; NULL: none of them. */
const struct request *parents_find(const struct model *m, const struct request *r);

#endif
