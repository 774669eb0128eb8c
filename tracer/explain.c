/* The slow requests against the others: see explain.h. */
#include "tracer/explain.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/random.h"
#include "lib/statistics.h"
#include "tracer/attribution.h"

#define SLOW_MAX  100
#define USUAL_MAX 200 /* evenly chosen from the middle half */
#define SEED      1   /* the same recording, the same answer */
#define NOTABLE   0.05

/* Columns that a request's time is taken apart into. */
enum {
	BY_CAUSE = 0,
	UNEXPLAINED = BY_CAUSE + LAYER_COUNT * CAUSE_COUNT,
	UNATTRIBUTED = UNEXPLAINED + HOP_COUNT,
	COLUMNS = UNATTRIBUTED + HOP_COUNT,
};

#define DETAILS 32

struct column {
	double hop_ns[2][HOP_COUNT]; /* sums: of the slow ones, of the usual ones */
	double detail_ns[DETAILS];   /* of the slow ones */
	double actor_ns[ACTORS_MAX];
};

enum { SLOW, USUAL };

struct comparison {
	const struct model *m;
	const struct request **by_time; /* measured ones, the fastest first */
	size_t count;
	const struct request *group[2][USUAL_MAX];
	size_t size[2];
	double (*ns)[COLUMNS]; /* of each slow one, then of each usual one */
	struct column *columns;
};

const char *explain_verdict_name(enum explain_verdict v)
{
	static const char *const names[] = {
		[EXPLAIN_TOO_FEW] = "too-few", [EXPLAIN_EVEN] = "even",
		[EXPLAIN_KNOWN] = "explained", [EXPLAIN_WHERE] = "where-not-why",
		[EXPLAIN_UNKNOWN] = "unknown",
	};

	return names[v];
}

/* ---- the two groups ---- */

static int by_time(const void *pa, const void *pb)
{
	const struct request *a = *(const struct request *const *)pa,
			     *b = *(const struct request *const *)pb;

	return (a->end_to_end_ns > b->end_to_end_ns) - (a->end_to_end_ns < b->end_to_end_ns);
}

static uint64_t rank_ns(const struct comparison *c, double part)
{
	size_t rank = (size_t)ceil(part * (double)c->count);

	return c->by_time[rank ? rank - 1 : 0]->end_to_end_ns;
}

static void choose(struct comparison *c)
{
	size_t slow = (c->count + 99) / 100, from = c->count / 4, middle = c->count - 2 * from;

	slow = slow < EXPLAIN_SLOW_MIN ? EXPLAIN_SLOW_MIN : slow;
	slow = slow > SLOW_MAX ? SLOW_MAX : slow;
	for (size_t i = 0; i < slow; i++)
		c->group[SLOW][i] = c->by_time[c->count - 1 - i];
	c->size[SLOW] = slow;
	c->size[USUAL] = middle < USUAL_MAX ? middle : USUAL_MAX;
	for (size_t i = 0; i < c->size[USUAL]; i++)
		c->group[USUAL][i] = c->by_time[from + i * middle / c->size[USUAL]];
}

static void gather(struct comparison *c)
{
	for (size_t i = 0; i < c->m->request_count; i++)
		if (c->m->requests[i].measured)
			c->by_time[c->count++] = &c->m->requests[i];
	qsort(c->by_time, c->count, sizeof(*c->by_time), by_time);
}

/* ---- one request, taken apart ---- */

static void take(struct comparison *c, size_t row, int which, int column, enum strata_hop hop,
		 uint64_t ns)
{
	c->ns[row][column] += (double)ns;
	c->columns[column].hop_ns[which][hop] += (double)ns;
}

static uint64_t take_causes(struct comparison *c, size_t row, int which,
			    const struct request *r, enum strata_hop hop)
{
	uint64_t sum = 0;

	for (uint8_t i = 0; i < r->causes.count; i++) {
		const struct request_cause *part = &r->causes.at[i];
		int column = BY_CAUSE + part->layer * CAUSE_COUNT + part->cause;

		if (part->hop != hop)
			continue;
		take(c, row, which, column, hop, part->ns);
		sum += part->ns;
		if (which != SLOW)
			continue;
		c->columns[column].detail_ns[part->detail % DETAILS] += (double)part->ns;
		c->columns[column].actor_ns[part->actor] += (double)part->ns;
	}
	return sum;
}

static void take_apart(struct comparison *c, size_t row, int which, const struct request *r)
{
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(c->m, r, rungs);

	for (size_t i = 0; i + 1 < n; i++) {
		enum strata_hop hop = rungs[i].hop;

		if (rungs[i].unattributed)
			take(c, row, which, UNATTRIBUTED + (int)hop, hop, rungs[i].took_ns);
		else
			take(c, row, which, UNEXPLAINED + (int)hop, hop,
			     rungs[i].took_ns - take_causes(c, row, which, r, hop));
	}
}

static void take_all_apart(struct comparison *c)
{
	for (int which = SLOW; which <= USUAL; which++)
		for (size_t i = 0; i < c->size[which]; i++)
			take_apart(c, which == SLOW ? i : c->size[SLOW] + i, which,
				   c->group[which][i]);
}

/* ---- figures ---- */

static double mean(const double *v, size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += v[i];
	return n ? sum / (double)n : 0;
}

static uint64_t median_ns(const double *v, size_t n)
{
	return n ? (uint64_t)statistics_median(v, n) : 0;
}

/* A column's values: of the slow ones, then of the usual ones. */
static void values_of(const struct comparison *c, int column, double *v)
{
	for (size_t i = 0; i < c->size[SLOW] + c->size[USUAL]; i++)
		v[i] = c->ns[i][column];
}

static int ascending(const void *pa, const void *pb)
{
	double a = *(const double *)pa, b = *(const double *)pb;

	return (a > b) - (a < b);
}

/* How many of the slow ones have more than 19 in 20 of the usual ones? */
static unsigned int more_than_usual(const struct comparison *c, const double *v)
{
	double usual[USUAL_MAX];
	unsigned int n = 0;
	size_t at = c->size[USUAL] * 19 / 20;

	memcpy(usual, v + c->size[SLOW], c->size[USUAL] * sizeof(*usual));
	qsort(usual, c->size[USUAL], sizeof(*usual), ascending);
	for (size_t i = 0; i < c->size[SLOW]; i++)
		n += v[i] > usual[at];
	return n;
}

static size_t largest(const double *v, size_t n)
{
	size_t at = 0;

	for (size_t i = 1; i < n; i++)
		if (v[i] > v[at])
			at = i;
	return at;
}

/* Where most of it passed: of what the slow ones took longer, or (usually) of all. */
static void place(const struct comparison *c, int column, struct finding *f, bool usually)
{
	const struct column *k = &c->columns[column];
	double more[HOP_COUNT], sum = 0;

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		double usual_ns = k->hop_ns[USUAL][hop] / (double)c->size[USUAL];

		more[hop] = usually ? usual_ns
				    : k->hop_ns[SLOW][hop] / (double)c->size[SLOW] - usual_ns;
		sum += more[hop];
	}
	f->hop = (enum strata_hop)largest(more, HOP_COUNT);
	f->hop_share = sum > 0 ? more[f->hop] / sum : 0;
	f->detail = (uint8_t)largest(k->detail_ns, DETAILS);
	f->actor = (uint16_t)(1 + largest(k->actor_ns + 1, ACTORS_MAX - 1));
	if (k->actor_ns[f->actor] <= 0)
		f->actor = 0;
}

/* The slow requests with most of it. */
static void give_examples(const struct comparison *c, const double *v, struct finding *f)
{
	bool taken[SLOW_MAX] = {false};

	for (int n = 0; n < EXPLAIN_EXAMPLES; n++) {
		size_t best = SLOW_MAX;

		for (size_t i = 0; i < c->size[SLOW]; i++)
			if (!taken[i] && v[i] > 0 && (best == SLOW_MAX || v[i] > v[best]))
				best = i;
		if (best == SLOW_MAX)
			return;
		taken[best] = true;
		f->examples[n] = c->group[SLOW][best];
		f->examples_ns[n] = (uint64_t)v[best];
	}
}

static struct finding finding_of(const struct comparison *c, int column, const double *v,
				 bool usually)
{
	struct finding f = {.cause = CAUSE_COUNT, .p = 1};

	f.slow_ns = mean(v, c->size[SLOW]);
	f.usual_ns = mean(v + c->size[SLOW], c->size[USUAL]);
	f.more_ns = f.slow_ns - f.usual_ns;
	f.slow_p50_ns = median_ns(v, c->size[SLOW]);
	f.usual_p50_ns = median_ns(v + c->size[SLOW], c->size[USUAL]);
	f.in_slow = more_than_usual(c, v);
	place(c, column, &f, usually);
	if (column < UNEXPLAINED) {
		f.cause = (enum cause)((column - BY_CAUSE) % CAUSE_COUNT);
		f.layer = (enum strata_layer)((column - BY_CAUSE) / CAUSE_COUNT);
	} else {
		f.layer = (enum strata_layer)hop_table[f.hop].layer;
		f.unattributed = column >= UNATTRIBUTED;
	}
	give_examples(c, v, &f);
	return f;
}

/* Keep the list in order, largest first, and no longer than it may be. */
static void keep(struct finding *list, size_t *count, const struct finding *f,
		 double (*worth)(const struct finding *))
{
	size_t at = *count;

	while (at && worth(&list[at - 1]) < worth(f))
		at--;
	if (at == EXPLAIN_FINDINGS)
		return;
	if (*count < EXPLAIN_FINDINGS)
		++*count;
	memmove(&list[at + 1], &list[at], (*count - at - 1) * sizeof(*list));
	list[at] = *f;
}

static double by_share(const struct finding *f)
{
	return f->share;
}

static double by_usual(const struct finding *f)
{
	return f->usual_ns;
}

static void find(const struct comparison *c, struct explanation *e)
{
	double v[SLOW_MAX + USUAL_MAX];

	for (int column = 0; column < COLUMNS; column++) {
		struct finding f;

		values_of(c, column, v);
		f = finding_of(c, column, v, false);
		f.share = e->more_ns > 0 ? f.more_ns / e->more_ns : 0;
		if (f.share >= NOTABLE)
			keep(e->findings, &e->finding_count, &f, by_share);
		f = finding_of(c, column, v, true);
		if (f.usual_ns > 0 && f.usual_ns >= NOTABLE * e->usual_ns)
			keep(e->usually, &e->usually_count, &f, by_usual);
	}
}

static int column_of(const struct finding *f)
{
	if (f->cause < CAUSE_COUNT)
		return BY_CAUSE + (int)f->layer * CAUSE_COUNT + (int)f->cause;
	return (f->unattributed ? UNATTRIBUTED : UNEXPLAINED) + (int)f->hop;
}

/* Is it chance? And if not, is it enough to be told? */
static void blame(const struct comparison *c, struct explanation *e)
{
	double v[SLOW_MAX + USUAL_MAX], p[EXPLAIN_FINDINGS];
	struct random random;

	random_seed(&random, SEED);
	for (size_t i = 0; i < e->finding_count; i++) {
		values_of(c, column_of(&e->findings[i]), v);
		p[i] = statistics_permutation(v, c->size[SLOW], v + c->size[SLOW],
					      c->size[USUAL], &random);
	}
	statistics_holm(p, e->finding_count);
	for (size_t i = 0; i < e->finding_count; i++) {
		struct finding *f = &e->findings[i];

		f->p = p[i];
		f->blamed = f->share >= EXPLAIN_BLAMED && f->p < EXPLAIN_CHANCE;
		if (!f->blamed)
			continue;
		e->blamed_share += f->share;
		if (f->cause < CAUSE_COUNT)
			e->known_share += f->share;
	}
}

static enum explain_verdict judge(const struct explanation *e)
{
	if (e->slow_ns < EXPLAIN_TAIL * e->usual_ns)
		return EXPLAIN_EVEN;
	if (e->known_share >= EXPLAIN_ENOUGH)
		return EXPLAIN_KNOWN;
	return e->blamed_share >= EXPLAIN_ENOUGH ? EXPLAIN_WHERE : EXPLAIN_UNKNOWN;
}

/* A figure of each request: of the slow ones, then of the usual ones. */
static struct explain_layer compare(const struct comparison *c,
				    uint64_t (*figure)(const struct request *r, int n), int n)
{
	double v[SLOW_MAX + USUAL_MAX];
	size_t slow = c->size[SLOW], usual = c->size[USUAL];

	for (size_t i = 0; i < slow + usual; i++)
		v[i] = (double)figure(i < slow ? c->group[SLOW][i] : c->group[USUAL][i - slow],
				      n);
	return (struct explain_layer){.slow_ns = mean(v, slow),
				      .usual_ns = mean(v + slow, usual),
				      .slow_p50_ns = median_ns(v, slow),
				      .usual_p50_ns = median_ns(v + slow, usual)};
}

static uint64_t of_layer(const struct request *r, int n)
{
	return r->layer_ns[n / DIRECTION_COUNT][n % DIRECTION_COUNT];
}

static uint64_t of_unattributed(const struct request *r, int n)
{
	(void)n;
	return r->unattributed_ns[DIRECTION_REQUEST] + r->unattributed_ns[DIRECTION_REPLY];
}

static uint64_t of_all(const struct request *r, int n)
{
	(void)n;
	return r->end_to_end_ns;
}

static void compare_layers(const struct comparison *c, struct explanation *e)
{
	struct explain_layer all = compare(c, of_all, 0);

	for (int n = 0; n < LAYER_COUNT * DIRECTION_COUNT; n++)
		e->layers[n / DIRECTION_COUNT][n % DIRECTION_COUNT] = compare(c, of_layer, n);
	e->unattributed = compare(c, of_unattributed, 0);
	e->slow_ns = all.slow_ns;
	e->usual_ns = all.usual_ns;
	e->slow_p50_ns = all.slow_p50_ns;
	e->usual_p50_ns = all.usual_p50_ns;
	e->more_ns = e->slow_ns - e->usual_ns;
}

static int compare_groups(struct comparison *c, struct explanation *e)
{
	choose(c);
	c->ns = calloc(c->size[SLOW] + c->size[USUAL], sizeof(*c->ns));
	c->columns = calloc(COLUMNS, sizeof(*c->columns));
	if (!c->ns || !c->columns)
		return err_set("out of memory for an explanation");
	e->slow = c->size[SLOW];
	e->usual = c->size[USUAL];
	e->slow_least_ns = c->group[SLOW][e->slow - 1]->end_to_end_ns;
	compare_layers(c, e);
	take_all_apart(c);
	find(c, e);
	blame(c, e);
	e->verdict = judge(e);
	return 0;
}

int explain(const struct model *m, struct explanation *e)
{
	struct comparison c = {.m = m};
	int result = 0;

	memset(e, 0, sizeof(*e));
	c.by_time = calloc(m->request_count + 1, sizeof(*c.by_time));
	if (!c.by_time)
		return err_set("out of memory for an explanation");
	gather(&c);
	e->requests = c.count;
	if (c.count) {
		e->p50_ns = rank_ns(&c, 0.5);
		e->p99_ns = rank_ns(&c, 0.99);
		e->max_ns = rank_ns(&c, 1);
	}
	if (c.count >= EXPLAIN_REQUESTS_MIN)
		result = compare_groups(&c, e);
	free(c.by_time);
	free(c.ns);
	free(c.columns);
	return result;
}
