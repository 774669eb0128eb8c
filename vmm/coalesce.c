/* Completions that share an interrupt: see coalesce.h. */
#include "vmm/coalesce.h"

#include "lib/now.h"
#include "vmm/virtio/counter.h"

#define TARGET_MAX    16
#define PATIENCE_GAPS 4  /* of the usual time between requests */
#define GAP_WEIGHT    8  /* of what was usual, against a new one's 1 */
#define REST_MIN      64 /* completions that the target stays */
#define REST_MAX      1024
#define HOLD_NS       10000000 /* that the first of them waits, at most */
#define SPIN_NS       50000    /* of a look, before it sleeps in between */

static unsigned int between(unsigned int min, unsigned int n, unsigned int max)
{
	return n < min ? min : n > max ? max : n;
}

void gap_measure(struct gap *g, unsigned int requests, uint64_t now_ns)
{
	uint64_t gap;

	if (!requests)
		return;
	gap = (now_ns - g->last_ns) / requests;
	if (gap < g->pause_ns)
		g->usual_ns =
			g->usual_ns ? (g->usual_ns * (GAP_WEIGHT - 1) + gap) / GAP_WEIGHT : gap;
	g->last_ns = now_ns;
}

uint64_t gap_patience_ns(const struct gap *g)
{
	uint64_t ns = PATIENCE_GAPS * g->usual_ns;

	return ns < g->pause_ns ? ns : g->pause_ns;
}

void rest_begin(struct rest *r, unsigned int min)
{
	r->length = between(min, r->length * 2, REST_MAX);
	r->left = r->length;
}

void rest_spend(struct rest *r, unsigned int times)
{
	r->left -= times < r->left ? times : r->left;
}

void rest_shorten(struct rest *r)
{
	r->length /= 2;
}

static void reached(struct coalesce *c, unsigned int held)
{
	if (c->rest.left) {
		rest_spend(&c->rest, held);
		return;
	}
	if (c->target > c->depth)
		rest_shorten(&c->rest);
	c->target = between(1, c->target + 1, TARGET_MAX);
}

bool coalesce_due(struct coalesce *c, unsigned int held, uint64_t now_ns)
{
	if (!held || !c->held_ns)
		c->held_ns = now_ns;
	if (!held)
		return false;
	if (held >= c->target)
		reached(c, held);
	else if (now_ns - c->held_ns < HOLD_NS)
		return false;
	c->held_ns = 0;
	return true;
}

bool coalesce_look(struct coalesce *c, unsigned int held, struct loop *l,
		   bool (*came)(const void *owner), const void *owner)
{
	uint64_t patience = gap_patience_ns(&c->gap), start, now, nap;

	if (!patience || (!held && c->target <= 1))
		return true;
	counter_add(&c->looks, 1);
	/* What takes longer is slept through, a usual gap at a time: the vCPU that is to come
	 * may be waiting for our CPU. */
	for (now = start = now_ns(); !came(owner); now = now_ns()) {
		if (now - start >= patience)
			return false;
		nap = now - start > SPIN_NS ? c->gap.usual_ns : 0;
		if (loop_has_more(l, nap))
			break;
	}
	return true;
}

/* With a quarter less it does not run dry. */
void coalesce_stalled(struct coalesce *c, unsigned int held)
{
	counter_add(&c->in_vain, 1);
	rest_begin(&c->rest, REST_MIN);
	c->depth = held;
	c->target = between(1, held * 3 / 4, TARGET_MAX);
}
