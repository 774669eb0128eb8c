/* Unit tests of the HTTP reply parser, each reply fed whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bench/load/reply.h"

struct found {
	char body[256];
	size_t len;
};

static void gather(void *ctx, const char *data, size_t len)
{
	struct found *f = ctx;

	assert_true(f->len + len < sizeof(f->body));
	memcpy(f->body + f->len, data, len);
	f->len += len;
}

/* Returns how much of the text was taken. */
static size_t feed(struct reply *r, struct found *f, const char *text, size_t piece)
{
	size_t used = 0, len = strlen(text);

	memset(f, 0, sizeof(*f));
	reply_init(r, gather, f);
	while (used < len && r->state != REPLY_DONE && r->state != REPLY_BAD) {
		size_t n = len - used < piece ? len - used : piece;

		used += reply_feed(r, text + used, n);
	}
	return used;
}

static const struct {
	const char *what, *text, *body;
	unsigned int status;
	bool ends; /* the connection's end completes it */
	bool keep_alive;
	size_t extra; /* bytes after the reply */
} good[] = {
	{"a length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, false,
	 true, 0},
	{"no reason", "HTTP/1.1 200\r\ncontent-length:5\r\n\r\nhello", "hello", 200, false,
	 true, 0},
	{"bare line feeds", "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello", "hello", 200, false,
	 true, 0},
	{"an empty body", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "", 200, false, true,
	 0},
	{"more after it", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhello", "he", 200, false,
	 true, 3},
	{"chunks",
	 "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
	 "2\r\nhe\r\n3;a=b\r\nllo\r\n0\r\nT: x\r\n\r\n",
	 "hello", 200, false, true, 0},
	{"a large chunk",
	 "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n"
	 "1A\r\nabcdefghijklmnopqrstuvwxyz\r\n0\r\n\r\n",
	 "abcdefghijklmnopqrstuvwxyz", 200, false, true, 0},
	{"until the end", "HTTP/1.1 200 OK\r\n\r\nhello", "hello", 200, true, false, 0},
	{"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello", 200, false,
	 false, 0},
	{"HTTP/1.0, kept",
	 "HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello", "hello",
	 200, false, true, 0},
	{"to be closed",
	 "HTTP/1.1 200 OK\r\nConnection: x, close\r\nContent-Length: 5\r\n\r\nhello", "hello",
	 200, false, false, 0},
	{"an interim reply",
	 "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
	 "hello", 200, false, true, 0},
	{"no content", "HTTP/1.1 204 No Content\r\n\r\n", "", 204, false, true, 0},
	{"not modified", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "", 304,
	 false, true, 0},
	{"the length twice",
	 "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\nContent-Length: 5\r\n\r\nhello", "hello",
	 200, false, true, 0},
};

static void test_good(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		for (size_t piece = 1; piece < 200; piece += 7) {
			struct reply r;
			struct found f;
			size_t used = feed(&r, &f, good[i].text, piece);

			print_message("%s, %zu bytes at a time\n", good[i].what, piece);
			assert_int_equal(r.state, good[i].ends ? REPLY_BODY_CLOSE : REPLY_DONE);
			assert_true(reply_end(&r));
			assert_int_equal(r.status, good[i].status);
			assert_int_equal(r.keep_alive, good[i].keep_alive);
			assert_int_equal(used, strlen(good[i].text) - good[i].extra);
			assert_int_equal(f.len, r.body_bytes);
			assert_string_equal(f.body, good[i].body);
		}
	}
}

static const struct {
	const char *text, *why;
} wrong[] = {
	{"220 mail.example ESMTP\r\n", "status line"},
	{"HTTP/2 200 OK\r\n", "status line"},
	{"HTTP/1.1 2000 OK\r\n", "three-digit"},
	{"HTTP/1.1 020 OK\r\n", "three-digit"},
	{"\r\n", "status line"},
	{"HTTP/1.1 200 OK\r\nno colon\r\n", "no name"},
	{"HTTP/1.1 200 OK\r\n: x\r\n", "no name"},
	{"HTTP/1.1 200 OK\r\nA B: x\r\n", "no name"},
	{"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n", "no number"},
	{"HTTP/1.1 200 OK\r\nContent-Length:\r\n", "is empty"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n", "no number"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 5, 6\r\n", "two different"},
	{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nContent-Length: 6\r\n", "two different"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n", "not \"chunked\""},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", "both"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "hexadecimal"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "hexadecimal"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
	 "beyond all bounds"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n", "longer than"},
};

static void test_wrong(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		for (size_t piece = 1; piece < 100; piece += 98) {
			struct reply r;
			struct found f;

			feed(&r, &f, wrong[i].text, piece);
			print_message("%s", wrong[i].text);
			assert_int_equal(r.state, REPLY_BAD);
			assert_non_null(strstr(r.bad, wrong[i].why));
			assert_false(reply_end(&r));
		}
	}
}

static void test_cut(void **state)
{
	static const char text[] = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				   "2\r\nhe\r\n0\r\n\r\n";
	char part[sizeof(text)];

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		struct reply r;
		struct found f;

		memcpy(part, text, len);
		part[len] = '\0';
		feed(&r, &f, part, len + 1);
		assert_false(reply_end(&r));
		assert_non_null(strstr(r.bad, "ended in the middle"));
	}
}

static void test_bounds(void **state)
{
	static char line[REPLY_LINE_MAX + 1];
	struct reply r;
	char zero[] = "HTTP/1.1\0 200 OK\r\n";
	size_t fed = 0;

	(void)state;
	memset(line, 'a', REPLY_LINE_MAX);
	reply_init(&r, NULL, NULL);
	reply_feed(&r, line, REPLY_LINE_MAX);
	assert_int_equal(r.state, REPLY_BAD);

	reply_init(&r, NULL, NULL);
	reply_feed(&r, zero, sizeof(zero) - 1);
	assert_int_equal(r.state, REPLY_BAD);

	/* a head without end */
	reply_init(&r, NULL, NULL);
	reply_feed(&r, "HTTP/1.1 200 OK\r\n", 17);
	while (r.state == REPLY_HEADERS && fed < 2 * REPLY_HEAD_MAX)
		fed += reply_feed(&r, "Header: value\r\n", 15);
	assert_int_equal(r.state, REPLY_BAD);
	assert_true(fed <= REPLY_HEAD_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
