/* Packed events come back as they were, are small, and are refused if they are no such thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/event_pack.h"

#define EVENTS 100

static struct strata_event events[EVENTS], back[EVENTS];
static uint8_t packed[EVENTS * 80];

static void make_events(void)
{
	for (unsigned int i = 0; i < EVENTS; i++)
		events[i] =
			(struct strata_event){.time_ns = 1000000000u + i * 700 - i % 3 * 900,
					      .flow = 0x123456789abcdef0u + i / 16,
					      .hop = (uint16_t)(i % 16),
					      .seq = i / 16 * 78,
					      .len = 78,
					      .client_port = 40000,
					      .server_port = 80};
}

static void what_is_packed_comes_back(void **state)
{
	size_t bytes;

	(void)state;
	make_events();
	events[7].time_ns = UINT64_MAX; /* differences beyond 63 bits */
	events[8].time_ns = 0;
	events[9].time_ns = 1ull << 63;
	bytes = event_pack(events, EVENTS, packed);
	assert_in_range(bytes, EVENTS * 2, event_pack_bound(EVENTS));
	assert_int_equal(event_unpack(packed, bytes, back, EVENTS), 0);
	assert_memory_equal(events, back, sizeof(events));
	assert_int_equal(event_pack(events, 0, packed), 0);
	assert_int_equal(event_unpack(packed, 0, back, 0), 0);
}

static void what_repeats_takes_little(void **state)
{
	(void)state;
	make_events();
	assert_true(event_pack(events, EVENTS, packed) < sizeof(events) / 4);
}

static void nonsense_is_refused(void **state)
{
	static const uint8_t endless[] = {0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
					  0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	size_t bytes;

	(void)state;
	make_events();
	bytes = event_pack(events, EVENTS, packed);
	for (size_t n = 0; n < bytes; n++)
		assert_int_equal(event_unpack(packed, n, back, EVENTS), -1);
	assert_int_equal(event_unpack(packed, bytes, back, EVENTS - 1), -1);
	assert_int_equal(event_unpack(endless, sizeof(endless), back, 1), -1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_packed_comes_back),
		cmocka_unit_test(what_repeats_takes_little),
		cmocka_unit_test(nonsense_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
