/* Guest memory's bounds and the bus's look-up: what a guest's address may and may not reach. */
#include "tests/unit/vmm/cmocka.h"

#include <string.h>

#include "lib/err.h"
#include "vmm/bus.h"
#include "vmm/memory.h"

#define MIB (1ULL << 20)

static void memory_ends(void **state)
{
	struct guest_memory m;

	(void)state;
	assert_int_equal(guest_memory_create(&m, 2 * MIB, false), 0);
	assert_int_equal(m.regions, 1);
	assert_non_null(guest_ptr(&m, 0, 1));
	assert_non_null(guest_ptr(&m, 0, 2 * MIB));
	assert_non_null(guest_ptr(&m, 2 * MIB - 1, 1));
	assert_null(guest_ptr(&m, 2 * MIB, 1));
	assert_null(guest_ptr(&m, 2 * MIB - 1, 2));
	assert_null(guest_ptr(&m, 0, 0));
	assert_null(guest_ptr(&m, 1, UINT64_MAX));
	assert_null(guest_ptr(&m, UINT64_MAX, 2));
	guest_memory_destroy(&m);
}

static void memory_has_a_hole_below_4_gib(void **state)
{
	struct guest_memory m;

	(void)state;
	assert_int_equal(guest_memory_create(&m, GUEST_LOW_MAX + 4 * MIB, false), 0);
	assert_int_equal(m.regions, 2);
	assert_non_null(guest_ptr(&m, GUEST_LOW_MAX - 1, 1));
	assert_null(guest_ptr(&m, GUEST_LOW_MAX, 1));
	assert_null(guest_ptr(&m, GUEST_LOW_MAX - 1, 2));
	assert_null(guest_ptr(&m, GUEST_HIGH_START - 1, 2));
	assert_non_null(guest_ptr(&m, GUEST_HIGH_START, 4 * MIB));
	assert_null(guest_ptr(&m, GUEST_HIGH_START, 4 * MIB + 1));
	guest_memory_destroy(&m);
}

static void memory_copies(void **state)
{
	struct guest_memory m;
	char back[4] = "";

	(void)state;
	assert_int_equal(guest_memory_create(&m, MIB, false), 0);
	assert_int_equal(guest_write(&m, MIB - 4, "abc", 4), 0);
	assert_int_equal(guest_read(&m, MIB - 4, back, 4), 0);
	assert_string_equal(back, "abc");
	assert_int_equal(guest_write(&m, MIB - 3, "abc", 4), -1);
	assert_int_equal(guest_read(&m, MIB - 3, back, 4), -1);
	assert_int_equal(guest_read(&m, UINT64_MAX, back, 0), 0);
	guest_memory_destroy(&m);
}

static void memory_refuses_odd_sizes(void **state)
{
	struct guest_memory m;

	(void)state;
	assert_int_equal(guest_memory_create(&m, 0, false), -1);
	assert_int_equal(guest_memory_create(&m, 4097, false), -1);
	assert_int_equal(guest_memory_create(&m, 1ULL << 60, false), -1);
	assert_non_null(strstr(err_text(), "--memory"));
}

static uint64_t last_offset, last_value;

static uint64_t read_it(struct bus_range *r, uint64_t offset, unsigned int size)
{
	(void)size;
	last_offset = offset;
	return *(uint64_t *)r->owner;
}

static void write_it(struct bus_range *r, uint64_t offset, uint64_t value, unsigned int size)
{
	(void)r;
	(void)size;
	last_offset = offset;
	last_value = value;
}

static void bus_finds_the_owner(void **state)
{
	uint64_t first = 0x1122334455667788, second = 2;
	struct bus_range a = {"a", 0x100, 0x10, read_it, write_it, &first, 0, 0};
	struct bus_range b = {"b", 0x110, 0x10, read_it, NULL, &second, 0, 0};
	struct bus *bus = bus_create();
	uint64_t reads, writes;

	(void)state;
	assert_int_equal(bus_add(bus, &b), 0);
	assert_int_equal(bus_add(bus, &a), 0);
	assert_int_equal(bus_read(bus, 0x108, 4), 0x55667788); /* cut to its size */
	assert_int_equal(last_offset, 8);
	assert_int_equal(bus_read(bus, 0x110, 1), 2);
	bus_write(bus, 0x10f, 0x1ff, 1);
	assert_int_equal(last_value, 0xff);
	bus_write(bus, 0x110, 1, 1); /* nobody writes b */

	/* Before, behind, and across an end: nobody's. */
	assert_int_equal(bus_read(bus, 0xff, 1), 0xff);
	assert_int_equal(bus_read(bus, 0x120, 2), 0xffff);
	assert_int_equal(bus_read(bus, 0x10e, 4), 0xffffffff);
	assert_true(bus_read(bus, 0x119, 8) == UINT64_MAX);
	bus_write(bus, 0x200, 1, 1);
	bus_unclaimed(bus, &reads, &writes);
	assert_int_equal(reads, 4);
	assert_int_equal(writes, 1);
	assert_int_equal(a.reads, 1);
	assert_int_equal(b.writes, 1);

	bus_remove(bus, &a);
	assert_int_equal(bus_read(bus, 0x108, 1), 0xff);
	assert_int_equal(bus_read(bus, 0x110, 1), 2);
	bus_destroy(bus);
}

static void bus_refuses_overlap(void **state)
{
	struct bus_range a = {.name = "a", .base = 0x100, .bytes = 0x10};
	struct bus_range below = {.name = "below", .base = 0xf8, .bytes = 9};
	struct bus_range above = {.name = "above", .base = 0x10f, .bytes = 1};
	struct bus_range around = {.name = "around", .base = 0, .bytes = UINT64_MAX};
	struct bus_range wraps = {.name = "wraps", .base = UINT64_MAX, .bytes = 2};
	struct bus_range last = {.name = "last", .base = UINT64_MAX, .bytes = 1};
	struct bus *bus = bus_create();

	(void)state;
	assert_int_equal(bus_add(bus, &a), 0);
	assert_int_equal(bus_add(bus, &below), -1);
	assert_non_null(strstr(err_text(), "overlap a"));
	assert_int_equal(bus_add(bus, &above), -1);
	assert_int_equal(bus_add(bus, &around), -1);
	assert_int_equal(bus_add(bus, &wraps), -1);
	assert_int_equal(bus_add(bus, &last), 0);
	assert_int_equal(bus_read(bus, UINT64_MAX, 1), 0xff);
	assert_int_equal(last.reads, 1);
	bus_destroy(bus);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(memory_ends),
		cmocka_unit_test(memory_has_a_hole_below_4_gib),
		cmocka_unit_test(memory_copies),
		cmocka_unit_test(memory_refuses_odd_sizes),
		cmocka_unit_test(bus_finds_the_owner),
		cmocka_unit_test(bus_refuses_overlap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
