/* The shared-memory ring: what goes in comes out, what does not fit is counted, and a producer
 * that lies can neither crash the consumer nor make it read more than a lane holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/ring.h"

enum { LANES = 2, CAPACITY = 8 };

struct fixture {
	void *memory;
	size_t bytes;
	struct ring producer, consumer;
};

static struct strata_event event(uint64_t n)
{
	return (struct strata_event){.time_ns = n, .hop = (uint16_t)(n % 7)};
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->bytes = ring_bytes(LANES, CAPACITY);
	f->memory = aligned_alloc(64, (f->bytes + 63) / 64 * 64);
	memset(f->memory, 0xa5, f->bytes);
	assert_int_equal(ring_create(&f->producer, f->memory, f->bytes, LANES, CAPACITY), 0);
	assert_int_equal(ring_attach(&f->consumer, f->memory, f->bytes), 0);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	free(f->memory);
	free(f);
	return 0;
}

static void test_in_order(void **state)
{
	struct fixture *f = *state;
	struct strata_event out[CAPACITY], e;
	uint64_t next = 0;

	for (uint64_t n = 0; n < 100; n++) {
		e = event(n);
		assert_true(ring_put(&f->producer, 1, &e));
		if (n % 5 != 4)
			continue;
		assert_int_equal(ring_take(&f->consumer, 1, out, CAPACITY), 5);
		for (int i = 0; i < 5; i++)
			assert_int_equal(out[i].time_ns, next++);
	}
	assert_int_equal(ring_take(&f->consumer, 0, out, CAPACITY), 0);
	assert_int_equal(ring_lost(&f->consumer), 0);
}

static void test_full_is_counted(void **state)
{
	struct fixture *f = *state;
	struct strata_event out[2 * CAPACITY], e = event(1);
	int taken = 0;

	for (int i = 0; i < CAPACITY + 3; i++)
		taken += ring_put(&f->producer, 0, &e);
	assert_int_equal(taken, CAPACITY);
	assert_int_equal(ring_lost(&f->consumer), 3);
	assert_int_equal(ring_lost(&f->consumer), 0);
	assert_int_equal(ring_take(&f->consumer, 0, out, 2 * CAPACITY), CAPACITY);
	atomic_fetch_add(&f->producer.header->upstream_lost, 5);
	assert_int_equal(ring_lost(&f->consumer), 5);
}

static void test_wanted(void **state)
{
	struct fixture *f = *state;
	char text[64];
	uint32_t generation;

	assert_false(ring_wanted(&f->producer));
	generation = ring_start(&f->consumer, "{\"ports\":[80]}");
	assert_true(ring_wanted(&f->producer));
	assert_string_equal(f->producer.header->request, "{\"ports\":[80]}");
	assert_int_equal(ring_state(&f->consumer, generation, text, sizeof(text)), RING_IDLE);
	ring_answer(&f->producer, RING_RUNNING, generation, "{}");
	assert_int_equal(ring_state(&f->consumer, generation, text, sizeof(text)),
			 RING_RUNNING);
	assert_int_equal(ring_state(&f->consumer, generation + 1, text, sizeof(text)),
			 RING_IDLE);
	ring_stop(&f->consumer);
	assert_false(ring_wanted(&f->producer));
}

static void test_clock(void **state)
{
	struct fixture *f = *state;
	uint64_t tsc, time_ns, bracket;

	assert_false(ring_clock_get(&f->consumer, &tsc, &time_ns, &bracket));
	ring_clock_put(&f->producer, 11, 22, 33);
	assert_true(ring_clock_get(&f->consumer, &tsc, &time_ns, &bracket));
	assert_true(tsc == 11 && time_ns == 22 && bracket == 33);
	/* a producer that died, or pretends to, in the middle of writing */
	f->producer.header->clock.sequence++;
	assert_false(ring_clock_get(&f->consumer, &tsc, &time_ns, &bracket));
}

static void test_not_a_ring(void **state)
{
	struct fixture *f = *state;
	struct ring_header *h = f->memory;
	struct ring r;

	assert_int_equal(ring_attach(&r, f->memory, RING_HEADER_BYTES - 1), -1);
	h->capacity = 1u << 31;
	assert_int_equal(ring_attach(&r, f->memory, f->bytes), -1);
	h->capacity = 3;
	assert_int_equal(ring_attach(&r, f->memory, f->bytes), -1);
	h->capacity = CAPACITY;
	h->lanes = RING_LANES_MAX + 1;
	assert_int_equal(ring_attach(&r, f->memory, f->bytes), -1);
	h->lanes = 0;
	assert_int_equal(ring_attach(&r, f->memory, f->bytes), -1);
	h->lanes = LANES;
	h->version++;
	assert_int_equal(ring_attach(&r, f->memory, f->bytes), -1);
	h->magic = 0;
	assert_int_equal(ring_attach(&r, f->memory, f->bytes), -1);
	assert_non_null(strstr(err_text(), "not laid out"));
}

/* After it attached, the consumer believes nothing of the header, and no head. */
static void test_liar(void **state)
{
	static const uint64_t heads[] = {UINT64_MAX, CAPACITY + 1, 1ULL << 40, 0};
	struct fixture *f = *state;
	struct ring_header *h = f->memory;
	struct ring_lane *lane = (struct ring_lane *)((char *)f->memory + RING_HEADER_BYTES);
	struct strata_event out[CAPACITY * 2];

	h->lanes = h->capacity = UINT32_MAX;
	for (size_t i = 0; i < sizeof(heads) / sizeof(*heads); i++) {
		lane->head = heads[i];
		lane->tail = heads[i] / 2;
		assert_true(ring_take(&f->consumer, 0, out, CAPACITY * 2) <= CAPACITY);
		ring_lost(&f->consumer);
	}
	lane->lost = 7;
	ring_lost(&f->consumer);
	memset(f->memory, 0xff, f->bytes);
	assert_true(ring_take(&f->consumer, 1, out, CAPACITY * 2) <= CAPACITY);
}

static void test_geometry(void **state)
{
	struct ring r;
	char memory[64];

	(void)state;
	assert_int_equal(ring_create(&r, memory, sizeof(memory), 1, 8), -1);
	assert_int_equal(ring_create(&r, memory, sizeof(memory), 0, 8), -1);
	assert_int_equal(ring_create(&r, memory, sizeof(memory), 1, 7), -1);
	assert_int_equal(ring_capacity_for(ring_bytes(3, 64), 3), 64);
	assert_int_equal(ring_capacity_for(ring_bytes(3, 64) - 1, 3), 32);
	assert_int_equal(ring_capacity_for(100, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_in_order, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_full_is_counted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wanted, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clock, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_not_a_ring, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_liar, set_up, tear_down),
		cmocka_unit_test(test_geometry),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
