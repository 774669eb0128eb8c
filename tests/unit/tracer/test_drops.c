/* Packets that were dropped: counted by kind, found for the requests whose bytes they carried.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "tracer/drops.h"

static struct model *m;
static struct drops_seen *d;

static int setup(void **state)
{
	(void)state;
	m = model_create(16);
	d = drops_seen_create(2);
	return m && d ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	model_free(m);
	drops_seen_destroy(d);
	return 0;
}

static void dropped(uint64_t flow, enum strata_direction direction, uint32_t seq, uint32_t len,
		    uint32_t reason)
{
	static uint64_t now_ns = 1000;
	const struct observation o = {.time_ns = now_ns++,
				      .flow = flow,
				      .seq = seq,
				      .len = len,
				      .tid = reason,
				      .packet = 0x81000010,
				      .queue = (uint16_t)direction,
				      .hop = CONTEXT_DROP};

	assert_int_equal(drops_seen_add(d, m, &o), 0);
}

/* A request of bytes 1000 to 1100, answered by 5000 to 9000. */
static struct request joined(uint64_t flow)
{
	struct request r = {.http = {.flow = flow,
				     .answered = true,
				     .request_seq = 1000,
				     .request_end = 1100,
				     .reply_seq = 5000,
				     .reply_end = 9000}};

	drops_seen_join(d, &r);
	return r;
}

static void test_by_bytes(void **state)
{
	struct request r;

	(void)state;
	dropped(1, DIRECTION_REQUEST, 900, 100, 9);  /* the request before */
	dropped(1, DIRECTION_REQUEST, 1100, 50, 9);  /* the one behind */
	dropped(1, DIRECTION_REQUEST, 5000, 100, 9); /* the reply's numbers, the other way */
	dropped(2, DIRECTION_REQUEST, 1000, 100, 9); /* another connection */
	r = joined(1);
	assert_int_equal(r.dropped, 0);
	dropped(1, DIRECTION_REQUEST, 990, 11, 9); /* one byte of it */
	dropped(1, DIRECTION_REPLY, 8999, 5, 7);
	r = joined(1);
	assert_int_equal(r.dropped, 2);
	assert_int_equal(r.drops[0].direction, DIRECTION_REQUEST);
	assert_int_equal(r.drops[1].direction, DIRECTION_REPLY);
	assert_int_equal(r.drops[1].reason, 7);
	assert_int_equal(joined(3).dropped, 0);
	assert_int_equal(m->dropped, 6);
	assert_int_equal(m->drop_count, 2);
	assert_int_equal(m->drops[0].packets, 5);
}

static void test_bounded(void **state)
{
	struct request r;

	(void)state;
	for (uint32_t i = 0; i < 200; i++)
		dropped(1, DIRECTION_REQUEST, 1000, 100, i);
	r = joined(1);
	assert_int_equal(r.dropped, 16);
	assert_int_equal(r.drops[0].reason, 184);
	assert_int_equal(m->drop_count, MODEL_DROPS_MAX);
	assert_int_equal(m->dropped, 200);
	/* of two connections only */
	dropped(2, DIRECTION_REQUEST, 1000, 100, 1);
	dropped(3, DIRECTION_REQUEST, 1000, 100, 1);
	assert_int_equal(joined(1).dropped, 0);
	assert_int_equal(joined(2).dropped, 1);
}

static void test_sequence_numbers_wrap(void **state)
{
	struct request r = {
		.http = {.flow = 1, .request_seq = 0xffffff00, .request_end = 0x100}};

	(void)state;
	dropped(1, DIRECTION_REQUEST, 0xfffffff0, 0x20, 9);
	dropped(1, DIRECTION_REQUEST, 0x80, 0x20, 9);
	dropped(1, DIRECTION_REQUEST, 0x100, 0x20, 9);
	dropped(1, DIRECTION_REPLY, 0, 10, 9); /* nobody knows which reply's */
	drops_seen_join(d, &r);
	assert_int_equal(r.dropped, 2);
}

static void test_names(void **state)
{
	struct drop host = {.reason = 9, .place = 0x81000010}, guest = host, other = host;
	char text[64];
	json_t *meta = json_loads(
		"{\"drops\": [{\"reason\": 9, \"place\": 2164260880, \"name\": \"FULL_RING\","
		"  \"symbol\": \"tun_net_xmit\"}],"
		" \"agents\": {\"1\": {\"drops\": [{\"reason\": 9, \"place\": 2164260880,"
		"  \"name\": \"\", \"symbol\": \"evil\\u001b[2J\"}]}}}",
		0, NULL);

	(void)state;
	assert_non_null(meta);
	assert_int_equal(model_take_meta(m, meta), 0);
	json_decref(meta);
	drop_text(m, &host, text, sizeof(text));
	assert_string_equal(text, "FULL_RING in tun_net_xmit");
	guest.domain = 1;
	drop_text(m, &guest, text, sizeof(text));
	assert_string_equal(text, "reason 9 in evil?[2J");
	other.reason = 8;
	drop_text(m, &other, text, sizeof(text));
	assert_string_equal(text, "reason 8 in 0xffffffff81000010");
	assert_null(drop_reason(m, &guest));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_by_bytes),
		TEST(test_bounded),
		TEST(test_sequence_numbers_wrap),
		TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
