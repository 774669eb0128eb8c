/* What may be said of results: see judge.h. */
#include "bench/suite/judge.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

const char *verdict_text(enum verdict v)
{
	static const char *const texts[] = {
		[VERDICT_SAME] = "same",           [VERDICT_BETTER] = "better",
		[VERDICT_WORSE] = "worse",         [VERDICT_TOO_FEW] = "too few samples",
		[VERDICT_MISSING] = "not in both",
	};

	return texts[v];
}

/* By how much of the smaller one the larger one is larger: the same whichever is asked about
 * first. Not a number unless both are more than nothing. */
static double apart_by(double a, double b)
{
	return a > 0 && b > 0 ? fmax(a / b, b / a) - 1 : NAN;
}

static double apart(const double *a, size_t na, const double *b, size_t nb)
{
	return apart_by(statistics_median(a, na), statistics_median(b, nb));
}

struct noise judge_noise(const struct result *x, struct random *r)
{
	struct noise noise = {NAN, NAN, 1};
	double *half = calloc(2 * x->n + 1, sizeof(*half)), *twin;
	size_t n = 0, twins = 0;

	if (!half)
		return noise;
	twin = half + x->n;
	for (size_t i = 0; i < x->n; i++) {
		if (x->twin[i])
			twin[twins++] = x->value[i];
		else
			half[n++] = x->value[i];
	}
	noise.twins = apart(half, n, twin, twins);
	noise.p = statistics_permutation(half, n, twin, twins, r);
	noise.drift = apart(x->value, x->n / 2, x->value + (x->n + 1) / 2, x->n / 2);
	free(half);
	return noise;
}

/* ---- two documents ---- */

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool is_pair(const struct result *a, const struct result *b)
{
	return !strcmp(a->name, b->name) && same_text(a->subject, b->subject) &&
	       same_text(a->monitor, b->monitor) && same_text(a->where, b->where) &&
	       same_text(a->unit, b->unit);
}

static const struct result *find(const struct results *all, const struct result *like)
{
	for (size_t i = 0; i < all->count; i++)
		if (is_pair(&all->of[i], like))
			return &all->of[i];
	return NULL;
}

static double larger(double a, double b)
{
	return isnan(b) || a > b ? a : b;
}

static double noise_floor(const struct result *x, double floor, struct random *r)
{
	struct noise noise = judge_noise(x, r);

	return larger(larger(floor, noise.twins), noise.drift);
}

/* Samples of two sources. */
static void contrast_samples(struct comparison *c, struct random *r)
{
	const struct result *a = c->a, *b = c->b;
	double arrangements = 1;

	c->ratio = c->median_b / c->median_a;
	c->interval = statistics_ratio_interval(b->value, b->n, a->value, a->n, r);
	c->p = statistics_permutation(a->value, a->n, b->value, b->n, r);
	for (size_t i = 1; i <= b->n; i++)
		arrangements *= (double)(a->n + i) / (double)i;
	c->least_p = 2 / arrangements;
}

static size_t of_round(const struct result *x, unsigned int round)
{
	size_t i = 0;

	while (i < x->n && x->round[i] != round)
		i++;
	return i;
}

/* Of each round that both have a sample of, the logarithm of b / a. */
static size_t log_ratios(const struct result *a, const struct result *b, double *ratio)
{
	size_t n = 0;

	for (size_t i = 0; i < a->n; i++) {
		size_t k = of_round(b, a->round[i]);

		if (k < b->n && a->value[i] > 0 && b->value[k] > 0)
			ratio[n++] = log(b->value[k] / a->value[i]);
	}
	return n;
}

static void contrast_pairs(struct comparison *c, struct random *r)
{
	double *ratio = calloc(c->a->n, sizeof(*ratio));
	size_t n = ratio ? log_ratios(c->a, c->b, ratio) : 0;
	struct interval logs = statistics_median_interval(ratio, n, r);

	c->ratio = exp(statistics_median(ratio, n));
	c->interval = (struct interval){exp(logs.low), exp(logs.high)};
	c->p = statistics_paired_permutation(ratio, n, r);
	c->least_p = 2 / exp2((double)n);
	free(ratio);
}

typedef void (*contrast_fn)(struct comparison *c, struct random *r);

static void contrast(struct comparison *c, contrast_fn how, double floor, bool noise,
		     struct random *r)
{
	const struct result *a = c->a, *b = c->b;

	c->median_a = a ? statistics_median(a->value, a->n) : NAN;
	c->median_b = b ? statistics_median(b->value, b->n) : NAN;
	c->p = c->p_holm = c->ratio = NAN;
	c->interval = (struct interval){NAN, NAN};
	c->verdict = VERDICT_MISSING;
	if (!a || !b || !a->n || !b->n)
		return;
	how(c, r);
	c->least_p = fmax(c->least_p, 1.0 / (STATISTICS_PERMUTATIONS + 1));
	c->floor = noise ? noise_floor(b, noise_floor(a, floor, r), r) : floor;
	c->floor = larger(c->floor, fmax(a->floor, b->floor) / fmin(c->median_a, c->median_b));
	c->verdict = VERDICT_SAME;
}

static void decide(struct comparison *c, size_t tested)
{
	if (c->verdict == VERDICT_MISSING)
		return;
	if (c->least_p * (double)tested >= JUDGE_P_MAX)
		c->verdict = VERDICT_TOO_FEW;
	if (c->p_holm < JUDGE_P_MAX && c->median_a > 0 && apart_by(c->ratio, 1) > c->floor)
		c->verdict = (c->ratio > 1) == c->a->higher ? VERDICT_BETTER : VERDICT_WORSE;
}

static int correct(struct comparison *c, size_t count)
{
	double *p = malloc((count + 1) * sizeof(*p));
	size_t tested = 0, k = 0;

	if (!p)
		return err_set("out of memory for comparisons");
	for (size_t i = 0; i < count; i++)
		if (!isnan(c[i].p))
			p[tested++] = c[i].p;
	statistics_holm(p, tested);
	for (size_t i = 0; i < count; i++)
		if (!isnan(c[i].p))
			c[i].p_holm = p[k++];
	for (size_t i = 0; i < count; i++)
		decide(&c[i], tested);
	free(p);
	return 0;
}

struct comparison *judge_pairs(const struct results *a, const struct results *b, uint64_t seed,
			       size_t *count)
{
	struct comparison *c = calloc(a->count + b->count + 1, sizeof(*c));
	struct random r;

	*count = 0;
	if (!c) {
		err_set("out of memory for comparisons");
		return NULL;
	}
	for (size_t i = 0; i < a->count; i++)
		c[(*count)++] = (struct comparison){.a = &a->of[i], .b = find(b, &a->of[i])};
	for (size_t i = 0; i < b->count; i++)
		if (!find(a, &b->of[i]))
			c[(*count)++] = (struct comparison){.b = &b->of[i]};
	random_seed(&r, seed);
	for (size_t i = 0; i < *count; i++)
		contrast(&c[i], contrast_samples, JUDGE_FLOOR, true, &r);
	if (correct(c, *count)) {
		free(c);
		return NULL;
	}
	return c;
}

/* ---- one document: monitors beside each other ---- */

static bool is_rival(const struct result *a, const struct result *b)
{
	return a->monitor && b->monitor && strcmp(a->monitor, JUDGE_OURS) != 0 &&
	       !strcmp(b->monitor, JUDGE_OURS) && !strcmp(a->name, b->name) &&
	       same_text(a->subject, b->subject) && same_text(a->where, b->where) &&
	       same_text(a->unit, b->unit);
}

/* Holm's correction within each run of comparisons of one benchmark. */
static int correct_each(struct comparison *c, size_t count)
{
	size_t from = 0;

	for (size_t i = 1; i <= count; i++) {
		if (i < count && !strcmp(c[i].a->name, c[from].a->name))
			continue;
		if (correct(c + from, i - from))
			return -1;
		from = i;
	}
	return 0;
}

struct comparison *judge_monitors(const struct results *all, uint64_t seed, size_t *count)
{
	struct comparison *c = calloc(all->count + 1, sizeof(*c));
	struct random r;

	*count = 0;
	if (!c) {
		err_set("out of memory for comparisons");
		return NULL;
	}
	random_seed(&r, seed);
	for (size_t i = 0; i < all->count; i++) {
		for (size_t k = 0; k < all->count; k++) {
			if (!is_rival(&all->of[i], &all->of[k]))
				continue;
			c[*count] = (struct comparison){.a = &all->of[i], .b = &all->of[k]};
			contrast(&c[(*count)++],
				 all->paired ? contrast_pairs : contrast_samples,
				 JUDGE_FLOOR_WITHIN, false, &r);
			break;
		}
	}
	if (correct_each(c, *count)) {
		free(c);
		return NULL;
	}
	return c;
}
