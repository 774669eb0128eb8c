/* Who asked whom for one request: see tree.h. */
#include "tracer/tree.h"

#include <stdlib.h>

#include "tracer/parents.h"

static uint64_t begins(const struct request *r)
{
	return r->hops[r->first].time_ns;
}

static uint64_t ends(const struct request *r)
{
	return begins(r) + r->end_to_end_ns;
}

const struct request *tree_root(const struct model *m, const struct request *r)
{
	for (int i = 0; i < TREE_MAX; i++) {
		const struct request *parent = parents_find(m, r);

		if (!parent || !parent->measured)
			break;
		r = parent;
	}
	return r;
}

static bool is_in(const struct tree_node *nodes, size_t count, const struct request *r)
{
	for (size_t i = 0; i < count; i++)
		if (nodes[i].r == r)
			return true;
	return false;
}

static int by_time(const void *pa, const void *pb)
{
	const struct request *a = *(const struct request *const *)pa,
			     *b = *(const struct request *const *)pb;

	return (begins(a) > begins(b)) - (begins(a) < begins(b));
}

/* What it asked for, in order of time. */
static size_t asked_by(const struct model *m, const struct request *parent,
		       const struct request *list[TREE_MAX])
{
	size_t n = 0;

	for (size_t i = 0; i < m->request_count && n < TREE_MAX; i++)
		if (m->requests[i].measured && parents_is(parent, &m->requests[i]))
			list[n++] = &m->requests[i];
	qsort(list, n, sizeof(*list), by_time);
	return n;
}

/* Its time less the time in which any of the list was under way. */
static uint64_t own_time(const struct request *r, const struct request *const *list, size_t n)
{
	uint64_t own = r->end_to_end_ns, from = begins(r);

	for (size_t i = 0; i < n; i++) {
		uint64_t begin = begins(list[i]), end = ends(list[i]);

		if (begin < from)
			begin = from;
		if (end > ends(r))
			end = ends(r);
		if (end <= begin)
			continue;
		own -= end - begin;
		from = end;
	}
	return own;
}

static size_t add(const struct model *m, const struct request *r, unsigned int depth,
		  uint64_t start_ns, struct tree_node *nodes, size_t count)
{
	const struct request *list[TREE_MAX];
	size_t n;

	if (count == TREE_MAX || is_in(nodes, count, r))
		return count;
	n = asked_by(m, r, list);
	nodes[count++] =
		(struct tree_node){.r = r,
				   .depth = depth,
				   .at_ns = begins(r) > start_ns ? begins(r) - start_ns : 0,
				   .own_ns = own_time(r, list, n)};
	for (size_t i = 0; i < n; i++)
		count = add(m, list[i], depth + 1, start_ns, nodes, count);
	return count;
}

size_t tree_of(const struct model *m, const struct request *root,
	       struct tree_node nodes[TREE_MAX])
{
	return root->measured ? add(m, root, 0, begins(root), nodes, 0) : 0;
}

const struct request_cause *tree_cause(const struct tree_node *nodes, size_t count, size_t i)
{
	const struct request_causes *causes = &nodes[i].r->causes;
	bool asks = i + 1 < count && nodes[i + 1].depth > nodes[i].depth;
	const struct request_cause *most = NULL;

	for (uint8_t c = 0; c < causes->count; c++)
		if (!(asks && causes->at[c].cause == CAUSE_UPSTREAM) &&
		    (!most || causes->at[c].ns > most->ns))
			most = &causes->at[c];
	return most;
}
