/* The split virtqueue: what a good driver gets, and that a bad one gets nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <string.h>

#include "tests/unit/vmm/driver.h"

#define SIZE     8
#define NEXT     VRING_DESC_F_NEXT
#define WRITE    VRING_DESC_F_WRITE
#define INDIRECT VRING_DESC_F_INDIRECT

struct fixture {
	struct driver driver;
	struct driver_queue dq;
	struct virtqueue q;
	struct virtqueue_chain chain;
	uint64_t buffer; /* 4 KiB of guest memory */
};

static struct fixture f;

static int setup(void **state)
{
	(void)state;
	memset(&f, 0, sizeof(f));
	driver_init(&f.driver);
	f.q.event_idx = true;
	f.q.indirect = true;
	virtqueue_reset(&f.q, VIRTQUEUE_SIZE_MAX);
	driver_queue_init(&f.dq, &f.driver, &f.q, SIZE);
	f.buffer = driver_alloc(&f.driver, 4096, 4096);
	return virtqueue_map(&f.q, &f.driver.memory);
}

static int teardown(void **state)
{
	(void)state;
	driver_destroy(&f.driver);
	return 0;
}

static int pop(void)
{
	return virtqueue_pop(&f.q, &f.chain);
}

static void assert_broken(const char *word)
{
	assert_int_equal(pop(), -1);
	assert_non_null(f.q.broken);
	assert_non_null(strstr(f.q.broken, word));
	assert_int_equal(pop(), -1); /* and stays so */
}

static void test_empty(void **state)
{
	(void)state;
	assert_int_equal(pop(), 0);
	assert_null(f.q.broken);
}

static void test_chain(void **state)
{
	uint32_t id, len;

	(void)state;
	driver_describe(&f.dq, 3, f.buffer, 10, NEXT, 5);
	driver_describe(&f.dq, 5, f.buffer + 100, 20, NEXT, 1);
	driver_describe(&f.dq, 1, f.buffer + 200, 30, NEXT | WRITE, 0);
	driver_describe(&f.dq, 0, f.buffer + 300, 40, WRITE, 7);
	assert_int_equal(virtqueue_waiting(&f.q), 0);
	driver_offer(&f.dq, 3);
	assert_int_equal(pop(), 1);
	assert_int_equal(virtqueue_waiting(&f.q), 1);
	assert_int_equal(f.chain.head, 3);
	assert_int_equal(f.chain.readable, 2);
	assert_int_equal(f.chain.writable, 2);
	assert_int_equal(f.chain.readable_bytes, 30);
	assert_int_equal(f.chain.writable_bytes, 70);
	assert_ptr_equal(f.chain.iov[1].iov_base, driver_host(&f.driver, f.buffer + 100));
	assert_ptr_equal(chain_writable(&f.chain)[1].iov_base,
			 driver_host(&f.driver, f.buffer + 300));
	assert_int_equal(pop(), 0);

	virtqueue_push(&f.q, 3, 55);
	assert_false(driver_take(&f.dq, &id, &len)); /* not yet published */
	virtqueue_publish(&f.q);
	assert_true(driver_take(&f.dq, &id, &len));
	assert_int_equal(id, 3);
	assert_int_equal(len, 55);
	assert_int_equal(virtqueue_waiting(&f.q), 0);
	virtqueue_reset(&f.q, SIZE);
	assert_int_equal(virtqueue_waiting(&f.q), -1); /* not in use */
}

/* More chains than a 16-bit index counts: nothing may be lost or come twice. */
static void test_wraparound(void **state)
{
	uint32_t id, len;

	(void)state;
	for (uint32_t i = 0; i < 0x10000 + 3 * SIZE; i++) {
		uint16_t head = i % SIZE;

		driver_describe(&f.dq, head, f.buffer, 1 + i % 100, WRITE, 0);
		driver_offer(&f.dq, head);
		assert_int_equal(pop(), 1);
		assert_int_equal(f.chain.head, head);
		assert_int_equal(f.chain.writable_bytes, 1 + i % 100);
		virtqueue_push(&f.q, head, i);
		virtqueue_publish(&f.q);
		assert_true(driver_take(&f.dq, &id, &len));
		assert_int_equal(id, head);
		assert_int_equal(len, i);
	}
}

static void test_unpop(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < 3; i++) {
		driver_describe(&f.dq, i, f.buffer, 10, 0, 0);
		driver_offer(&f.dq, i);
	}
	for (int i = 0; i < 3; i++)
		assert_int_equal(pop(), 1);
	virtqueue_unpop(&f.q, 2);
	assert_int_equal(pop(), 1);
	assert_int_equal(f.chain.head, 1);
	assert_int_equal(pop(), 1);
	assert_int_equal(f.chain.head, 2);
	assert_int_equal(pop(), 0);
	assert_int_equal(f.q.chains, 3);
}

static void test_index_ran_ahead(void **state)
{
	(void)state;
	f.dq.available->idx = SIZE + 1;
	assert_int_equal(virtqueue_waiting(&f.q), -1);
	assert_broken("ahead");
}

static void test_full_ring(void **state)
{
	(void)state;
	driver_describe(&f.dq, 0, f.buffer, 1, 0, 0);
	for (int i = 0; i < SIZE; i++)
		driver_offer(&f.dq, 0);
	for (int i = 0; i < SIZE; i++)
		assert_int_equal(pop(), 1);
	assert_int_equal(pop(), 0);
}

static void test_head_outside(void **state)
{
	(void)state;
	driver_offer(&f.dq, SIZE);
	assert_broken("outside");
}

static void test_next_outside(void **state)
{
	(void)state;
	driver_describe(&f.dq, 0, f.buffer, 1, NEXT, 0xffff);
	driver_offer(&f.dq, 0);
	assert_broken("outside");
}

static void test_loop(void **state)
{
	(void)state;
	driver_describe(&f.dq, 0, f.buffer, 1, NEXT, 1);
	driver_describe(&f.dq, 1, f.buffer, 1, NEXT, 0);
	driver_offer(&f.dq, 0);
	assert_broken("longer");
}

static void test_longest_chain(void **state)
{
	(void)state;
	for (uint16_t i = 0; i < SIZE; i++)
		driver_describe(&f.dq, i, f.buffer, 1, i + 1 < SIZE ? NEXT : 0, i + 1);
	driver_offer(&f.dq, 0);
	assert_int_equal(pop(), 1);
	assert_int_equal(f.chain.readable, SIZE);
}

static void test_address_outside(void **state)
{
	const struct {
		uint64_t gpa;
		uint32_t len;
	} bad[] = {
		{DRIVER_MEMORY, 1}, {DRIVER_MEMORY - 1, 2},
		{UINT64_MAX, 1},    {UINT64_MAX - 1, 16}, /* wraps */
		{0, 0xffffffff},    {1ULL << 63, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f.q.broken = NULL;
		driver_describe(&f.dq, 0, bad[i].gpa, bad[i].len, 0, 0);
		f.dq.available->idx = f.q.state.next_available;
		driver_offer(&f.dq, 0);
		assert_broken("not in memory");
	}
}

static void test_last_byte(void **state)
{
	(void)state;
	driver_describe(&f.dq, 0, DRIVER_MEMORY - 1, 1, 0, 0);
	driver_offer(&f.dq, 0);
	assert_int_equal(pop(), 1);
}

static void test_zero_length(void **state)
{
	(void)state;
	driver_describe(&f.dq, 0, f.buffer, 0, 0, 0);
	driver_offer(&f.dq, 0);
	assert_broken("empty");
}

static void test_readable_after_writable(void **state)
{
	(void)state;
	driver_describe(&f.dq, 0, f.buffer, 1, WRITE | NEXT, 1);
	driver_describe(&f.dq, 1, f.buffer, 1, 0, 0);
	driver_offer(&f.dq, 0);
	assert_broken("behind a writable");
}

/* Write an indirect table of n descriptors, off its alignment as 2.7.5.3 allows. */
static uint64_t indirect_table(const struct vring_desc *d, size_t n)
{
	uint64_t gpa = f.buffer + 1024 + 1;

	memcpy(driver_host(&f.driver, gpa), d, n * sizeof(*d));
	return gpa;
}

static void offer_indirect(const struct vring_desc *d, size_t n, uint32_t bytes, uint16_t flags)
{
	driver_describe(&f.dq, 2, indirect_table(d, n), bytes, INDIRECT | flags, 0);
	driver_offer(&f.dq, 2);
}

static void test_indirect(void **state)
{
	const struct vring_desc table[] = {
		{f.buffer, 5, NEXT, 2},
		{f.buffer + 50, 7, WRITE, 0},
		{f.buffer + 20, 6, NEXT, 1},
	};

	(void)state;
	offer_indirect(table, 3, sizeof(table), 0);
	assert_int_equal(pop(), 1);
	assert_int_equal(f.chain.head, 2);
	assert_int_equal(f.chain.readable_bytes, 11);
	assert_int_equal(f.chain.writable_bytes, 7);
}

/* A direct part before the indirect one is allowed (2.7.5.3.2). */
static void test_direct_then_indirect(void **state)
{
	const struct vring_desc table[] = {{f.buffer, 5, WRITE, 0}};

	(void)state;
	driver_describe(&f.dq, 0, f.buffer, 3, NEXT, 2);
	driver_describe(&f.dq, 2, indirect_table(table, 1), sizeof(table), INDIRECT, 0);
	driver_offer(&f.dq, 0);
	assert_int_equal(pop(), 1);
	assert_int_equal(f.chain.readable, 1);
	assert_int_equal(f.chain.writable, 1);
}

static void test_indirect_in_indirect(void **state)
{
	const struct vring_desc table[] = {{f.buffer, 16, INDIRECT, 0}};

	(void)state;
	offer_indirect(table, 1, sizeof(table), 0);
	assert_broken("in an indirect");
}

/* A table that is the ring's own table must not be taken for the ring's. */
static void test_indirect_to_itself(void **state)
{
	(void)state;
	driver_describe(&f.dq, 0, f.dq.descriptors_gpa, 16, INDIRECT, 0);
	driver_offer(&f.dq, 0);
	assert_broken("in an indirect");
}

static void test_indirect_loop(void **state)
{
	const struct vring_desc table[] = {{f.buffer, 1, NEXT, 0}};

	(void)state;
	offer_indirect(table, 1, sizeof(table), 0);
	assert_broken("longer");
}

static void test_indirect_bad(void **state)
{
	const struct vring_desc table[] = {{f.buffer, 1, NEXT, 1}};

	(void)state;
	offer_indirect(table, 1, sizeof(table), 0);
	assert_broken("outside");
	f.q.broken = NULL;
	f.dq.available->idx = f.q.state.next_available;
	offer_indirect(table, 1, sizeof(table) + 1, 0);
	assert_broken("whole number");
	f.q.broken = NULL;
	f.dq.available->idx = f.q.state.next_available;
	offer_indirect(table, 1, 0, 0);
	assert_broken("empty");
	f.q.broken = NULL;
	f.dq.available->idx = f.q.state.next_available;
	offer_indirect(table, 1, sizeof(table), NEXT);
	assert_broken("next");
	f.q.broken = NULL;
	f.q.indirect = false;
	f.dq.available->idx = f.q.state.next_available;
	offer_indirect(table, 1, sizeof(table), 0);
	assert_broken("feature is off");
}

static void test_map_refuses(void **state)
{
	const struct virtqueue_state good = f.q.state;
	const struct {
		uint64_t descriptors, available, used;
		uint16_t size;
	} bad[] = {
		{good.descriptors_gpa + 8, good.available_gpa, good.used_gpa, SIZE},
		{good.descriptors_gpa, good.available_gpa + 1, good.used_gpa, SIZE},
		{good.descriptors_gpa, good.available_gpa, good.used_gpa + 2, SIZE},
		{DRIVER_MEMORY - 16, good.available_gpa, good.used_gpa, SIZE},
		{good.descriptors_gpa, DRIVER_MEMORY - 2, good.used_gpa, SIZE},
		{good.descriptors_gpa, good.available_gpa, UINT64_MAX - 3, SIZE},
		{good.descriptors_gpa, good.available_gpa, good.used_gpa, 0},
		{good.descriptors_gpa, good.available_gpa, good.used_gpa, 6},
		{good.descriptors_gpa, good.available_gpa, good.used_gpa, 512},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		f.q.broken = NULL;
		f.q.state.descriptors_gpa = bad[i].descriptors;
		f.q.state.available_gpa = bad[i].available;
		f.q.state.used_gpa = bad[i].used;
		f.q.state.size = bad[i].size;
		assert_int_equal(virtqueue_map(&f.q, &f.driver.memory), -1);
		assert_non_null(f.q.broken);
		assert_false(f.q.state.enabled);
	}
}

static void push_one(void)
{
	virtqueue_push(&f.q, 0, 0);
	virtqueue_publish(&f.q);
}

static void test_signal_flags(void **state)
{
	(void)state;
	f.q.event_idx = false;
	push_one();
	assert_true(virtqueue_wants_signal(&f.q));
	f.dq.available->flags = VRING_AVAIL_F_NO_INTERRUPT;
	push_one();
	assert_false(virtqueue_wants_signal(&f.q));
	assert_int_equal(f.q.signals, 1);
	assert_int_equal(f.q.signals_suppressed, 1);
}

static void test_signal_event_idx(void **state)
{
	(void)state;
	driver_set_used_event(&f.dq, 100);
	push_one();
	assert_true(virtqueue_wants_signal(&f.q)); /* the first time, to be safe */
	push_one();
	assert_false(virtqueue_wants_signal(&f.q));
	driver_set_used_event(&f.dq, 2); /* "tell me when entry 2 is used" */
	push_one();
	assert_true(virtqueue_wants_signal(&f.q));
	push_one();
	assert_false(virtqueue_wants_signal(&f.q));
	/* Several at once, the event among them. */
	driver_set_used_event(&f.dq, 6);
	for (int i = 0; i < 5; i++)
		push_one();
	assert_true(virtqueue_wants_signal(&f.q));
}

static void test_signal_event_idx_wraps(void **state)
{
	(void)state;
	f.q.state.next_used = 0xfffe;
	f.q.signalled_used = 0xfffe;
	f.q.signalled_valid = true;
	driver_set_used_event(&f.dq, 0);
	push_one();
	assert_false(virtqueue_wants_signal(&f.q)); /* 0xffff */
	push_one();
	assert_false(virtqueue_wants_signal(&f.q)); /* 0 */
	push_one();
	assert_true(virtqueue_wants_signal(&f.q)); /* 1: entry 0 is used */
}

static void test_kicks_flags(void **state)
{
	(void)state;
	f.q.event_idx = false;
	virtqueue_kicks_off(&f.q);
	assert_int_equal(f.dq.used->flags, VRING_USED_F_NO_NOTIFY);
	assert_false(virtqueue_kicks_on(&f.q));
	assert_int_equal(f.dq.used->flags, 0);
}

static void test_kicks_event_idx(void **state)
{
	(void)state;
	driver_describe(&f.dq, 0, f.buffer, 1, 0, 0);
	driver_offer(&f.dq, 0);
	assert_true(virtqueue_kicks_on(&f.q)); /* one has come meanwhile */
	assert_int_equal(pop(), 1);
	assert_false(virtqueue_kicks_on(&f.q));
	assert_int_equal(driver_available_event(&f.dq), 1);
	virtqueue_kicks_off(&f.q);
	driver_offer(&f.dq, 0);
	assert_int_equal(pop(), 1);
	assert_int_equal(driver_available_event(&f.dq), 1); /* left behind: no kick for it */
}

/* A queue never enabled: nothing is popped, nothing is written through null pointers. */
static void test_disabled(void **state)
{
	struct virtqueue q = {0};

	(void)state;
	virtqueue_reset(&q, SIZE);
	assert_int_equal(virtqueue_pop(&q, &f.chain), 0);
	virtqueue_kicks_off(&q);
	assert_false(virtqueue_kicks_on(&q));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_empty),
		TEST(test_chain),
		TEST(test_wraparound),
		TEST(test_unpop),
		TEST(test_index_ran_ahead),
		TEST(test_full_ring),
		TEST(test_head_outside),
		TEST(test_next_outside),
		TEST(test_loop),
		TEST(test_longest_chain),
		TEST(test_address_outside),
		TEST(test_last_byte),
		TEST(test_zero_length),
		TEST(test_readable_after_writable),
		TEST(test_indirect),
		TEST(test_direct_then_indirect),
		TEST(test_indirect_in_indirect),
		TEST(test_indirect_to_itself),
		TEST(test_indirect_loop),
		TEST(test_indirect_bad),
		TEST(test_map_refuses),
		TEST(test_signal_flags),
		TEST(test_signal_event_idx),
		TEST(test_signal_event_idx_wraps),
		TEST(test_kicks_flags),
		TEST(test_kicks_event_idx),
		TEST(test_disabled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
