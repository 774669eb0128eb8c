/* Order: the sort, the window that lets go of its older half, and the same for the wire. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/reorder.h"
#include "tracer/wire_order.h"

static uint32_t draw(uint64_t *x)
{
	*x = *x * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(*x >> 33);
}

/* Against every mix of runs; equal times keep their order. */
static void test_sort(void **state)
{
	struct time_key keys[300], scratch[300];
	uint64_t x = 1;

	(void)state;
	for (unsigned int n = 0; n < 3000; n++) {
		size_t count = draw(&x) % 300;
		unsigned int breaks = 1 + draw(&x) % 20, range = 1 + draw(&x) % 500;
		uint64_t t = 0;

		for (size_t i = 0; i < count; i++) {
			t = draw(&x) % breaks ? t + draw(&x) % 3 : draw(&x) % range;
			keys[i] = (struct time_key){t, (uint32_t)i};
		}
		sort_by_time(keys, count, scratch);
		for (size_t i = 1; i < count; i++)
			assert_true(keys[i].time_ns > keys[i - 1].time_ns ||
				    (keys[i].time_ns == keys[i - 1].time_ns &&
				     keys[i].index > keys[i - 1].index));
	}
}

struct output {
	uint64_t last_ns;
	unsigned int count, backwards;
	uint64_t sum;
	int stop_at;
};

static int take(void *ctx, const struct observation *o)
{
	struct output *out = ctx;

	out->backwards += o->time_ns < out->last_ns;
	out->last_ns = o->time_ns;
	out->sum += o->seq;
	return ++out->count == (unsigned int)out->stop_at ? -7 : 0;
}

/* Streams that lag behind each other by less than half a window come out in order. */
static void test_window(void **state)
{
	struct output out = {0};
	struct reorder *r = reorder_create(1000, take, &out);
	uint64_t sum = 0;

	(void)state;
	for (uint32_t round = 0; round < 100; round++)
		for (uint32_t stream = 0; stream < 4; stream++)
			for (uint32_t i = 0; i < 100; i++) {
				struct observation o = {
					.time_ns = round * 1000 + i * 10 + stream, .seq = i};

				sum += i;
				assert_int_equal(reorder_add(r, &o), 0);
			}
	assert_true(out.count < 40000);
	assert_int_equal(reorder_flush(r), 0);
	assert_int_equal(reorder_flush(r), 0);
	assert_int_equal(out.count, 40000);
	assert_int_equal(out.sum, sum);
	assert_int_equal(out.backwards, 0);
	reorder_destroy(r);
}

static void test_errors_stop(void **state)
{
	struct output out = {.stop_at = 3};
	struct reorder *r = reorder_create(10, take, &out);
	struct observation o = {0};
	int rc = 0;

	(void)state;
	for (unsigned int i = 0; i < 100 && !rc; i++)
		rc = reorder_add(r, &o);
	assert_int_equal(rc, -7);
	reorder_destroy(r);
}

static int take_wire(void *ctx, const struct strata_wire *w)
{
	struct observation o = {.time_ns = w->event.time_ns, .seq = w->event.seq};

	assert_int_equal(w->payload[0], (uint8_t)w->event.seq);
	return take(ctx, &o);
}

static void test_wire(void **state)
{
	struct output out = {0};
	struct wire_order *order = wire_order_create(64, take_wire, &out);
	uint64_t x = 5;

	(void)state;
	for (uint32_t i = 0; i < 5000; i++) {
		struct strata_wire w = {
			.event = {.time_ns = i * 10 + draw(&x) % 200, .seq = i}};

		w.payload[0] = (uint8_t)i;
		assert_int_equal(wire_order_add(order, &w), 0);
		if (i % 97 == 0) {
			uint64_t until = i > 100 ? (i - 100) * 10 : 0;

			assert_int_equal(wire_order_until(order, until), 0);
			assert_true(out.last_ns <= i * 10 + 200);
		}
	}
	assert_int_equal(wire_order_flush(order), 0);
	assert_int_equal(out.count, 5000);
	assert_int_equal(out.backwards, 0);
	wire_order_destroy(order);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sort),
		cmocka_unit_test(test_window),
		cmocka_unit_test(test_errors_stop),
		cmocka_unit_test(test_wire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
