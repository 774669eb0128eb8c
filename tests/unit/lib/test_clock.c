/* Clocks: conversion across offset, ratio, drift and wrap, and an error bound that holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "lib/clock.h"

#define SECOND 1000000000u

/* A guest whose TSC and clock relate to the host's as told; time runs from start for a minute.
 */
struct world {
	double tsc_per_ns, drift, ratio;
	int64_t tsc_offset, clock_offset;
	uint64_t tsc_base, start_ns;
	unsigned int jitter_ns; /* of the guest's samples */
};

static uint64_t host_tsc(const struct world *w, uint64_t ns)
{
	return w->tsc_base + (uint64_t)((long double)(ns - w->start_ns) * w->tsc_per_ns);
}

static uint64_t guest_tsc(const struct world *w, uint64_t ns)
{
	return (uint64_t)((long double)host_tsc(w, ns) * w->ratio) + (uint64_t)w->tsc_offset;
}

static uint64_t guest_ns(const struct world *w, uint64_t ns)
{
	return ns + (uint64_t)(w->clock_offset +
			       (int64_t)((double)(int64_t)(ns - w->start_ns) * w->drift));
}

static struct clock *learn(const struct world *w)
{
	struct clock *c = clock_create();
	unsigned int x = 1;

	for (uint64_t ns = w->start_ns; ns <= w->start_ns + 60ull * SECOND; ns += SECOND / 10) {
		struct clock_sample host = {host_tsc(w, ns), ns, 50};
		struct clock_sample guest = {guest_tsc(w, ns + 12345), guest_ns(w, ns + 12345),
					     80};

		x = x * 1103515245 + 12345;
		guest.time_ns += w->jitter_ns ? (x >> 16) % w->jitter_ns : 0;
		assert_int_equal(clock_add(c, 0, &host), 0);
		assert_int_equal(clock_add(c, 1, &guest), 0);
	}
	clock_set_relation(c, 1, w->tsc_offset, w->ratio);
	return c;
}

static void check(const struct world *w)
{
	struct clock *c = learn(w);
	uint64_t error = clock_error_ns(c, 1);

	assert_true(clock_ready(c, 1));
	assert_true(error > 0 && error < 100 + 3 * w->jitter_ns);
	/* within the samples, and a little outside */
	for (uint64_t ns = w->start_ns - SECOND; ns < w->start_ns + 61ull * SECOND;
	     ns += 7777777) {
		int64_t off = (int64_t)(clock_to_host(c, 1, guest_ns(w, ns)) - ns);
		int64_t bound = (int64_t)error;

		if (ns < w->start_ns || ns > w->start_ns + 60ull * SECOND)
			bound *= 20; /* the line is extended ten intervals further */
		assert_in_range(off + bound, 0, 2 * (uint64_t)bound);
	}
	clock_destroy(c);
}

static void test_worlds(void **state)
{
	static const struct world worlds[] = {
		{2.5, 0, 1, 0, 0, 1000, 5ull * SECOND, 0},
		{2.5, 0, 1, -77777777777, -123456789, 99999999999, 5000ull * SECOND, 0},
		{3.7, 1e-5, 1, 55555, 987654321, 1ull << 62, 5000ull * SECOND, 0},
		/* the guest's TSC passes 2^64 on the way */
		{2.5, 0, 1, -100000000000, 17, 50000000000, 5000ull * SECOND, 0},
		{2.1, -2e-5, 1.2380952, 123456, 5, 1ull << 40, 5000ull * SECOND, 0},
		{2.5, 0, 1, 0, 0, 1000, 5000ull * SECOND, 300},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(worlds) / sizeof(worlds[0]); i++)
		check(&worlds[i]);
}

/* A day: samples are thinned, or the oldest forgotten, and what is still asked about holds. */
static void test_days(void **state)
{
	struct world w = {.tsc_per_ns = 2.5,
			  .drift = 1e-5,
			  .ratio = 1,
			  .tsc_offset = -77777,
			  .clock_offset = 123456,
			  .tsc_base = 1000,
			  .start_ns = SECOND};
	const uint64_t end = w.start_ns + 86400ull * SECOND;

	(void)state;
	for (int latest = 0; latest < 2; latest++) {
		struct clock *c = clock_create();
		uint64_t from = latest ? end - 3600ull * SECOND : w.start_ns;

		if (latest)
			clock_keep_latest(c);
		for (uint64_t ns = w.start_ns; ns <= end; ns += SECOND / 10) {
			struct clock_sample host = {host_tsc(&w, ns), ns, 50};
			struct clock_sample guest = {guest_tsc(&w, ns), guest_ns(&w, ns), 80};

			assert_int_equal(clock_add(c, 0, &host), 0);
			assert_int_equal(clock_add(c, 1, &guest), 0);
		}
		clock_set_relation(c, 1, w.tsc_offset, w.ratio);
		for (uint64_t ns = from; ns < end; ns += 37ull * SECOND + 12345) {
			int64_t off = (int64_t)(clock_to_host(c, 1, guest_ns(&w, ns)) - ns);

			assert_true(llabs(off) <= (int64_t)clock_error_ns(c, 1));
		}
		assert_true(clock_error_ns(c, 1) < 1000);
		clock_destroy(c);
	}
}

static void test_not_ready(void **state)
{
	struct clock *c = clock_create();
	struct clock_sample s = {1000, 1000, 10};

	(void)state;
	assert_true(clock_ready(c, 0));
	assert_false(clock_ready(c, 1));
	assert_false(clock_ready(c, CLOCK_DOMAINS_MAX));
	assert_int_equal(clock_to_host(c, 0, 5), 5);
	assert_int_equal(clock_error_ns(c, 0), 0);
	assert_int_equal(clock_add(c, 1, &s), 0);
	assert_int_equal(clock_add(c, 1, &s), -1); /* not a step forward */
	s.tsc += 5;
	s.time_ns -= 5;
	assert_int_equal(clock_add(c, 1, &s), -1);
	assert_int_equal(clock_add(c, CLOCK_DOMAINS_MAX, &s), -1);
	clock_set_relation(c, 1, 0, 0.0); /* no ratio at all */
	assert_false(clock_ready(c, 1));
	clock_destroy(c);
}

static void test_sample_now(void **state)
{
	struct clock_sample a = clock_sample_now(), b = clock_sample_now();

	(void)state;
	assert_true(b.tsc > a.tsc);
	assert_true(b.time_ns > a.time_ns);
	assert_true(a.bracket > 0 && a.bracket < UINT64_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_worlds),
		cmocka_unit_test(test_days),
		cmocka_unit_test(test_not_ready),
		cmocka_unit_test(test_sample_now),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
