/*
 * Requests of any protocol: by change of direction, cut into segments, lost, repeated and out
 * of order; and which protocol a connection speaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tracer/conversation.h"
#include "tracer/exchanges.h"

#define CLIENT DIRECTION_REQUEST
#define SERVER DIRECTION_REPLY

static struct {
	struct exchanges *exchanges;
	enum protocol protocol;
	struct conversation c;
} t;

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.exchanges = exchanges_create(conversation_found, &t.c, 4);
	t.protocol = PROTOCOL_PING_PONG;
	conversation_begin(&t.c, 6379);
	return t.exchanges ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	exchanges_destroy(t.exchanges);
	return 0;
}

static void segment(enum strata_direction d, uint32_t seq, const char *bytes, uint32_t len,
		    unsigned int flags)
{
	struct strata_wire w =
		conversation_segment(&t.c, d, seq, bytes, len, flags, WIRE_PAYLOAD_MAX);

	assert_int_equal(exchanges_feed(t.exchanges, t.protocol, &w), 0);
}

static void says(enum strata_direction d, const char *text)
{
	uint32_t n = (uint32_t)strlen(text);

	segment(d, t.c.seq[d], text, n, 0);
	t.c.seq[d] += n;
}

/* The n-th that was found, from byte to byte. */
static void expect(unsigned int n, uint32_t from, uint32_t to, uint32_t reply_from,
		   uint32_t reply_to)
{
	const struct http_request *r =
		conversation_expect(&t.c, n, from, to, reply_from, reply_to);

	assert_int_equal(r->protocol, PROTOCOL_PING_PONG);
}

static void test_turns(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		says(CLIENT, "ping\r\n");
		assert_int_equal(t.c.count, i);
		says(SERVER, "pong!\r\n");
	}
	exchanges_finish(t.exchanges);
	assert_int_equal(t.c.count, 3);
	for (unsigned int i = 0; i < 3; i++) {
		expect(i, 1000 + 6 * i, 1006 + 6 * i, 900000 + 7 * i, 900007 + 7 * i);
		assert_int_equal(t.c.found[i].index, i);
		assert_int_equal(t.c.found[i].request_last_ns + 1000,
				 t.c.found[i].reply_first_ns);
	}
}

/* Where sequence numbers wrap, at every place of it. */
static void test_many_segments_and_wrap(void **state)
{
	for (uint32_t before = 0; before < 40; before++) {
		teardown(state);
		setup(state);
		t.c.seq[CLIENT] = t.c.seq[SERVER] = 0u - before;
		for (int i = 0; i < 4; i++)
			says(CLIENT, "part.");
		for (int i = 0; i < 5; i++)
			says(SERVER, "answer.");
		says(CLIENT, "next");
		assert_int_equal(t.c.count, 1);
		expect(0, 0u - before, 20u - before, 0u - before, 35u - before);
		assert_int_equal(t.c.found[0].request_last_ns - t.c.found[0].request_first_ns,
				 3000);
		assert_int_equal(t.c.found[0].reply_last_ns - t.c.found[0].reply_first_ns,
				 4000);
	}
}

static void test_greeting_is_nobodys(void **state)
{
	(void)state;
	says(SERVER, "220 ready\r\n");
	says(CLIENT, "EHLO x\r\n");
	says(SERVER, "250 ok\r\n");
	exchanges_finish(t.exchanges);
	assert_int_equal(t.c.count, 1);
	expect(0, 1000, 1008, 900011, 900019);
}

static void test_repeated_and_out_of_order(void **state)
{
	(void)state;
	says(CLIENT, "question");
	segment(CLIENT, 1000, "question", 8, 0);
	segment(SERVER, 900004, "behind", 6, 0);
	segment(SERVER, 900000, "lost", 4, 0);
	segment(CLIENT, 1000, "question", 8, 0); /* late: the client does not go on */
	segment(SERVER, 900010, "end", 3, 0);
	exchanges_finish(t.exchanges);
	assert_int_equal(t.c.count, 1);
	expect(0, 1000, 1008, 900004, 900013);
	assert_int_equal(exchanges_stats(t.exchanges).retransmitted, 3);
}

/* The same, but part of the segment is new. */
static void test_overlap_and_hole(void **state)
{
	(void)state;
	says(CLIENT, "question");
	segment(CLIENT, 1004, "tionmore", 8, 0);
	segment(SERVER, 900000, "a", 1, 0);
	segment(SERVER, 900101, "b", 1, 0); /* 100 bytes were not seen */
	exchanges_finish(t.exchanges);
	assert_int_equal(t.c.count, 1);
	expect(0, 1000, 1012, 900000, 900102);
}

static void test_ends(void **state)
{
	(void)state;
	/* by silence, but not while the server thinks */
	says(CLIENT, "slow?");
	exchanges_idle(t.exchanges, t.c.now_ns + 20000000000u);
	assert_int_equal(t.c.count, 0);
	says(SERVER, "yes");
	exchanges_idle(t.exchanges, t.c.now_ns + 1000000000u);
	assert_int_equal(t.c.count, 0);
	exchanges_idle(t.exchanges, t.c.now_ns + 3000000000u);
	assert_int_equal(t.c.count, 1);
	/* by FIN with the last bytes, and without any */
	t.c.flow = 78;
	says(CLIENT, "bye");
	segment(SERVER, t.c.seq[SERVER], "bye", 3, EVENT_FIN);
	assert_int_equal(t.c.count, 2);
	t.c.flow = 79;
	says(CLIENT, "bye");
	says(SERVER, "bye");
	segment(CLIENT, t.c.seq[CLIENT], "", 0, EVENT_FIN);
	assert_int_equal(t.c.count, 3);
	/* the client has said all, and still waits */
	t.c.flow = 80;
	segment(CLIENT, t.c.seq[CLIENT], "all", 3, EVENT_FIN);
	assert_int_equal(t.c.count, 3);
	says(SERVER, "this");
	segment(SERVER, t.c.seq[SERVER], "", 0, EVENT_FIN);
	assert_int_equal(t.c.count, 4);
	assert_int_equal(t.c.found[3].reply_bytes, 4);
}

static void test_unanswered(void **state)
{
	(void)state;
	says(CLIENT, "hello?");
	segment(SERVER, t.c.seq[SERVER], "", 0, EVENT_FIN);
	assert_int_equal(t.c.count, 1);
	assert_false(t.c.found[0].answered);
}

static void test_ports_used_again(void **state)
{
	(void)state;
	says(CLIENT, "one");
	says(SERVER, "1");
	segment(SERVER, t.c.seq[SERVER], "", 0, EVENT_FIN);
	t.c.seq[CLIENT] += 50000000; /* another connection, three seconds later */
	t.c.seq[SERVER] += 60000000;
	says(CLIENT, "two");
	says(SERVER, "2");
	/* and one whose predecessor's end nobody saw */
	t.c.seq[CLIENT] += 1u << 30;
	t.c.seq[SERVER] -= 1u << 30;
	says(CLIENT, "three");
	says(SERVER, "3");
	exchanges_finish(t.exchanges);
	assert_int_equal(t.c.count, 3);
	assert_int_equal(t.c.found[1].request_bytes, 3);
	assert_int_equal(t.c.found[1].reply_bytes, 1);
	assert_int_equal(t.c.found[2].request_bytes, 5);
	assert_int_equal(t.c.found[2].reply_bytes, 1);
}

static void test_memory_is_bounded(void **state)
{
	(void)state;
	t.protocol = PROTOCOL_AUTO;
	for (t.c.flow = 1; t.c.flow <= 40; t.c.flow++)
		says(CLIENT, "hello");
	assert_int_equal(exchanges_stats(t.exchanges).evicted, 36);
	assert_int_equal(t.c.count, 36);
}

/* ---- which protocol ---- */

#define GET "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK3 "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"

static void test_auto(void **state)
{
	(void)state;
	t.protocol = PROTOCOL_AUTO;
	says(CLIENT, GET);
	says(SERVER, OK3);
	assert_int_equal(t.c.count, 1);
	assert_int_equal(t.c.found[0].protocol, PROTOCOL_HTTP);
	assert_string_equal(t.c.found[0].path, "/a");
	t.c.flow = 78;
	t.c.seq[CLIENT] = 1000;
	t.c.seq[SERVER] = 900000;
	says(CLIENT, "*1\r\n$4\r\nPING\r\n");
	says(SERVER, "+PONG\r\n");
	says(CLIENT, "*1\r\n$4\r\nPING\r\n");
	assert_int_equal(t.c.count, 2);
	expect(1, 1000, 1014, 900000, 900007);
	/* a start line that comes in pieces, and goes on when the other is HTTP already */
	t.c.flow = 79;
	says(CLIENT, "GE");
	says(CLIENT, "T /split HTTP/1.1\r\n\r\n");
	says(SERVER, OK3);
	assert_int_equal(t.c.count, 3);
	assert_string_equal(t.c.found[2].path, "/split");
}

/* The recording began in the middle of an upload: what was not seen whole is not a request. */
static void test_auto_from_the_middle(void **state)
{
	(void)state;
	t.protocol = PROTOCOL_AUTO;
	says(CLIENT, "ies of an upload");
	says(CLIENT, "its end");
	says(SERVER, OK3);
	says(CLIENT, GET);
	says(SERVER, OK3);
	exchanges_finish(t.exchanges);
	assert_int_equal(t.c.count, 1);
	assert_int_equal(t.c.found[0].protocol, PROTOCOL_HTTP);
	assert_int_equal(t.c.found[0].status, 200);
}

static void test_told_http_is_http(void **state)
{
	(void)state;
	t.protocol = PROTOCOL_HTTP;
	says(CLIENT, "*1\r\n$4\r\nPING\r\n");
	says(SERVER, "+PONG\r\n");
	exchanges_finish(t.exchanges);
	assert_int_equal(t.c.count, 0);
	/* and ping-pong is ping-pong, even if it looks otherwise */
	t.protocol = PROTOCOL_PING_PONG;
	says(CLIENT, GET);
	says(SERVER, OK3);
	exchanges_finish(t.exchanges);
	assert_int_equal(t.c.count, 1);
	assert_string_equal(t.c.found[0].method, "");
}

/* ---- TLS ---- */

static void plain(enum strata_direction d, const char *text, uint32_t wire_from,
		  uint32_t wire_to)
{
	uint32_t n = (uint32_t)strlen(text);
	struct strata_wire w = {.event = {.time_ns = t.c.now_ns += 1000,
					  .flow = t.c.flow,
					  .len = n,
					  .flags = EVENT_PLAIN,
					  .arg64 = (uint64_t)wire_from << 32 | wire_to,
					  .hop = d == CLIENT ? HOP_NIC_RX : HOP_NIC_QUEUE},
				.captured = (uint16_t)n};

	memcpy(w.payload, text, n);
	assert_int_equal(exchanges_feed(t.exchanges, t.protocol, &w), 0);
}

#define HELLO "\x16\x03\x01\x01\x40 a ClientHello"
#define DATA  "\x17\x03\x03\x01\x40 ciphertext"

/* Requests are found in what the application says, their ranges are those of the wire. */
static void test_tls(void **state)
{
	const struct http_request *r = t.c.found;

	(void)state;
	t.protocol = PROTOCOL_AUTO;
	exchanges_have_plaintext(t.exchanges);
	says(CLIENT, HELLO);
	says(SERVER, HELLO);
	says(CLIENT, DATA);
	plain(CLIENT, "GET /one HTTP/1.1\r\n", 1300, 1400);
	plain(CLIENT, "Host: x\r\n\r\n", 1400, 1450);
	says(SERVER, DATA);
	plain(SERVER, "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", 2000, 2100);
	assert_int_equal(t.c.count, 0);
	plain(SERVER, "abc", 2100, 2130);
	assert_int_equal(t.c.count, 1);
	plain(CLIENT, GET, 1450, 1500);
	plain(SERVER, OK3, 2130, 2200);
	exchanges_finish(t.exchanges);
	assert_int_equal(t.c.count, 2);
	assert_true(r[0].tls && r[0].request_exact && r[0].reply_exact);
	assert_string_equal(r[0].path, "/one");
	assert_int_equal(r[0].status, 200);
	assert_int_equal(r[0].request_end, 1450);
	assert_int_equal(r[0].reply_seq, 2000);
	assert_int_equal(r[0].reply_end, 2130);
	assert_int_equal(r[0].reply_bytes,
			 sizeof("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n") + 2);
	assert_int_equal(r[1].request_seq, 1450);
	assert_int_equal(r[1].request_end, 1500);
	assert_int_equal(r[1].reply_end, 2200);
	assert_string_equal(r[1].path, "/a");
}

/* The wire tells of the end, which ends what has no length. */
static void test_tls_until_close(void **state)
{
	(void)state;
	t.protocol = PROTOCOL_HTTP;
	exchanges_have_plaintext(t.exchanges);
	says(CLIENT, HELLO);
	plain(CLIENT, "GET / HTTP/1.0\r\n\r\n", 1300, 1400);
	plain(SERVER, "HTTP/1.1 200 OK\r\n\r\nall of it", 2000, 2100);
	assert_int_equal(t.c.count, 0);
	segment(SERVER, t.c.seq[SERVER], "", 0, EVENT_FIN);
	assert_int_equal(t.c.count, 1);
	assert_int_equal(t.c.found[0].reply_end, 2100);
}

/* Nobody tells what it says: by change of direction, the handshake's turns too. */
static void test_tls_unknown(void **state)
{
	(void)state;
	t.protocol = PROTOCOL_AUTO;
	says(CLIENT, HELLO);
	says(SERVER, HELLO);
	says(CLIENT, DATA);
	says(SERVER, DATA);
	exchanges_finish(t.exchanges);
	assert_int_equal(t.c.count, 2);
	assert_int_equal(t.c.found[1].protocol, PROTOCOL_PING_PONG);
	assert_false(t.c.found[1].tls);
}

static void test_names(void **state)
{
	(void)state;
	for (int i = 0; i < PROTOCOL_COUNT; i++)
		assert_int_equal(protocol_by_name(protocol_name((enum protocol)i)), i);
	assert_int_equal(protocol_by_name("gopher"), -1);
	assert_null(protocol_name(PROTOCOL_COUNT));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_turns),
		TEST(test_many_segments_and_wrap),
		TEST(test_greeting_is_nobodys),
		TEST(test_repeated_and_out_of_order),
		TEST(test_overlap_and_hole),
		TEST(test_ends),
		TEST(test_unanswered),
		TEST(test_ports_used_again),
		TEST(test_memory_is_bounded),
		TEST(test_auto),
		TEST(test_auto_from_the_middle),
		TEST(test_told_http_is_http),
		TEST(test_tls),
		TEST(test_tls_until_close),
		TEST(test_tls_unknown),
		TEST(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
