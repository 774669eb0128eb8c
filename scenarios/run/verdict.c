/* What came of a run, in words: see run.h. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/units.h"
#include "scenarios/run/run.h"

const struct machine *run_machine(const struct run *r, unsigned int number)
{
	unsigned int victim = r->s->load.vm;

	if (!number || number > r->s->vms)
		return NULL;
	/* the victim is the first of a recording, the others follow in their order */
	if (number == 1)
		return &r->machine[victim];
	return &r->machine[number - 1 <= victim ? number - 2 : number - 1];
}

static const char *rival_vm(const struct run *r, const struct rival *rival)
{
	const struct machine *m = run_machine(r, rival->vm);

	return m ? m->vm->name : "host";
}

static double source_number(void *ctx, const struct operand *o)
{
	const struct run *r = ctx;
	const struct variant *v = run_variant(r, o->cell, o->strength);

	return v ? variant_figure(r, v, o->measure) : NAN;
}

static double source_difference(void *ctx, const struct operand *left,
				const struct operand *right)
{
	const struct run *r = ctx;
	const struct variant *a = run_variant(r, left->cell, left->strength),
			     *b = run_variant(r, right->cell, right->strength);
	double known[SCENARIO_ROUNDS_MAX];
	size_t n = 0;

	for (unsigned int i = 0; a && b && i < r->o->rounds; i++) {
		double d = left->number * a->value[left->measure][i] -
			   right->number * b->value[right->measure][i];

		if (!isnan(d))
			known[n++] = d;
	}
	return statistics_median(known, n);
}

static const char *source_word(void *ctx, const struct operand *o)
{
	const struct run *r = ctx;
	const struct variant *v = run_variant(r, o->cell, o->strength);
	const struct blame *b = v ? &v->blame : NULL;

	if (v && o->measure == MEASURE_RIVAL_VM)
		return v->tally.rivals ? rival_vm(r, &v->tally.rival[0]) : "none";
	if (!b || !b->any)
		return "";
	if (b->all_grew_ns <= 0)
		return "none";
	switch (o->measure) {
	case MEASURE_BLAME_LAYER:
		return layer_name(b->layer);
	case MEASURE_BLAME_CAUSE:
		return b->cause < CAUSE_COUNT ? cause_table[b->cause].name : "unknown";
	case MEASURE_BLAME_VM:
		return b->rival ? rival_vm(r, b->rival) : "none";
	default:
		return b->rival ? b->rival->comm : "none";
	}
}

struct expect_source run_source(struct run *r)
{
	return (struct expect_source){source_number, source_difference, source_word, r};
}

unsigned int run_failures(struct run *r)
{
	struct expect_source source = run_source(r);
	unsigned int failures = 0;
	char said[100];

	for (unsigned int i = 0; i < r->s->expects; i++)
		failures += expect_judge(&r->s->expect[i], &source, said, sizeof(said)) !=
			    EXPECT_HOLDS;
	return failures;
}

/* ---- sentences ---- */

static size_t add(char *text, size_t bytes, size_t n, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

static size_t add(char *text, size_t bytes, size_t n, const char *fmt, ...)
{
	va_list ap;

	if (n >= bytes)
		return n;
	va_start(ap, fmt);
	n += (size_t)vsnprintf(text + n, bytes - n, fmt, ap);
	va_end(ap);
	return n < bytes ? n : bytes;
}

void run_blame_text(const struct run *r, const struct variant *v, char *text, size_t bytes)
{
	const struct blame *b = &v->blame;
	size_t n = 0;

	*text = '\0';
	if (!b->any || b->all_grew_ns <= 0)
		return;
	n = add(text, bytes, n, "%.0f %% of that is the %s layer's",
		100 * b->layer_grew_ns / b->all_grew_ns, layer_name(b->layer));
	if (b->cause < CAUSE_COUNT)
		n = add(text, bytes, n, ", %s", cause_table[b->cause].name);
	if (!b->rival)
		return;
	if (b->rival->vm)
		n = add(text, bytes, n, ": VM %s", rival_vm(r, b->rival));
	else
		n = add(text, bytes, n, ": a thread of the host");
	n = add(text, bytes, n, " (%s", b->rival->comm);
	for (unsigned int i = 0; i < r->s->vms; i++)
		if (r->machine[i].cgroup_inode &&
		    r->machine[i].cgroup_inode == b->rival->cgroup)
			n = add(text, bytes, n, ", cgroup %s", r->machine[i].cgroup);
	add(text, bytes, n, ") had the CPU");
}

static const struct variant *find(const struct run *r, bool noise, bool remedy)
{
	for (unsigned int i = 0; i < r->s->cells; i++)
		if (r->s->cell[i].noise == noise && r->s->cell[i].remedy == remedy)
			return run_variant(r, i, -1);
	return NULL;
}

/* p99 of that cell beside that of the quiet one; NaN. */
static double times(const struct run *r, const struct variant *v)
{
	const struct variant *quiet = run_quiet(r);

	return v && quiet ? variant_figure(r, v, MEASURE_P99) /
				    variant_figure(r, quiet, MEASURE_P99)
			  : NAN;
}

void run_verdict(struct run *r, char *text, size_t bytes)
{
	const struct variant *noise = find(r, true, false), *both = find(r, true, true),
			     *price = find(r, false, true);
	unsigned int failures = run_failures(r);
	char blame[300] = "";
	size_t n = 0;

	*text = '\0';
	if (r->rounds_done < r->o->rounds) {
		add(text, bytes, n, "It ended after %u of %u rounds.", r->rounds_done,
		    r->o->rounds);
		return;
	}
	if (noise && !isnan(times(r, noise))) {
		n = add(text, bytes, n,
			"With the noise p99 is %.2f times that of the victim alone",
			times(r, noise));
		if (noise->blame.any && noise->blame.all_grew_ns > 0)
			n = add(text, bytes, n, "; a traced request took %s longer",
				units_ns((uint64_t)noise->blame.all_grew_ns, false).s);
		run_blame_text(r, noise, blame, sizeof(blame));
		n = add(text, bytes, n, "%s%s. ", *blame ? ", and " : "", blame);
	}
	if (both && !isnan(times(r, both)))
		n = add(text, bytes, n, "With the remedy, too, it is %.2f times. ",
			times(r, both));
	if (price && !isnan(times(r, price)))
		n = add(text, bytes, n, "The remedy alone makes it %.2f times: its price. ",
			times(r, price));
	if (failures)
		add(text, bytes, n, "%u of %u expectations do not hold.", failures,
		    r->s->expects);
	else
		add(text, bytes, n, "All %u expectations hold.", r->s->expects);
}
