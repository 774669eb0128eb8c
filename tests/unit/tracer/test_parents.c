/* Requests that were made for other requests: brought together by connection and bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/parents.h"

#define ASKER 0x1122334455667788u
#define ASKED 7u

static struct parents *p;

static int setup(void **state)
{
	(void)state;
	p = parents_create(2);
	return p ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	parents_destroy(p);
	return 0;
}

static void asked(uint64_t flow, uint32_t seq, uint64_t asker, uint32_t asker_seq)
{
	const struct observation o = {.flow = flow,
				      .seq = seq,
				      .len = asker_seq,
				      .tid = (uint32_t)(asker >> 32),
				      .packet = (uint32_t)asker,
				      .hop = CONTEXT_ASKED};

	assert_int_equal(parents_add(p, &o), 0);
}

static struct request request(uint64_t flow, uint32_t seq, uint32_t end)
{
	return (struct request){.http = {.flow = flow, .request_seq = seq, .request_end = end}};
}

static struct request joined(uint64_t flow, uint32_t seq, uint32_t end)
{
	struct request r = request(flow, seq, end);

	parents_join(p, &r);
	return r;
}

static void test_by_bytes(void **state)
{
	struct request r;

	(void)state;
	asked(ASKED, 1000, ASKER, 500);
	asked(ASKED, 1100, ASKER, 600);
	r = joined(ASKED, 1000, 1100);
	assert_int_equal(r.parent_flow, ASKER);
	assert_int_equal(r.parent_seq, 500);
	assert_int_equal(joined(ASKED, 1100, 1200).parent_seq, 600);
	assert_int_equal(joined(ASKED, 1200, 1300).parent_flow, 0);
	assert_int_equal(joined(8, 1000, 1100).parent_flow, 0);
}

static void test_sequence_numbers_wrap(void **state)
{
	(void)state;
	asked(ASKED, UINT32_MAX - 9, ASKER, 3);
	assert_int_equal(joined(ASKED, UINT32_MAX - 9, 90).parent_flow, ASKER);
	assert_int_equal(joined(ASKED, 90, 190).parent_flow, 0);
}

static void test_bounded(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < 100; i++)
		asked(ASKED, 100 * i, ASKER, i);
	assert_int_equal(joined(ASKED, 0, 100).parent_flow, 0);
	assert_int_equal(joined(ASKED, 9900, 10000).parent_seq, 99);
	asked(8, 0, ASKER, 1);
	asked(9, 0, ASKER, 1); /* a third connection: the oldest goes */
	assert_int_equal(joined(ASKED, 9900, 10000).parent_flow, 0);
	assert_int_equal(joined(8, 0, 100).parent_flow, ASKER);
}

static void test_found_among_those_kept(void **state)
{
	struct request kept[] = {request(ASKER, 0, 100), request(ASKER, 100, 200),
				 request(5, 100, 200)};
	struct model m = {.requests = kept, .request_count = 3};
	struct request r = {.parent_flow = ASKER};

	(void)state;
	r.parent_seq = 200; /* read to its end */
	assert_ptr_equal(parents_find(&m, &r), &kept[1]);
	r.parent_seq = 101; /* its head, the body to follow */
	assert_ptr_equal(parents_find(&m, &r), &kept[1]);
	r.parent_seq = 100;
	assert_ptr_equal(parents_find(&m, &r), &kept[0]);
	r.parent_seq = 201;
	assert_null(parents_find(&m, &r));
	r.parent_flow = 0;
	r.parent_seq = 100;
	assert_null(parents_find(&m, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_by_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sequence_numbers_wrap, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounded, setup, teardown),
		cmocka_unit_test(test_found_among_those_kept),
	};

	return cmocka_run_group_tests_name("parents", tests, NULL, NULL);
}
