/* Medians, bootstrap intervals, permutation tests: see statistics.h. */
#include "lib/statistics.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Beyond so many arrangements, a random part of them is tried. */
#define EXACT_MAX 20000

static int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Of values that may be reordered. */
static double median_of(double *v, size_t n)
{
	if (!n)
		return NAN;
	qsort(v, n, sizeof(*v), ascending);
	return n % 2 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

double statistics_median(const double *v, size_t n)
{
	double *copy = malloc((n + 1) * sizeof(*copy)), m;

	if (!copy)
		return NAN;
	memcpy(copy, v, n * sizeof(*copy));
	m = median_of(copy, n);
	free(copy);
	return m;
}

double statistics_quantile(const double *v, size_t n, double part)
{
	double *copy = malloc((n + 1) * sizeof(*copy)), at = (double)(n ? n - 1 : 0) * part;
	size_t below = (size_t)at;
	double result = NAN;

	if (copy && n) {
		memcpy(copy, v, n * sizeof(*copy));
		qsort(copy, n, sizeof(*copy), ascending);
		result = copy[below];
		if (below + 1 < n)
			result += (at - (double)below) * (copy[below + 1] - copy[below]);
	}
	free(copy);
	return result;
}

void statistics_outliers(const double *v, size_t n, bool *out)
{
	double low = statistics_quantile(v, n, 0.25), high = statistics_quantile(v, n, 0.75);
	double far = 3 * (high - low);

	for (size_t i = 0; i < n; i++)
		out[i] = v[i] < low - far || v[i] > high + far;
}

static double resampled_median(const double *v, size_t n, double *scratch, struct random *r)
{
	for (size_t i = 0; i < n; i++)
		scratch[i] = v[random_below(r, n)];
	return median_of(scratch, n);
}

/* The 2.5th and 97.5th percentile of what resampling gave. */
static struct interval percentiles(double *v)
{
	size_t tail = STATISTICS_RESAMPLES / 40;

	qsort(v, STATISTICS_RESAMPLES, sizeof(*v), ascending);
	return (struct interval){v[tail], v[STATISTICS_RESAMPLES - 1 - tail]};
}

static struct interval resample(const double *a, size_t na, const double *b, size_t nb,
				struct random *r)
{
	struct interval result = {NAN, NAN};
	double *scratch = malloc((na + nb + STATISTICS_RESAMPLES) * sizeof(*scratch)),
	       *found = scratch + na + nb;

	if (!scratch || !na || (b && !nb)) {
		free(scratch);
		return result;
	}
	for (size_t i = 0; i < STATISTICS_RESAMPLES; i++) {
		found[i] = resampled_median(a, na, scratch, r);
		if (b)
			found[i] /= resampled_median(b, nb, scratch, r);
	}
	result = percentiles(found);
	free(scratch);
	return result;
}

struct interval statistics_median_interval(const double *v, size_t n, struct random *r)
{
	return resample(v, n, NULL, 0, r);
}

struct interval statistics_ratio_interval(const double *a, size_t na, const double *b,
					  size_t nb, struct random *r)
{
	return resample(a, na, b, nb, r);
}

/* ---- permutation tests ---- */

struct ranked {
	double value;
	size_t place; /* in the pool */
};

struct pool {
	const double *rank; /* of the smaller sample, then of the other */
	size_t na, n;
	unsigned int *order; /* the first na are taken for the smaller sample's */
	double expected;     /* the sum of na ranks if both are of one source */
	double observed;
};

static int by_value(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	return (x->value > y->value) - (x->value < y->value);
}

/* Ranks of the pooled values from 1; equal ones share the mean of theirs. */
static void rank_all(struct ranked *v, double *rank, size_t n)
{
	qsort(v, n, sizeof(*v), by_value);
	for (size_t i = 0, next; i < n; i = next) {
		for (next = i + 1; next < n && v[next].value <= v[i].value; next++)
			;
		for (size_t k = i; k < next; k++)
			rank[v[k].place] = (double)(i + 1 + next) / 2;
	}
}

static double distance(const struct pool *p)
{
	double sum = 0;

	for (size_t i = 0; i < p->na; i++)
		sum += p->rank[p->order[i]];
	return fabs(sum - p->expected);
}

/* As far apart as what was observed, but for rounding. */
static bool as_far(const struct pool *p)
{
	return distance(p) >= p->observed - 1e-9;
}

/* n over k, or EXACT_MAX + 1 if it is more than that. */
static uint64_t arrangements(size_t n, size_t k)
{
	uint64_t c = 1;

	for (size_t i = 1; i <= k; i++) {
		c = c * (n - k + i) / i;
		if (c > EXACT_MAX)
			return EXACT_MAX + 1;
	}
	return c;
}

/* The next choice of na of n, in lexical order; the others follow behind it. */
static bool next_choice(struct pool *p, unsigned int *choice)
{
	size_t rest = p->na, i = rest;

	while (i-- > 0 && choice[i] == p->n - p->na + i)
		;
	if (i == SIZE_MAX)
		return false;
	choice[i]++;
	for (size_t j = i + 1; j < p->na; j++)
		choice[j] = choice[j - 1] + 1;
	for (size_t v = 0, j = 0; v < p->n; v++) {
		if (j < p->na && choice[j] == v)
			p->order[j++] = (unsigned int)v;
		else
			p->order[rest++] = (unsigned int)v;
	}
	return true;
}

static double exact(struct pool *p, unsigned int *choice)
{
	uint64_t far = 0, all = 0;

	for (size_t i = 0; i < p->n; i++)
		p->order[i] = (unsigned int)i;
	memcpy(choice, p->order, p->na * sizeof(*choice));
	do {
		far += as_far(p);
		all++;
	} while (next_choice(p, choice));
	return (double)far / (double)all;
}

/* Ends early where the answer is clear (Besag and Clifford, "Sequential Monte Carlo p-values",
 * 1991): after so many that are as far apart, p is known to a thirtieth of itself. */
static double sampled(struct pool *p, struct random *r)
{
	unsigned int far = 0, tried = 0;

	for (size_t i = 0; i < p->n; i++)
		p->order[i] = (unsigned int)i;
	while (tried < STATISTICS_PERMUTATIONS && far < STATISTICS_FAR_ENOUGH) {
		random_choose(r, p->order, (unsigned int)p->n, (unsigned int)p->na);
		far += as_far(p);
		tried++;
	}
	return far < STATISTICS_FAR_ENOUGH ? (far + 1.0) / (tried + 1.0) : (double)far / tried;
}

static void take(struct ranked *pool, size_t at, const double *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		pool[at + i] = (struct ranked){v[i], at + i};
}

double statistics_permutation(const double *a, size_t na, const double *b, size_t nb,
			      struct random *r)
{
	size_t n = na + nb, few = na < nb ? na : nb;
	struct ranked *pool;
	double *rank, result = NAN;
	unsigned int *order;
	struct pool p;

	if (!few)
		return 1;
	pool = malloc(n * sizeof(*pool));
	rank = malloc(n * sizeof(*rank));
	order = malloc((n + few) * sizeof(*order));
	if (pool && rank && order) {
		take(pool, 0, na < nb ? a : b, few);
		take(pool, few, na < nb ? b : a, n - few);
		rank_all(pool, rank, n);
		for (size_t i = 0; i < n; i++)
			order[i] = (unsigned int)i;
		p = (struct pool){rank, few, n, order, (double)(few * (n + 1)) / 2, 0};
		p.observed = distance(&p);
		result = arrangements(n, few) <= EXACT_MAX ? exact(&p, order + n)
							   : sampled(&p, r);
	}
	free(pool);
	free(rank);
	free(order);
	return result;
}

static double flipped_sum(const double *v, size_t n, uint64_t signs)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += signs >> i & 1 ? -v[i] : v[i];
	return fabs(sum);
}

static double random_sum(const double *v, size_t n, struct random *r)
{
	double sum = 0;
	uint64_t signs = 0;

	for (size_t i = 0; i < n; i++) {
		if (i % 64 == 0)
			signs = random_next(r);
		sum += signs >> i % 64 & 1 ? -v[i] : v[i];
	}
	return fabs(sum);
}

double statistics_paired_permutation(const double *difference, size_t n, struct random *r)
{
	double observed = flipped_sum(difference, n, 0) * (1 - 1e-12);
	uint64_t far = 0, all = n < 14 ? 1ULL << n : 0;

	if (!n)
		return 1;
	for (uint64_t signs = 0; signs < all; signs++)
		far += flipped_sum(difference, n, signs) >= observed;
	if (all)
		return (double)far / (double)all;
	for (unsigned int i = 0; i < STATISTICS_PERMUTATIONS; i++)
		far += random_sum(difference, n, r) >= observed;
	return (double)(far + 1) / (STATISTICS_PERMUTATIONS + 1.0);
}

void statistics_holm(double *p, size_t n)
{
	double floor = 0;
	bool *done = calloc(n + 1, sizeof(*done));

	/* The smallest first, times how many are left; never below one before it. */
	for (size_t left = n; done && left; left--) {
		size_t least = n;

		for (size_t i = 0; i < n; i++)
			if (!done[i] && (least == n || p[i] < p[least]))
				least = i;
		done[least] = true;
		floor = fmin(1, fmax(floor, p[least] * (double)left));
		p[least] = floor;
	}
	free(done);
}
