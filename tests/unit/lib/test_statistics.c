/* Medians, intervals and tests of small samples, against values worked out by hand and
 * by SciPy (statistics_reference.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

#include "lib/statistics.h"
#include "tests/unit/lib/statistics_reference.h"

static void about(double found, double expected, double tolerance)
{
	if (!(fabs(found - expected) <= tolerance))
		fail_msg("%g is not %g within %g", found, expected, tolerance);
}

static void medians(void **state)
{
	const double odd[] = {9, 1, 5}, even[] = {4, 1, 3, 100};

	(void)state;
	about(statistics_median(odd, 3), 5, 0);
	about(statistics_median(even, 4), 3.5, 0);
	about(odd[0], 9, 0);
	assert_true(isnan(statistics_median(odd, 0)));
}

static void a_seed_repeats(void **state)
{
	struct random a, b;
	unsigned int order[50], seen[50] = {0};

	(void)state;
	random_seed(&a, 42);
	random_seed(&b, 42);
	for (int i = 0; i < 100; i++)
		assert_true(random_next(&a) == random_next(&b));
	random_seed(&b, 43);
	assert_true(random_next(&a) != random_next(&b));
	for (int i = 0; i < 1000; i++)
		assert_true(random_below(&a, 7) < 7);
	random_order(&a, order, 50);
	for (int i = 0; i < 50; i++)
		seen[order[i]]++;
	for (int i = 0; i < 50; i++)
		assert_int_equal(seen[i], 1);
}

static void intervals_hold_the_median(void **state)
{
	double v[101], w[101];
	struct interval i;
	struct random r;

	(void)state;
	random_seed(&r, 1);
	for (int k = 0; k < 101; k++) {
		v[k] = 1000 + k;
		w[k] = 500 + k / 2.0;
	}
	i = statistics_median_interval(v, 101, &r);
	/* order statistics 41 and 61 of 101: the binomial interval */
	about(i.low, 1040, 4);
	about(i.high, 1060, 4);
	i = statistics_ratio_interval(v, 101, w, 101, &r);
	assert_true(i.low < 2 && i.high > 2 && i.high - i.low < 0.1);
	i = statistics_median_interval(v, 1, &r);
	about(i.low, 1000, 0);
	about(i.high, 1000, 0);
	i = statistics_median_interval(v, 0, &r);
	assert_true(isnan(i.low));
}

static void permutations_are_counted(void **state)
{
	const double low[] = {1, 2, 3}, high[] = {11, 12, 13}, same[] = {5, 5, 5};
	double a[30], b[30];
	struct random r;

	(void)state;
	random_seed(&r, 1);
	/* of 20 arrangements, only the observed one and its mirror are so far apart */
	about(statistics_permutation(low, 3, high, 3, &r), 2.0 / 20, 1e-9);
	about(statistics_permutation(same, 3, same, 3, &r), 1, 0);
	about(statistics_permutation(low, 0, high, 3, &r), 1, 0);
	for (int k = 0; k < 30; k++) {
		a[k] = k;
		b[k] = k + 0.5;
	}
	assert_true(statistics_permutation(a, 30, b, 30, &r) > 0.5);
	for (int k = 0; k < 30; k++)
		b[k] = k + 100;
	assert_true(statistics_permutation(a, 30, b, 30, &r) < 0.001);
}

static void pairs_are_flipped(void **state)
{
	const double up[] = {1, 2, 3, 4, 5, 6, 7, 8}, mixed[] = {1, -1, 2, -2};
	double many[40];
	struct random r;

	(void)state;
	random_seed(&r, 1);
	about(statistics_paired_permutation(up, 8, &r), 2.0 / 256, 1e-9);
	about(statistics_paired_permutation(mixed, 4, &r), 1, 0);
	for (int k = 0; k < 40; k++)
		many[k] = 1 + k % 3;
	about(statistics_paired_permutation(many, 40, &r), 1.0 / 10001, 1e-9);
}

static void holm(void **state)
{
	double p[] = {0.01, 0.04, 0.03, 0.005}, one[] = {0.5, 0.9};

	(void)state;
	statistics_holm(p, 4);
	about(p[3], 0.02, 1e-12);
	about(p[0], 0.03, 1e-12);
	about(p[2], 0.06, 1e-12);
	about(p[1], 0.06, 1e-12);
	statistics_holm(one, 2);
	about(one[0], 1, 0);
	about(one[1], 1, 0);
}

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

/* Two bootstraps of different draws agree within a part of their interval. */
static void limits_agree(struct interval found, double low, double high)
{
	about(found.low, low, 0.2 * (high - low));
	about(found.high, high, 0.2 * (high - low));
}

static void scipy_agrees_on_one(void **state)
{
	struct random r;

	(void)state;
	random_seed(&r, 1);
	for (size_t i = 0; i < COUNT(reference_one); i++) {
		const double *v = reference_one[i].v;
		size_t n = reference_one[i].n, outliers = 0;
		bool out[40];

		about(statistics_median(v, n), reference_one[i].median, 1e-9);
		about(statistics_quantile(v, n, 0.25), reference_one[i].q1, 1e-9);
		about(statistics_quantile(v, n, 0.9), reference_one[i].q90, 1e-9);
		statistics_outliers(v, n, out);
		for (size_t k = 0; k < n; k++)
			outliers += out[k];
		assert_int_equal(outliers, reference_one[i].outliers);
		limits_agree(statistics_median_interval(v, n, &r), reference_one[i].low,
			     reference_one[i].high);
	}
}

/* Where not all arrangements are tried, four standard errors of so many draws. */
static double p_tolerance(double p, bool exact, double draws)
{
	return exact ? 1e-9 : 4 * sqrt(p * (1 - p) / draws);
}

static void scipy_agrees_on_two(void **state)
{
	struct random r;

	(void)state;
	random_seed(&r, 1);
	for (size_t i = 0; i < COUNT(reference_two); i++) {
		const double *a = reference_two[i].a, *b = reference_two[i].b;
		size_t na = reference_two[i].na, nb = reference_two[i].nb;
		double p = reference_two[i].p;

		about(statistics_permutation(a, na, b, nb, &r), p,
		      p_tolerance(p, na + nb < 17,
				  fmin(STATISTICS_PERMUTATIONS, STATISTICS_FAR_ENOUGH / p)));
		limits_agree(statistics_ratio_interval(a, na, b, nb, &r), reference_two[i].low,
			     reference_two[i].high);
	}
}

static void scipy_agrees_on_pairs(void **state)
{
	struct random r;

	(void)state;
	random_seed(&r, 1);
	for (size_t i = 0; i < COUNT(reference_paired); i++) {
		size_t n = reference_paired[i].n;
		double p = reference_paired[i].p;

		about(statistics_paired_permutation(reference_paired[i].v, n, &r), p,
		      p_tolerance(p, n < 14, STATISTICS_PERMUTATIONS));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(medians),
		cmocka_unit_test(a_seed_repeats),
		cmocka_unit_test(intervals_hold_the_median),
		cmocka_unit_test(permutations_are_counted),
		cmocka_unit_test(pairs_are_flipped),
		cmocka_unit_test(holm),
		cmocka_unit_test(scipy_agrees_on_one),
		cmocka_unit_test(scipy_agrees_on_two),
		cmocka_unit_test(scipy_agrees_on_pairs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
