/*
 * The join: which observation of a connection is a request's at a hop. Observations are given
 * one by one, as no whole recording would have them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tracer/join.h"

#define FLOW       4711
#define LOOK_AGAIN 300000000 /* longer than the join waits until it looks again */

static struct {
	struct model *m;
	struct join *join;
} t;

static int setup_with(const struct join_limits *limits)
{
	json_t *meta =
		json_pack("{s:s,s:[{s:s}]}", "place", "virtio", "devices", "role", "client");

	t.m = model_create(1000);
	for (int hop = 0; hop < HOP_COUNT; hop++)
		t.m->hops[hop].events = 1;
	assert_int_equal(model_take_meta(t.m, meta), 0);
	assert_int_equal(model_conclude(t.m), 0);
	json_decref(meta);
	t.join = join_create(t.m, limits);
	return t.join ? 0 : -1;
}

static int setup(void **state)
{
	(void)state;
	return setup_with(&join_limits_default);
}

static int teardown(void **state)
{
	(void)state;
	join_destroy(t.join);
	model_free(t.m);
	return 0;
}

static void observe(enum strata_hop hop, uint64_t time_ns, uint32_t seq, uint32_t len,
		    unsigned int flags)
{
	static uint32_t packets;
	struct observation o = {.time_ns = time_ns,
				.flow = FLOW,
				.seq = seq,
				.len = len,
				.packet = ++packets,
				.hop = (uint8_t)hop,
				.flags = (uint8_t)flags};

	assert_int_equal(join_observe(t.join, &o), 0);
}

static void upto(enum strata_hop hop, uint64_t time_ns, uint32_t seq)
{
	observe(hop, time_ns, seq, 0, EVENT_UPTO);
}

/* Requests of 100 bytes from 1000, replies of 50 from 9000; on the wire at these times. */
static struct http_request request_number(unsigned int n, uint64_t asked_ns,
					  uint64_t answered_ns)
{
	struct http_request r = {.flow = FLOW,
				 .answered = true,
				 .status = 200,
				 .index = n,
				 .request_seq = 1000 + n * 100,
				 .request_end = 1100 + n * 100,
				 .reply_seq = 9000 + n * 50,
				 .reply_end = 9050 + n * 50,
				 .request_first_ns = asked_ns,
				 .request_last_ns = asked_ns,
				 .reply_first_ns = answered_ns,
				 .reply_last_ns = answered_ns};

	return r;
}

static void found(unsigned int n, uint64_t asked_ns, uint64_t answered_ns)
{
	struct http_request r = request_number(n, asked_ns, answered_ns);

	assert_int_equal(join_request(t.join, &r), 0);
}

static void finish(unsigned int requests)
{
	assert_int_equal(join_finish(t.join), 0);
	assert_int_equal(t.m->request_count, requests);
}

static void expect(unsigned int n, enum strata_hop hop, uint64_t time_ns)
{
	const struct hop_seen *seen = &t.m->requests[n].hops[hop];

	assert_true(seen->flags & HOP_SEEN);
	assert_int_equal(seen->time_ns, time_ns);
}

static void expect_none(unsigned int n, enum strata_hop hop)
{
	assert_int_equal(t.m->requests[n].hops[hop].flags, 0);
}

/* The last byte decides, however the packets are cut and merged. */
static void test_last_byte(void **state)
{
	(void)state;
	observe(HOP_CLIENT_XMIT, 10, 1000, 60, 0);
	observe(HOP_CLIENT_XMIT, 11, 1060, 40, 0);
	observe(HOP_NIC_RX, 20, 1000, 99, 0);
	observe(HOP_NIC_RX, 21, 1099, 1, 0);
	observe(HOP_VSWITCH_IN, 30, 900, 200, 0); /* one with its neighbours */
	observe(HOP_PORT_QUEUE, 40, 1100, 10, 0); /* the next one's */
	found(0, 20, 90);
	finish(1);
	expect(0, HOP_CLIENT_XMIT, 11);
	expect(0, HOP_NIC_RX, 21);
	expect(0, HOP_VSWITCH_IN, 30);
	expect_none(0, HOP_PORT_QUEUE);
}

/* Who asks has it up to the vSwitch, who serves from there on. */
static void test_vms(void **state)
{
	static const struct {
		enum strata_hop hop;
		uint8_t vm;
		uint32_t seq;
	} at[] = {{HOP_CLIENT_SEND, 2, 1000}, {HOP_NIC_RX, 2, 1000},
		  {HOP_PORT_QUEUE, 1, 1000},  {HOP_STACK_RX, 1, 1000},
		  {HOP_PORT_RX, 1, 9000},     {HOP_NIC_QUEUE, 2, 9000},
		  {HOP_NIC_RX, 0, 1100},      {HOP_PORT_QUEUE, 2, 1100}};

	(void)state;
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		const struct observation o = {.time_ns = 10 + i,
					      .flow = FLOW,
					      .seq = at[i].seq,
					      .len = at[i].seq < 9000 ? 100 : 50,
					      .hop = (uint8_t)at[i].hop,
					      .vm = at[i].vm};

		assert_int_equal(join_observe(t.join, &o), 0);
	}
	found(0, 10, 15);
	found(1, 16, 90);
	finish(2);
	assert_int_equal(t.m->requests[0].vm, 1);
	assert_int_equal(t.m->requests[0].client_vm, 2);
	assert_int_equal(t.m->requests[1].vm, 2);
	assert_int_equal(t.m->requests[1].client_vm, 0);
}

/* The first sending counts; the same bytes in another packet are a retransmission, the same
 * packet seen twice is not. */
static void test_again(void **state)
{
	struct observation twice = {.time_ns = 31,
				    .flow = FLOW,
				    .seq = 1000,
				    .len = 100,
				    .packet = 77,
				    .hop = HOP_STACK_RX};

	(void)state;
	observe(HOP_NIC_RX, 20, 1000, 100, 0);
	observe(HOP_NIC_RX, 25, 1000, 100, 0);
	observe(HOP_NIC_RX, 26, 1050, 50, 0);
	assert_int_equal(join_observe(t.join, &twice), 0);
	twice.time_ns = 32;
	assert_int_equal(join_observe(t.join, &twice), 0);
	found(0, 20, 90);
	finish(1);
	expect(0, HOP_NIC_RX, 20);
	expect(0, HOP_STACK_RX, 31);
	assert_int_equal(t.m->requests[0].retransmits, 2);
}

/* TCP sends what it kept: the same memory, but not at once. Until when it was lost, the last
 * hop that it reached knows. */
static void test_again_from_the_same_memory(void **state)
{
	struct observation o = {.time_ns = 30,
				.flow = FLOW,
				.seq = 1000,
				.len = 100,
				.packet = 77,
				.hop = HOP_CLIENT_XMIT};

	(void)state;
	assert_int_equal(join_observe(t.join, &o), 0);
	o.hop = HOP_NIC_RX;
	o.time_ns = 40;
	assert_int_equal(join_observe(t.join, &o), 0);
	o.hop = HOP_CLIENT_XMIT;
	o.time_ns = 200000030;
	assert_int_equal(join_observe(t.join, &o), 0);
	o.hop = HOP_NIC_RX;
	o.time_ns = 200000040;
	assert_int_equal(join_observe(t.join, &o), 0);
	observe(HOP_VSWITCH_IN, 200000050, 1000, 100, 0);
	found(0, 40, 200000090);
	finish(1);
	assert_int_equal(t.m->requests[0].retransmits, 1);
	assert_int_equal(t.m->requests[0].hops[HOP_NIC_RX].again_ns, 200000040);
	assert_int_equal(t.m->requests[0].hops[HOP_VSWITCH_IN].again_ns, 0);
}

/* Hops that know only how far they got. */
static void test_upto(void **state)
{
	(void)state;
	upto(HOP_APP_READ, 30, 1050); /* half of it */
	upto(HOP_APP_READ, 31, 1100);
	upto(HOP_APP_READ, 32, 1100);
	upto(HOP_CLIENT_RECV, 95, 9049);
	upto(HOP_CLIENT_RECV, 96, 9050);
	found(0, 20, 90);
	finish(1);
	expect(0, HOP_APP_READ, 31);
	expect(0, HOP_CLIENT_RECV, 96);
}

/* One of them was lost: the next request's is not taken for it. */
static void test_upto_lost(void **state)
{
	(void)state;
	observe(HOP_CLIENT_SEND, 10, 1000, 100, 0);
	observe(HOP_CLIENT_SEND, 100, 1100, 100, 0);
	upto(HOP_APP_READ, 130, 1200);
	upto(HOP_CLIENT_RECV, 196, 9100);
	found(0, 20, 90);
	found(1, 120, 190);
	finish(2);
	expect_none(0, HOP_APP_READ);
	expect_none(0, HOP_CLIENT_RECV);
	expect(1, HOP_APP_READ, 130);
	expect(1, HOP_CLIENT_RECV, 196);
}

/* A poll that began before the client sent came upon its packet all the same. */
static void test_upto_after_an_interrupt(void **state)
{
	(void)state;
	observe(HOP_NIC_IRQ, 8, 1000, 100, 0);
	upto(HOP_CLIENT_SEND, 10, 1100);
	observe(HOP_CLIENT_XMIT, 12, 1000, 100, 0);
	observe(HOP_NIC_RX, 20, 1000, 100, 0);
	found(0, 20, 90);
	finish(1);
	expect(0, HOP_CLIENT_SEND, 10);
	expect_none(0, HOP_NIC_IRQ);
}

/* A poll found the packet without an interrupt; TCP sent it again, and that had one. */
static void test_interrupt_of_the_second(void **state)
{
	(void)state;
	observe(HOP_CLIENT_XMIT, 12, 1000, 100, 0);
	observe(HOP_NIC_RX, 20, 1000, 100, 0);
	observe(HOP_NIC_IRQ, 50, 1000, 100, 0);
	observe(HOP_NIC_RX, 51, 1000, 100, 0);
	found(0, 20, 90);
	finish(1);
	expect(0, HOP_NIC_RX, 20);
	expect_none(0, HOP_NIC_IRQ);
}

/* The guest's clock is up to its error behind. */
static void test_upto_within_error(void **state)
{
	(void)state;
	t.m->domains[0].error_ns = 5;
	upto(HOP_APP_READ, 95, 1100);
	upto(HOP_NGINX_PROCESS, 96, 1100);
	found(0, 20, 90);
	finish(1);
	expect(0, HOP_APP_READ, 95);
	expect_none(0, HOP_NGINX_PROCESS);
}

/* One read serves two requests, but each is processed and answered on its own. */
static void test_pipelined(void **state)
{
	(void)state;
	observe(HOP_CLIENT_SEND, 10, 1000, 200, 0);
	upto(HOP_APP_READ, 30, 1200);
	upto(HOP_NGINX_PROCESS, 40, 1200);
	upto(HOP_NGINX_RESPOND, 41, 1200);
	observe(HOP_APP_WRITE, 42, 9000, 50, 0);
	upto(HOP_NGINX_PROCESS, 50, 1200);
	upto(HOP_NGINX_RESPOND, 51, 1200);
	observe(HOP_APP_WRITE, 52, 9050, 50, 0);
	found(0, 20, 90);
	found(1, 20, 91);
	finish(2);
	for (unsigned int n = 0; n < 2; n++) {
		expect(n, HOP_CLIENT_SEND, 10);
		expect(n, HOP_APP_READ, 30);
		expect(n, HOP_NGINX_PROCESS, 40 + 10 * n);
		expect(n, HOP_NGINX_RESPOND, 41 + 10 * n);
		expect(n, HOP_APP_WRITE, 42 + 10 * n);
	}
}

/* An interrupt or a switch that was there before the request is another's. */
static void test_unrelated(void **state)
{
	(void)state;
	observe(HOP_NIC_IRQ, 5, 1000, 100, 0);
	observe(HOP_CLIENT_XMIT, 10, 1000, 100, 0);
	observe(HOP_GUEST_IRQ, 15, 1000, 100, 0);
	upto(HOP_APP_RUN, 16, 1100);
	observe(HOP_VMM_RX_PUBLISH, 20, 1000, 100, 0);
	observe(HOP_STACK_RX, 25, 1000, 100, 0);
	found(0, 12, 90);
	finish(1);
	expect_none(0, HOP_NIC_IRQ);
	expect_none(0, HOP_GUEST_IRQ);
	expect_none(0, HOP_APP_RUN);
	expect(0, HOP_STACK_RX, 25);
}

static void test_unanswered(void **state)
{
	struct http_request r = request_number(0, 20, 0);

	(void)state;
	r.answered = false;
	observe(HOP_NIC_RX, 20, 1000, 100, 0);
	observe(HOP_NIC_XMIT, 80, 9000, 50, 0);
	assert_int_equal(join_request(t.join, &r), 0);
	finish(1);
	expect(0, HOP_NIC_RX, 20);
	expect_none(0, HOP_NIC_XMIT); /* of what reply? */
	assert_false(t.m->requests[0].complete);
}

/* A hop that comes long after the reply was on the wire is still found, within the grace. */
static void test_grace(void **state)
{
	uint64_t late = 90 + join_limits_default.grace_ns;

	(void)state;
	found(0, 20, 90);
	upto(HOP_CLIENT_RECV, late, 9050);
	assert_int_equal(t.m->request_count, 0);
	observe(HOP_NIC_RX, late + 1, 5000, 1, 0);
	assert_int_equal(t.m->request_count, 1);
	expect(0, HOP_CLIENT_RECV, late);
}

/* A reply that was lost behind the wire, until TCP's timer ran out once and again: who waits
 * for its last hop waits longer, but not for ever. */
static void test_late(void **state)
{
	uint64_t late = 90 + 3 * join_limits_default.grace_ns, at;

	(void)state;
	found(0, 20, 90);
	found(1, late + 10, late + 20);
	for (at = 100; at < late; at += 100000000)
		observe(HOP_NIC_RX, at, 500, 1, 0);
	assert_int_equal(t.m->request_count, 0);
	upto(HOP_CLIENT_RECV, late, 9050);
	at = late + 20 + join_limits_default.late_ns;
	observe(HOP_NIC_RX, late + LOOK_AGAIN, 5000, 1, 0);
	assert_int_equal(t.m->request_count, 1);
	expect(0, HOP_CLIENT_RECV, late);
	observe(HOP_NIC_RX, at, 5000, 1, 0);
	assert_int_equal(t.m->request_count, 1);
	observe(HOP_NIC_RX, at + LOOK_AGAIN, 5000, 1, 0);
	assert_int_equal(t.m->request_count, 2);
	assert_false(t.m->requests[1].hops[HOP_CLIENT_RECV].flags & HOP_SEEN);
}

/* Megabytes of one reply: its request is remembered, memory is not used up. */
static void test_long_transfer(void **state)
{
	const struct join_limits small = {.grace_ns = 1000000,
					  .observations_max = 4000,
					  .flow_max = 1000,
					  .flows_max = 10,
					  .contexts_max = 10};
	struct http_request r = request_number(0, 20, 1000000);

	teardown(state);
	setup_with(&small);
	observe(HOP_NIC_RX, 20, 1000, 100, 0);
	upto(HOP_APP_READ, 30, 1100);
	for (uint32_t i = 0; i < 100000; i++)
		observe(HOP_NIC_XMIT, 100 + i, 9000 + i * 1000, 1000, 0);
	r.reply_end = 9000 + 100000 * 1000;
	assert_int_equal(join_request(t.join, &r), 0);
	finish(1);
	expect(0, HOP_NIC_RX, 20);
	expect(0, HOP_APP_READ, 30);
	expect(0, HOP_NIC_XMIT, 100 + 99999);
	assert_true(t.m->forgotten > 98000);
}

/* And of one upload: the other way round. */
static void test_long_upload(void **state)
{
	const struct join_limits small = {.grace_ns = 1000000,
					  .observations_max = 4000,
					  .flow_max = 1000,
					  .flows_max = 10,
					  .contexts_max = 10};
	struct http_request r = request_number(0, 20, 200000);

	teardown(state);
	setup_with(&small);
	for (uint32_t i = 0; i < 100000; i++)
		observe(HOP_NIC_RX, 20 + i, 1000 + i * 1000, 1000, 0);
	observe(HOP_NIC_XMIT, 200000, 9000, 50, 0);
	r.request_end = 1000 + 100000 * 1000;
	r.request_last_ns = 20 + 99999;
	assert_int_equal(join_request(t.join, &r), 0);
	finish(1);
	expect(0, HOP_NIC_RX, 20 + 99999);
	expect(0, HOP_NIC_XMIT, 200000);
}

/* Which requests are kept, when not all can be, is a fair choice. */
static void test_fair_sample(void **state)
{
	unsigned int early = 0;

	(void)state;
	for (unsigned int n = 0; n < 10000; n++)
		found(n, 20 + n, 90 + n);
	finish(1000);
	assert_int_equal(t.m->seen, 10000);
	for (size_t i = 0; i < t.m->request_count; i++)
		early += t.m->requests[i].http.index < 5000;
	assert_in_range(early, 420, 580);
}

/* One read served two requests; the next switch to nginx is neither's. */
static void test_pipelined_read(void **state)
{
	(void)state;
	upto(HOP_SOCK_READY, 9, 1200);
	upto(HOP_APP_READ, 10, 1200);
	upto(HOP_NGINX_PROCESS, 11, 1200);
	upto(HOP_NGINX_PROCESS, 12, 1200);
	observe(HOP_APP_WRITE, 13, 9000, 100, 0);
	upto(HOP_SOCK_READY, 14, 1300);
	upto(HOP_APP_RUN, 15, 1300);
	upto(HOP_APP_READ, 16, 1300);
	found(0, 5, 40);
	found(1, 5, 40);
	finish(2);
	for (unsigned int n = 0; n < 2; n++) {
		expect(n, HOP_SOCK_READY, 9);
		expect_none(n, HOP_APP_RUN);
		expect(n, HOP_APP_READ, 10);
		expect(n, HOP_NGINX_PROCESS, 11 + n);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_last_byte),
		TEST(test_vms),
		TEST(test_pipelined_read),
		TEST(test_again),
		TEST(test_again_from_the_same_memory),
		TEST(test_upto),
		TEST(test_upto_lost),
		TEST(test_upto_after_an_interrupt),
		TEST(test_interrupt_of_the_second),
		TEST(test_upto_within_error),
		TEST(test_pipelined),
		TEST(test_unrelated),
		TEST(test_unanswered),
		TEST(test_grace),
		TEST(test_late),
		TEST(test_long_transfer),
		TEST(test_long_upload),
		TEST(test_fair_sample),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
