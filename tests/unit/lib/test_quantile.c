/* Quantiles: exact against a sorted array, and within their promise once they are binned. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/quantile.h"

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t nearest_rank(const uint64_t *sorted, size_t n, unsigned int percent)
{
	size_t rank = (n * percent + 99) / 100;

	return sorted[rank ? rank - 1 : 0];
}

static uint64_t next(uint64_t *x)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return *x >> 20;
}

static void test_nothing_and_one(void **state)
{
	struct quantile q = {0};

	(void)state;
	assert_int_equal(quantile_at(&q, 0.5), 0);
	assert_int_equal(quantile_add(&q, 7), 0);
	assert_int_equal(quantile_at(&q, 0), 7);
	assert_int_equal(quantile_at(&q, 1), 7);
	assert_int_equal(q.min, 7);
	assert_int_equal(q.max, 7);
	quantile_free(&q);
}

static void check(size_t n, uint64_t range, bool exact)
{
	uint64_t *values = calloc(n, sizeof(*values)), x = n, sum = 0;
	struct quantile q = {0};

	for (size_t i = 0; i < n; i++) {
		values[i] = next(&x) % range;
		sum += values[i];
		assert_int_equal(quantile_add(&q, values[i]), 0);
	}
	qsort(values, n, sizeof(*values), compare);
	for (unsigned int percent = 1; percent <= 100; percent++) {
		uint64_t want = nearest_rank(values, n, percent);
		uint64_t got = quantile_at(&q, percent / 100.0);

		if (exact) {
			assert_int_equal(got, want);
			continue;
		}
		assert_true(got >= want);
		assert_true(got <= want + want / 1024 + 1);
	}
	assert_int_equal(q.count, n);
	assert_int_equal(q.sum, sum);
	assert_int_equal(q.min, values[0]);
	assert_int_equal(q.max, values[n - 1]);
	assert_int_equal(quantile_at(&q, 1), values[n - 1]);
	quantile_free(&q);
	free(values);
}

static void test_exact(void **state)
{
	(void)state;
	check(1, 10, true);
	check(100, 1000, true);
	check(QUANTILE_EXACT, 1u << 30, true);
}

static void test_binned(void **state)
{
	(void)state;
	check(QUANTILE_EXACT + 1, 1u << 30, false);
	check(300000, 3000, false);
	check(300000, (uint64_t)1 << 43, false);
}

static void test_extremes_in_bins(void **state)
{
	struct quantile q = {0};

	(void)state;
	for (size_t i = 0; i <= QUANTILE_EXACT; i++)
		assert_int_equal(quantile_add(&q, i % 2 ? 0 : UINT64_MAX - 5), 0);
	assert_int_equal(quantile_at(&q, 0.1), 0);
	assert_int_equal(quantile_at(&q, 0.9), UINT64_MAX - 5);
	quantile_free(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_and_one),
		cmocka_unit_test(test_exact),
		cmocka_unit_test(test_binned),
		cmocka_unit_test(test_extremes_in_bins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
