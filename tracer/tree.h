/*
 * The tree of a request: what servers asked each other for it, and in whose hands its time was.
 *
 * A request's own time is what passed while none was under way that its server had asked for
 * it. Whoever has most of it was late.
 */
#ifndef STRATA_TRACER_TREE_H
#define STRATA_TRACER_TREE_H

#include "tracer/model.h"

#define TREE_MAX 32

struct tree_node {
	const struct request *r;
	unsigned int depth; /* 0: the client's */
	uint64_t at_ns;     /* since the client's began */
	uint64_t own_ns;
};

/* The client's request that r is a part of, among those that the model keeps: r itself, if
 * nothing is known of another. */
const struct request *tree_root(const struct model *m, const struct request *r);

/* It and all below it, each before what it asked for, in order of time. Returns how many; those
 * beyond TREE_MAX, and those without both ends, are left out. */
size_t tree_of(const struct model *m, const struct request *root,
	       struct tree_node nodes[TREE_MAX]);

/* The part of its own time that is largest: its cause; NULL: none is known. */
const struct request_cause *tree_cause(const struct tree_node *nodes, size_t count, size_t i);

#endif
