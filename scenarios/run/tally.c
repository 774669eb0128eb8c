/* Where the time went: see tally.h. */
#include "scenarios/run/tally.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "tracer/parents.h"

static unsigned int find_rival(const struct tally *t, const char *comm, uint32_t cgroup,
			       uint8_t vm)
{
	unsigned int i = 0;

	while (i < t->rivals && (t->rival[i].vm != vm || t->rival[i].cgroup != cgroup ||
				 strcmp(t->rival[i].comm, comm)))
		i++;
	return i;
}

static struct rival *rival_of(struct tally *t, const struct actor *who)
{
	unsigned int at = find_rival(t, who->comm, who->cgroup, who->vm);

	if (at < t->rivals)
		return &t->rival[at];
	if (t->rivals == TALLY_RIVALS_MAX)
		return NULL;
	t->rival[t->rivals] = (struct rival){.cgroup = who->cgroup, .vm = who->vm};
	memcpy(t->rival[t->rivals].comm, who->comm, sizeof(who->comm));
	return &t->rival[t->rivals++];
}

/* Its time is told by the request that it waited for. */
static bool told_below(const struct request_cause *c, bool asks)
{
	return asks && c->cause == CAUSE_UPSTREAM;
}

static void add_causes(struct tally *t, const struct model *m, const struct request *q,
		       bool asks)
{
	for (uint8_t i = 0; i < q->causes.count; i++) {
		const struct request_cause *c = &q->causes.at[i];
		struct rival *r;

		if (told_below(c, asks)) {
			t->layer_ns[c->layer] -= (double)c->ns;
			continue;
		}
		t->cause_ns[c->layer][c->cause] += (double)c->ns;
		if (c->cause != CAUSE_CPU || !c->actor)
			continue;
		r = rival_of(t, &m->actors.at[c->actor]);
		if (r)
			r->ns += (double)c->ns;
	}
}

static void add_request(struct tally *t, const struct model *m, const struct request *q,
			bool asks)
{
	for (int d = 0; d < DIRECTION_COUNT; d++) {
		for (int layer = 0; layer < LAYER_COUNT; layer++)
			t->layer_ns[layer] += (double)q->layer_ns[layer][d];
		t->unattributed_ns += (double)q->unattributed_ns[d];
	}
	add_causes(t, m, q, asks);
	if (q->parent_flow) {
		t->asked++;
		return;
	}
	t->requests++;
	t->all_ns += (double)q->end_to_end_ns;
}

/* Which of the requests had to ask another server, one that was traced. */
static bool *askers(const struct model *m)
{
	bool *asks = calloc(m->request_count + 1, sizeof(*asks));

	for (size_t i = 0; asks && i < m->request_count; i++) {
		const struct request *parent = parents_find(m, &m->requests[i]);

		if (parent && m->requests[i].measured)
			asks[parent - m->requests] = true;
	}
	return asks;
}

static int by_time(const void *pa, const void *pb)
{
	const struct rival *a = pa, *b = pb;

	return (a->ns < b->ns) - (a->ns > b->ns);
}

int tally_add(struct tally *t, const struct model *m)
{
	bool *asks = askers(m);

	if (!asks)
		return err_set("out of memory for what requests spent their time on");
	for (size_t i = 0; i < m->request_count; i++) {
		const struct request *q = &m->requests[i];

		/* of what a VM asks without being asked nobody waits here */
		if (q->measured && (!q->client_vm || parents_find(m, q)))
			add_request(t, m, q, asks[i]);
	}
	free(asks);
	t->seen += m->seen;
	t->violations += m->violations;
	t->lost += model_lost(m);
	qsort(t->rival, t->rivals, sizeof(t->rival[0]), by_time);
	return 0;
}

double tally_mean(const struct tally *t, double sum)
{
	return t->requests ? sum / (double)t->requests : NAN;
}

double tally_cpu_wait(const struct tally *t)
{
	double ns = 0;

	for (int l = 0; l < LAYER_COUNT; l++)
		ns += t->cause_ns[l][CAUSE_CPU];
	return t->all_ns > 0 ? ns / t->all_ns : NAN;
}

static double grew(const struct tally *quiet, const struct tally *loud, double before,
		   double after)
{
	return tally_mean(loud, after) - tally_mean(quiet, before);
}

/* Who had the CPU for so much longer than before; those who always had it are not to blame. */
static const struct rival *who_grew(const struct tally *quiet, const struct tally *loud)
{
	const struct rival *most = NULL;
	double most_ns = 0;

	for (unsigned int i = 0; i < loud->rivals; i++) {
		const struct rival *now = &loud->rival[i];
		unsigned int at = find_rival(quiet, now->comm, now->cgroup, now->vm);
		double before = at < quiet->rivals ? quiet->rival[at].ns : 0;
		double ns = grew(quiet, loud, before, now->ns);

		if (ns <= most_ns)
			continue;
		most = now;
		most_ns = ns;
	}
	return most;
}

struct blame tally_blame(const struct tally *quiet, const struct tally *loud)
{
	struct blame b = {.cause = CAUSE_COUNT};

	if (!quiet->requests || !loud->requests)
		return b;
	b.any = true;
	b.all_grew_ns = grew(quiet, loud, quiet->all_ns, loud->all_ns);
	for (int l = 0; l < LAYER_COUNT; l++) {
		double ns = grew(quiet, loud, quiet->layer_ns[l], loud->layer_ns[l]);

		if (l && ns <= b.layer_grew_ns)
			continue;
		b.layer = (enum strata_layer)l;
		b.layer_grew_ns = ns;
	}
	for (int c = 0; c < CAUSE_COUNT; c++) {
		double ns = grew(quiet, loud, quiet->cause_ns[b.layer][c],
				 loud->cause_ns[b.layer][c]);

		if (ns <= b.cause_grew_ns)
			continue;
		b.cause = (enum cause)c;
		b.cause_grew_ns = ns;
	}
	if (b.cause == CAUSE_CPU)
		b.rival = who_grew(quiet, loud);
	return b;
}
