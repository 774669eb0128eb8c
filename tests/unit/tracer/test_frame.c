/* Captured frames: which segment one carries, and that what it only claims to hold is not read.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/frame.h"

static const uint16_t ports[] = {80};

/* A frame as it is written, from its tail to its head. */
struct maker {
	uint8_t at[2048];
	size_t bytes;
};

static void put(struct maker *m, const void *from, size_t bytes)
{
	memcpy(m->at + m->bytes, from, bytes);
	m->bytes += bytes;
}

static void put16(struct maker *m, unsigned int value)
{
	put(m, (uint8_t[]){(uint8_t)(value >> 8), (uint8_t)value}, 2);
}

static void ether(struct maker *m, int tags, unsigned int type)
{
	m->bytes = 0;
	put(m, "\1\1\1\1\1\1\2\2\2\2\2\2", 12);
	for (int i = 0; i < tags; i++) {
		put16(m, 0x8100);
		put16(m, 5);
	}
	put16(m, type);
}

static void ipv4(struct maker *m, int tags, size_t payload)
{
	ether(m, tags, 0x0800);
	put(m, "\x46\0", 2); /* with an option of 4 bytes */
	put16(m, (unsigned int)(24 + 20 + payload));
	put(m, "\0\0\x40\0\x40\6\0\0\12\0\0\1\12\0\0\2\1\1\1\1", 20);
}

static void tcp(struct maker *m, unsigned int from, unsigned int to, const char *payload,
		unsigned int bits)
{
	put16(m, from);
	put16(m, to);
	put(m, "\0\0\0\12\0\0\0\0\x50", 9);
	put(m, (uint8_t[]){(uint8_t)bits}, 1);
	put(m, "\1\0\0\0\0\0", 6);
	put(m, payload, strlen(payload));
}

static bool parse(const struct maker *m, struct frame *f)
{
	return frame_parse(m->at, m->bytes, m->bytes, ports, 1, f);
}

static void test_ipv4(void **state)
{
	struct maker m;
	struct frame f;

	(void)state;
	for (int tags = 0; tags <= 2; tags++) {
		ipv4(&m, tags, 5);
		tcp(&m, 4000, 80, "GET /", 0x18);
		put(&m, "\0\0\0\0\0\0", 6); /* padding */
		assert_true(parse(&m, &f));
		assert_true(f.request);
		assert_int_equal(f.event.client_port, 4000);
		assert_int_equal(f.event.server_port, 80);
		assert_int_equal(f.event.seq, 10);
		assert_int_equal(f.event.len, 5);
		assert_int_equal(f.captured, 5);
		assert_memory_equal(f.payload, "GET /", 5);
		assert_memory_equal(f.client_addr + 10, "\xff\xff\12\0\0\1", 6);
	}
	ipv4(&m, 3, 5);
	tcp(&m, 4000, 80, "GET /", 0x18);
	assert_false(parse(&m, &f));
}

/* Both directions are one flow, whatever kernel it is seen in. */
static void test_reply(void **state)
{
	struct maker m;
	struct frame f;
	uint64_t flow;

	(void)state;
	ipv4(&m, 0, 2);
	tcp(&m, 80, 4000, "HT", 0x11);
	memcpy(m.at + 26, "\12\0\0\2\12\0\0\1", 8);
	assert_true(parse(&m, &f));
	assert_false(f.request);
	assert_int_equal(f.event.flags, EVENT_FIN);
	flow = f.event.flow;
	ipv4(&m, 0, 1);
	tcp(&m, 4000, 80, "G", 0x18);
	assert_true(parse(&m, &f));
	assert_int_equal(f.event.flow, flow);
}

static void test_ipv6(void **state)
{
	struct maker m;
	struct frame f;

	(void)state;
	ether(&m, 1, 0x86dd);
	put(&m, "\x60\0\0\0", 4);
	put16(&m, 20 + 3);
	put(&m, "\6\x40", 2);
	put(&m, "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2", 32);
	tcp(&m, 4000, 80, "abc", 0x18);
	assert_true(parse(&m, &f));
	assert_int_equal(f.event.len, 3);
	assert_int_equal(f.client_addr[15], 1);
	m.at[24] = 17; /* UDP */
	assert_false(parse(&m, &f));
}

/* Of a merged frame its IP header may not know the length; and a capture may be cut short. */
static void test_lengths(void **state)
{
	struct maker m;
	struct frame f;

	(void)state;
	ipv4(&m, 0, 0);
	tcp(&m, 4000, 80, "first", 0x18);
	m.at[16] = m.at[17] = 0;
	assert_true(frame_parse(m.at, m.bytes, 100000, ports, 1, &f));
	assert_int_equal(f.event.len, 100000 - 14 - 24 - 20);
	assert_int_equal(f.captured, 5);
	ipv4(&m, 0, 400);
	tcp(&m, 4000, 80, "first", 0x18);
	assert_true(frame_parse(m.at, m.bytes, m.bytes + 395, ports, 1, &f));
	assert_int_equal(f.event.len, 400);
	assert_int_equal(f.captured, 5);
}

static void test_refused(void **state)
{
	struct maker m;
	struct frame f;

	(void)state;
	ipv4(&m, 0, 5);
	tcp(&m, 4000, 81, "GET /", 0x18);
	assert_false(parse(&m, &f)); /* another port */
	ipv4(&m, 0, 0);
	tcp(&m, 4000, 80, "", 0x10);
	assert_false(parse(&m, &f)); /* no payload */
	ipv4(&m, 0, 5);
	tcp(&m, 4000, 80, "GET /", 0x18);
	for (size_t bytes = 0; bytes < 14 + 24 + 20; bytes++)
		assert_false(frame_parse(m.at, bytes, m.bytes, ports, 1, &f));
	m.at[21] = 8; /* a fragment behind the first */
	assert_false(parse(&m, &f));
	ipv4(&m, 0, 500); /* longer than the frame */
	tcp(&m, 4000, 80, "GET /", 0x18);
	assert_false(parse(&m, &f));
}

static void test_another(void **state)
{
	static const struct {
		const char *payload;
		unsigned int from, to;
		bool holds;
	} cases[] = {
		{"GET / HTTP/1.1\r\n\r\n", 4000, 80, false},
		{"GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n", 4000, 80, true},
		{"PUT / HTTP/1.1\r\n\r\nget", 4000, 80, false},
		{"HTTP/1.1 200 OK\r\n\r\n", 80, 4000, false},
		{"HTTP/1.1 204 \r\n\r\nHTTP/1.1 200 ", 80, 4000, true},
		{"HHTTP", 80, 4000, false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct maker m;
		struct frame f;

		ipv4(&m, 0, strlen(cases[i].payload));
		tcp(&m, cases[i].from, cases[i].to, cases[i].payload, 0x18);
		assert_true(parse(&m, &f));
		assert_int_equal(frame_holds_another(&f), cases[i].holds);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),    cmocka_unit_test(test_reply),
		cmocka_unit_test(test_ipv6),    cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_refused), cmocka_unit_test(test_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
