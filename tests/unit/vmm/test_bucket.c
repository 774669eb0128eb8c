/* Token buckets, with a clock that stands still until it is told to move. */
#include "tests/unit/vmm/cmocka.h"

#include "vmm/bucket.h"

#define SECOND 1000000000ULL
#define START  (7 * SECOND)

static void without_a_rate_all_passes(void **state)
{
	struct bucket b = {0};

	(void)state;
	assert_int_equal(bucket_wait(&b, UINT64_MAX, START), 0);
	bucket_take(&b, UINT64_MAX, START);
	assert_int_equal(bucket_wait(&b, UINT64_MAX, START), 0);
}

static void the_deadline_is_exact(void **state)
{
	struct bucket b = {0};

	(void)state;
	bucket_set(&b, 1000, 10, START);
	bucket_take(&b, 10, START);
	/* A token every millisecond, not a moment sooner or later. */
	assert_int_equal(bucket_wait(&b, 1, START), SECOND / 1000);
	assert_int_equal(bucket_wait(&b, 3, START), 3 * SECOND / 1000);
	assert_int_equal(bucket_wait(&b, 1, START + SECOND / 1000 - 1), 1);
	assert_int_equal(bucket_wait(&b, 1, START + SECOND / 1000), 0);
	assert_int_equal(bucket_wait(&b, 2, START + SECOND / 1000), SECOND / 1000);
}

/* No third of a token gets lost, however often one asks. */
static void nothing_is_lost_by_asking(void **state)
{
	struct bucket b = {0};
	uint64_t now = START, passed = 0;

	(void)state;
	bucket_set(&b, 3, 1, START);
	bucket_take(&b, 1, START);
	for (; now <= START + 10 * SECOND; now += SECOND / 1000) {
		if (bucket_wait(&b, 1, now))
			continue;
		bucket_take(&b, 1, now);
		passed++;
	}
	assert_in_range(passed, 29, 30);
}

/* Work that takes each piece at its deadline gets the rate, over any second. */
static void any_second_holds_the_rate(void **state)
{
	static uint64_t when[6000];
	struct bucket b = {0};
	uint64_t now = START;
	int n = 0, first = 0;

	(void)state;
	bucket_set(&b, 1000000, 50000, START);
	while (n < 6000) {
		uint64_t wait = bucket_wait(&b, 1500, now);

		now += wait;
		bucket_take(&b, 1500, now);
		when[n++] = now;
	}
	for (int last = 0; last < n; last++) {
		while (when[last] - when[first] >= SECOND)
			first++;
		assert_true((last - first + 1) * 1500 <= 1000000 + 50000 + 1500);
	}
	/* ... and no less than the rate, of it all, and of any second once the burst is spent.
	 */
	assert_true(6000 * 1500.0 / ((double)(now - START) / SECOND) >= 1000000);
	for (int begin = 50000 / 1500 + 1, end = begin; end < n; begin++) {
		while (end < n && when[end] - when[begin] < SECOND)
			end++;
		if (end < n)
			assert_true((end - begin) * 1500 >= 990000);
	}
}

/* Once the burst is spent each piece passes as long after the last as it takes to earn it:
 * none waits for a bucket to be refilled, and none rushes through with others. */
static void there_are_no_steps(void **state)
{
	struct bucket b = {0};
	uint64_t now = START, last = 0;

	(void)state;
	bucket_set(&b, 1000000, 50000, START);
	bucket_take(&b, 50000, START);
	for (int i = 0; i < 3000; i++) {
		now += bucket_wait(&b, 1500, now);
		bucket_take(&b, 1500, now);
		if (last)
			assert_in_range(now - last, 1500 * SECOND / 1000000 - 1,
					1500 * SECOND / 1000000 + 1);
		last = now;
	}
}

static void a_debt_is_paid_first(void **state)
{
	struct bucket b = {0};

	(void)state;
	bucket_set(&b, 1000, 100, START);
	bucket_take(&b, 1100, START);
	assert_int_equal(bucket_wait(&b, 1, START), SECOND + SECOND / 1000);
	assert_int_equal(bucket_wait(&b, 1, START + SECOND + SECOND / 1000), 0);
}

/* More than can ever be saved up is affordable once all is saved. */
static void large_pieces_pass(void **state)
{
	struct bucket b = {0};

	(void)state;
	bucket_set(&b, 1000, 100, START);
	assert_int_equal(bucket_wait(&b, 5000, START), 0);
	bucket_take(&b, 5000, START);
	assert_int_equal(bucket_wait(&b, 5000, START), 5 * SECOND);
}

static void no_more_is_saved_than_the_burst(void **state)
{
	struct bucket b = {0};

	(void)state;
	bucket_set(&b, 1000, 10, START);
	assert_int_equal(bucket_wait(&b, 10, START + 3600 * SECOND), 0);
	bucket_take(&b, 10, START + 3600 * SECOND);
	assert_int_equal(bucket_wait(&b, 1, START + 3600 * SECOND), SECOND / 1000);
}

static void a_new_rate_counts_from_now(void **state)
{
	struct bucket b = {0};

	(void)state;
	bucket_set(&b, 10, 1, START);
	bucket_take(&b, 11, START);
	assert_int_equal(bucket_wait(&b, 1, START), SECOND + SECOND / 10);
	bucket_set(&b, 1000, 50, START);
	assert_int_equal(bucket_wait(&b, 1, START), 11 * SECOND / 1000);
	/* No bucket, then a new one: full, whatever was owed. */
	bucket_set(&b, 0, 0, START);
	assert_int_equal(bucket_wait(&b, 1, START), 0);
	bucket_set(&b, 1000, 50, START);
	assert_int_equal(bucket_wait(&b, 50, START), 0);
}

static void extremes_do_not_overflow(void **state)
{
	struct bucket b = {0};

	(void)state;
	bucket_set(&b, UINT64_MAX, UINT64_MAX, 0);
	assert_int_equal(b.rate, BUCKET_RATE_MAX);
	for (int i = 0; i < 5; i++)
		bucket_take(&b, UINT64_MAX, 0);
	assert_in_range(bucket_wait(&b, 1, 0), 1, SECOND);
	assert_int_equal(bucket_wait(&b, 1, UINT64_MAX), 0);
	/* A clock that goes back gives nothing, and takes nothing. */
	bucket_set(&b, 1000, 10, START);
	bucket_take(&b, 10, START);
	assert_int_equal(bucket_wait(&b, 1, START - SECOND), SECOND / 1000);
	bucket_set(&b, 1, BUCKET_BURST_MAX, START);
	bucket_take(&b, BUCKET_BURST_MAX, START);
	bucket_take(&b, BUCKET_BURST_MAX, START);
	assert_int_equal(bucket_wait(&b, BUCKET_BURST_MAX, START),
			 2 * BUCKET_BURST_MAX * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_rate_all_passes),
		cmocka_unit_test(the_deadline_is_exact),
		cmocka_unit_test(nothing_is_lost_by_asking),
		cmocka_unit_test(any_second_holds_the_rate),
		cmocka_unit_test(there_are_no_steps),
		cmocka_unit_test(a_debt_is_paid_first),
		cmocka_unit_test(large_pieces_pass),
		cmocka_unit_test(no_more_is_saved_than_the_burst),
		cmocka_unit_test(a_new_rate_counts_from_now),
		cmocka_unit_test(extremes_do_not_overflow),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
