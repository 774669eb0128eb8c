/*
 * Requests on the wire: every framing of HTTP/1, cut into segments at every byte, seen in full
 * or in part, with segments lost, repeated and out of order.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/tracer/conversation.h"
#include "tracer/http.h"
#include "tracer/traceparent.h"

static struct {
	struct http *http;
	struct conversation c;
	uint32_t segment;  /* cut what is sent into segments of so many bytes; 0: not */
	uint32_t captured; /* bytes of each that are seen; 0: as many as there can be */
} t;

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.http = http_create(conversation_found, &t.c, 100);
	conversation_begin(&t.c, 80);
	return t.http ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	http_destroy(t.http);
	return 0;
}

static void segment(enum strata_direction d, uint32_t seq, const char *bytes, uint32_t len,
		    unsigned int flags)
{
	struct strata_wire w = conversation_segment(&t.c, d, seq, bytes, len, flags,
						    t.captured ? t.captured : WIRE_PAYLOAD_MAX);

	assert_int_equal(http_feed(t.http, &w), 0);
}

static void send_bytes(enum strata_direction d, const char *bytes, uint32_t len)
{
	uint32_t size = t.segment ? t.segment : len;

	for (uint32_t at = 0; at < len; at += size) {
		uint32_t n = len - at < size ? len - at : size;

		segment(d, t.c.seq[d], bytes + at, n, 0);
		t.c.seq[d] += n;
	}
}

static void client(const char *text)
{
	send_bytes(DIRECTION_REQUEST, text, (uint32_t)strlen(text));
}

static void server(const char *text)
{
	send_bytes(DIRECTION_REPLY, text, (uint32_t)strlen(text));
}

static void server_body(uint32_t bytes)
{
	char *body = malloc(bytes);

	memset(body, 'x', bytes);
	send_bytes(DIRECTION_REPLY, body, bytes);
	free(body);
}

/* The n-th request found spans these bytes and was answered with that status. */
static void expect(unsigned int n, uint32_t from, uint32_t to, uint32_t reply_from,
		   uint32_t reply_to, unsigned int status)
{
	const struct http_request *r =
		conversation_expect(&t.c, n, from, to, reply_from, reply_to);

	assert_int_equal(r->status, status);
}

#define GET "GET /a HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK3 "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"

static void test_keep_alive(void **state)
{
	uint32_t q = sizeof(GET) - 1, a = sizeof(OK3) - 1;

	(void)state;
	for (unsigned int i = 0; i < 3; i++) {
		client(GET);
		assert_int_equal(t.c.count, i);
		server(OK3);
		assert_int_equal(t.c.count, i + 1);
		expect(i, 1000 + i * q, 1000 + (i + 1) * q, 900000 + i * a,
		       900000 + (i + 1) * a, 200);
		assert_int_equal(t.c.found[i].index, i);
		assert_int_equal(t.c.found[i].new_connection, i == 0);
		assert_true(t.c.found[i].request_exact && t.c.found[i].reply_exact);
		assert_string_equal(t.c.found[i].method, "GET");
		assert_string_equal(t.c.found[i].path, "/a");
		assert_int_equal(t.c.found[i].version, 1);
		assert_true(t.c.found[i].reply_last_ns > t.c.found[i].request_last_ns);
	}
}

/* All framings in one conversation, in segments of every size. */
static void conversation(void)
{
	static const struct {
		const char *request, *reply;
		unsigned int status;
	} turns[] = {
		{GET, OK3, 200},
		{"HEAD /h HTTP/1.1\r\nHost: x\r\n\r\n",
		 "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n", 200},
		{"POST /p HTTP/1.1\r\nContent-Length: 11\r\n\r\nhello world",
		 "HTTP/1.1 204 No Content\r\n\r\n", 204},
		{"PUT /c HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
		 "5;ext=1\r\nhello\r\nA\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n",
		 "HTTP/1.1 304 Not Modified\r\nContent-Length: 99\r\n\r\n", 304},
		{"\r\nGET /blank HTTP/1.1\nHost: bare-lf\n\n",
		 "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n"
		 "3\r\nGET\r\n1a\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
		 200},
		{"POST /e HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nok",
		 "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n",
		 201},
	};
	uint32_t q = t.c.seq[0], a = t.c.seq[1];

	for (unsigned int i = 0; i < 6; i++) {
		uint32_t blank = i == 4 ? 2 : 0; /* the empty line before is no part of it */
		uint32_t interim = i == 5 ? 25 : 0;

		client(turns[i].request);
		server(turns[i].reply);
		assert_int_equal(t.c.count, i + 1);
		expect(i, q + blank, q + (uint32_t)strlen(turns[i].request), a + interim,
		       a + (uint32_t)strlen(turns[i].reply), turns[i].status);
		q = t.c.seq[0];
		a = t.c.seq[1];
	}
	assert_int_equal(http_stats(t.http).resynced, 0);
}

static void test_every_segmentation(void **state)
{
	for (uint32_t size = 1; size < 130; size++) {
		teardown(state);
		setup(state);
		t.segment = size;
		conversation();
	}
	/* and where sequence numbers wrap at every place of it */
	for (uint32_t before = 0; before < 500; before += 3) {
		teardown(state);
		setup(state);
		t.c.seq[0] = t.c.seq[1] = 0u - before;
		conversation();
	}
}

static void test_pipelining(void **state)
{
	uint32_t q = sizeof(GET) - 1, a = sizeof(OK3) - 1;

	(void)state;
	client(GET GET GET);
	assert_int_equal(t.c.count, 0);
	server(OK3 OK3 OK3);
	assert_int_equal(t.c.count, 3);
	for (unsigned int i = 0; i < 3; i++)
		expect(i, 1000 + i * q, 1000 + (i + 1) * q, 900000 + i * a,
		       900000 + (i + 1) * a, 200);
}

static void test_large_reply_mostly_unseen(void **state)
{
	(void)state;
	t.segment = 65160; /* as TSO sends them */
	client(GET);
	server("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
	server_body(1000000);
	assert_int_equal(t.c.count, 1);
	assert_int_equal(t.c.found[0].reply_end, t.c.seq[1]);
	assert_true(t.c.found[0].reply_exact);
	/* headers and body in one segment, and the next reply right behind it */
	client(GET GET);
	t.segment = 0;
	{
		static char text[3000];
		int n = snprintf(text, sizeof(text),
				 "HTTP/1.1 200 OK\r\nContent-Length: 2000\r\n\r\n");

		memset(text + n, 'y', 2000);
		send_bytes(DIRECTION_REPLY, text, (uint32_t)n + 2000);
	}
	assert_int_equal(t.c.count, 2);
	server(OK3);
	assert_int_equal(t.c.count, 3);
	assert_int_equal(t.c.found[2].reply_end, t.c.seq[1]);
}

/* Headers longer than what is captured: the other direction tells the ends. */
static void test_ends_by_direction(void **state)
{
	char text[1200];

	(void)state;
	memset(text, 'c', sizeof(text));
	memcpy(text, "GET /long HTTP/1.1\r\nCookie: ", 28);
	memcpy(text + sizeof(text) - 4, "\r\n\r\n", 4);
	send_bytes(DIRECTION_REQUEST, text, sizeof(text));
	memset(text, 's', sizeof(text));
	memcpy(text, "HTTP/1.1 200 OK\r\nSet-Cookie: ", 29);
	send_bytes(DIRECTION_REPLY, text, sizeof(text));
	server_body(700);
	assert_int_equal(t.c.count, 0);
	client(GET);
	assert_int_equal(t.c.count, 1);
	expect(0, 1000, 2200, 900000, 901900, 200);
	assert_false(t.c.found[0].request_exact);
	assert_false(t.c.found[0].reply_exact);
	server(OK3);
	assert_int_equal(t.c.count, 2);
	assert_true(t.c.found[1].request_exact && t.c.found[1].reply_exact);
}

/* Two pipelined requests, and a first reply whose end cannot be told: the second one tells. */
static void test_pipelined_replies_with_unseen_headers(void **state)
{
	char text[1200];

	(void)state;
	client(GET GET);
	memset(text, 's', sizeof(text));
	memcpy(text, "HTTP/1.1 200 OK\r\nSet-Cookie: ", 29);
	send_bytes(DIRECTION_REPLY, text, sizeof(text));
	server(OK3);
	assert_int_equal(t.c.count, 2);
	assert_int_equal(t.c.found[0].reply_end, 900000 + sizeof(text));
	assert_int_equal(t.c.found[1].reply_seq, 900000 + sizeof(text));
	assert_true(t.c.found[1].reply_exact);
}

/* A request whose end cannot be told goes on after 100 Continue. */
static void test_continue_after_unseen_headers(void **state)
{
	char text[1200];

	(void)state;
	memset(text, 'c', sizeof(text));
	memcpy(text, "POST /long HTTP/1.1\r\nCookie: ", 29);
	send_bytes(DIRECTION_REQUEST, text, sizeof(text));
	server("HTTP/1.1 100 Continue\r\n\r\n");
	client("the body");
	server(OK3);
	assert_int_equal(t.c.count, 1);
	assert_int_equal(t.c.found[0].status, 200);
	assert_int_equal(t.c.found[0].request_end, t.c.seq[0]);
}

static void test_until_close(void **state)
{
	(void)state;
	client("GET / HTTP/1.0\r\n\r\n");
	server("HTTP/1.1 200 OK\r\n\r\nall of it, ");
	segment(DIRECTION_REPLY, t.c.seq[1], "the end", 7, EVENT_FIN);
	assert_int_equal(t.c.count, 1);
	assert_int_equal(t.c.found[0].reply_end, t.c.seq[1] + 7);
	assert_int_equal(t.c.found[0].version, 0);
	/* or when nothing more comes for long */
	t.c.flow = 78;
	client("GET / HTTP/1.0\r\n\r\n");
	server("HTTP/1.1 200 OK\r\n\r\nall of it");
	http_idle(t.http, t.c.now_ns + 1000000000u);
	assert_int_equal(t.c.count, 1);
	http_idle(t.http, t.c.now_ns + 3000000000u);
	assert_int_equal(t.c.count, 2);
	assert_int_equal(t.c.found[1].reply_end, t.c.seq[1]);
	/* or at the recording's end */
	t.c.flow = 79;
	client("GET / HTTP/1.0\r\n\r\n");
	server("HTTP/1.1 200 OK\r\n\r\nall of it");
	http_finish(t.http);
	assert_int_equal(t.c.count, 3);
	assert_true(t.c.found[2].answered);
}

static void test_retransmissions(void **state)
{
	uint32_t q = sizeof(GET) - 1, a = sizeof(OK3) - 1;

	(void)state;
	client(GET);
	segment(DIRECTION_REQUEST, 1000, GET, q, 0);
	segment(DIRECTION_REQUEST, 1000, GET, 5, 0);
	segment(DIRECTION_REPLY, 900000, OK3, 10, 0);
	segment(DIRECTION_REPLY, 900000, OK3, a, 0); /* the same bytes and more */
	segment(DIRECTION_REPLY, 900000, OK3, a, 0);
	assert_int_equal(t.c.count, 1);
	expect(0, 1000, 1000 + q, 900000, 900000 + a, 200);
	assert_int_equal(http_stats(t.http).retransmitted, 3);
}

static void test_lost_segments(void **state)
{
	(void)state;
	/* in a counted body a hole changes nothing */
	client(GET);
	server("HTTP/1.1 200 OK\r\nContent-Length: 3000\r\n\r\n");
	t.c.seq[1] += 1448;
	server_body(3000 - 1448);
	assert_int_equal(t.c.count, 1);
	assert_int_equal(t.c.found[0].reply_end, t.c.seq[1]);
	/* a whole reply missing: its request goes unanswered, the next one does not */
	client(GET);
	t.c.seq[1] += 500;
	client(GET);
	server(OK3);
	assert_int_equal(t.c.count, 3);
	assert_false(t.c.found[1].answered);
	assert_true(t.c.found[2].answered);
	assert_int_equal(t.c.found[2].reply_seq, t.c.seq[1] - (sizeof(OK3) - 1));
	assert_int_equal(http_stats(t.http).resynced, 1);
	/* a request missing: the reply is nobody's */
	t.c.seq[0] += 100;
	server(OK3);
	assert_int_equal(t.c.count, 3);
	client(GET);
	server(OK3);
	assert_int_equal(t.c.count, 4);
	assert_true(t.c.found[3].answered);
	/* a reply and another request missing: the reply that comes is that one's, not the
	 * first one's */
	client(GET);
	t.c.seq[0] += sizeof(GET) - 1;
	t.c.seq[1] += sizeof(OK3) - 1;
	server(OK3);
	assert_int_equal(t.c.count, 5);
	assert_false(t.c.found[4].answered);
	client(GET);
	server(OK3);
	assert_int_equal(t.c.count, 6);
	assert_true(t.c.found[5].answered);
	/* a request and its reply missing: the next one is answered all the same */
	t.c.seq[0] += sizeof(GET) - 1;
	t.c.seq[1] += sizeof(OK3) - 1;
	client(GET);
	server(OK3);
	assert_int_equal(t.c.count, 7);
	assert_true(t.c.found[6].answered);
}

static void test_joined_in_the_middle(void **state)
{
	(void)state;
	server("the rest of a reply that began before");
	client("and the body of an upload");
	server_body(3000);
	client(GET);
	server(OK3);
	assert_int_equal(t.c.count, 1);
	assert_true(t.c.found[0].answered);
	assert_false(t.c.found[0].new_connection);
}

static void test_port_used_again(void **state)
{
	(void)state;
	client(GET);
	server(OK3);
	t.c.seq[0] += 3000000000u; /* another connection's numbers */
	t.c.seq[1] += 1000000000u;
	t.c.now_ns += 10000000000u;
	client(GET);
	server(OK3);
	assert_int_equal(t.c.count, 2);
	assert_true(t.c.found[1].new_connection);
	assert_true(t.c.found[1].answered);
	assert_int_equal(t.c.found[1].index, 0);
}

static void test_early_reply(void **state)
{
	(void)state;
	client("POST /big HTTP/1.1\r\nContent-Length: 100000\r\n\r\n");
	server("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n");
	assert_int_equal(t.c.count, 1);
	assert_int_equal(t.c.found[0].status, 413);
	assert_int_equal(t.c.found[0].request_end, t.c.seq[0]);
	assert_false(t.c.found[0].request_exact);
}

static void test_unanswered(void **state)
{
	(void)state;
	client(GET);
	client("GET /cut");
	http_finish(t.http);
	assert_int_equal(t.c.count, 1); /* half a request line is no request */
	assert_false(t.c.found[0].answered);
	assert_int_equal(t.c.found[0].request_end, 1000 + sizeof(GET) - 1);
}

static void test_connections_are_bounded(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		t.c.flow = 5000 + i * 131;
		t.c.seq[0] = t.c.seq[1] = i;
		client(GET);
		if (t.c.count > 30)
			t.c.count = 0;
	}
	assert_int_equal(http_stats(t.http).evicted, 900);
	assert_int_equal(http_stats(t.http).requests, 900); /* handed out, unanswered */
}

static void test_paths_are_printable(void **state)
{
	(void)state;
	client("GET /\033[31m\xff?q=1 HTTP/1.1\r\n\r\n");
	server(OK3);
	assert_string_equal(t.c.found[0].path, "/?[31m??q=1");
}

#define TRACE_ID  "0af7651916cd43dd8448eb211c80319c"
#define PARENT_ID "b7ad6b7169203331"

static void test_traceparent(void **state)
{
	static const uint8_t parent[] = {0xb7, 0xad, 0x6b, 0x71, 0x69, 0x20, 0x33, 0x31};

	(void)state;
	t.segment = 10;
	client("GET /a HTTP/1.1\r\nTraceParent:  00-" TRACE_ID "-" PARENT_ID "-01 \r\n\r\n");
	server(OK3);
	client("GET /b HTTP/1.1\r\n\r\n");
	server(OK3);
	client("GET /c HTTP/1.1\r\ntraceparent: 00-" TRACE_ID "-" PARENT_ID
	       "-00\r\ntraceparent: 00-" TRACE_ID "-" PARENT_ID "-00\r\n\r\n");
	server(OK3);
	assert_int_equal(t.c.count, 3);
	assert_true(t.c.found[0].trace.valid);
	assert_int_equal(t.c.found[0].trace.trace_id[0], 0x0a);
	assert_int_equal(t.c.found[0].trace.trace_id[15], 0x9c);
	assert_memory_equal(t.c.found[0].trace.parent_id, parent, sizeof(parent));
	assert_int_equal(t.c.found[0].trace.flags, TRACEPARENT_SAMPLED);
	assert_false(t.c.found[1].trace.valid); /* not the one before */
	assert_false(t.c.found[2].trace.valid); /* two are none */
}

static void test_traceparent_values(void **state)
{
	static const struct {
		const char *value;
		bool valid;
	} rows[] = {
		{"00-" TRACE_ID "-" PARENT_ID "-01", true},
		{"00-" TRACE_ID "-" PARENT_ID "-01\t", true},
		{"00-" TRACE_ID "-" PARENT_ID "-01-more", false},
		{"00-" TRACE_ID "-" PARENT_ID "-01 more", false},
		{"cc-" TRACE_ID "-" PARENT_ID "-01", true},
		{"cc-" TRACE_ID "-" PARENT_ID "-01-more", true},
		{"cc-" TRACE_ID "-" PARENT_ID "-01.more", false},
		{"ff-" TRACE_ID "-" PARENT_ID "-01", false},
		{"00-" TRACE_ID "-" PARENT_ID "-0", false},
		{"00-" TRACE_ID "-" PARENT_ID "-0g", false},
		{"00-0AF7651916cd43dd8448eb211c80319c-" PARENT_ID "-01", false},
		{"00-00000000000000000000000000000000-" PARENT_ID "-01", false},
		{"00-" TRACE_ID "-0000000000000000-01", false},
		{"00." TRACE_ID "-" PARENT_ID "-01", false},
		{"00-" TRACE_ID "." PARENT_ID "-01", false},
		{"00-" TRACE_ID "-" PARENT_ID ".01", false},
		{"", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct traceparent p;

		assert_int_equal(traceparent_parse(&p, rows[i].value), rows[i].valid);
		assert_int_equal(p.valid, rows[i].valid);
	}
}

static void test_nonsense(void **state)
{
	struct strata_wire w = {.event = {.hop = HOP_COUNT, .len = 10}, .captured = 10};

	(void)state;
	assert_int_equal(http_feed(t.http, &w), 0);
	w.event.hop = HOP_NIC_RX;
	w.captured = 11;
	assert_int_equal(http_feed(t.http, &w), 0);
	w.captured = 10;
	w.event.len = UINT32_MAX;
	assert_int_equal(http_feed(t.http, &w), 0);
	assert_int_equal(http_stats(t.http).ignored, 3);
	client("\x16\x03\x01 this is TLS");
	client("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	server("HTTP/1.1 ");
	server("\r\n\r\n\r\n");
	http_finish(t.http);
	assert_int_equal(t.c.count, 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_keep_alive),
		TEST(test_every_segmentation),
		TEST(test_pipelining),
		TEST(test_large_reply_mostly_unseen),
		TEST(test_ends_by_direction),
		TEST(test_pipelined_replies_with_unseen_headers),
		TEST(test_continue_after_unseen_headers),
		TEST(test_until_close),
		TEST(test_retransmissions),
		TEST(test_lost_segments),
		TEST(test_joined_in_the_middle),
		TEST(test_port_used_again),
		TEST(test_early_reply),
		TEST(test_unanswered),
		TEST(test_connections_are_bounded),
		TEST(test_paths_are_printable),
		TEST(test_traceparent),
		TEST(test_traceparent_values),
		TEST(test_nonsense),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
