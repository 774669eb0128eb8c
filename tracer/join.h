/*
 * The join: from observations in many kernels to the hops of one request.
 *
 * What all kernels share is the connection and its TCP sequence numbers. A request's hop is the
 * first observation there whose bytes include the request's last (for the way back: the
 * reply's last); packets that merge and split on the way change nothing about that.
 * Observations of sockets and processes know only up to which byte they got: theirs is the
 * first that reaches the last byte.
 *
 * Memory is bounded: observations wait per connection until their request is over and a grace
 * has passed, or until there are too many.
 */
#ifndef STRATA_TRACER_JOIN_H
#define STRATA_TRACER_JOIN_H

#include "tracer/http.h"
#include "tracer/model.h"
#include "tracer/reorder.h"

struct join_limits {
	uint64_t grace_ns; /* how long after a reply's last byte hops may follow */
	uint64_t late_ns;  /* ... if the last one has not been seen by then: the reply may have
			      been lost behind the wire, and TCP's timers are long */
	size_t observations_max; /* waiting, in all */
	size_t flow_max;         /* waiting, per connection */
	size_t flows_max;
	size_t contexts_max; /* per context hop */
};

extern const struct join_limits join_limits_default;

struct join;

/* Requests are handed to model_add(). */
struct join *join_create(struct model *m, const struct join_limits *limits);
void join_destroy(struct join *j);

/* In time order. -1 with a sentence if memory is short. */
int join_observe(struct join *j, const struct observation *o);

/* A request found on the wire; in order per connection. */
int join_request(struct join *j, const struct http_request *r);

/* Nothing from before that time follows: conclude what is over by then. */
int join_until(struct join *j, uint64_t time_ns);

/* Nothing follows. */
int join_finish(struct join *j);

#endif
