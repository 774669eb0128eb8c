/* Finding a frame's TCP segment, and the hop events made of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/unit/vmm/frames.h"
#include "vmm/frame.h"
#include "vmm/trace.h"

static bool parse(const struct frame *f, struct frame_tcp *out)
{
	return frame_parse_tcp(f->bytes, f->len, f->len, out);
}

static void test_ipv4(void **state)
{
	struct frame_tcp tcp;
	struct frame f;

	(void)state;
	frame_segment(&f, 40000, 80, 0xfffffff0, 100);
	assert_true(parse(&f, &tcp));
	assert_int_equal(tcp.source_port, 40000);
	assert_int_equal(tcp.destination_port, 80);
	assert_int_equal(tcp.seq, 0xfffffff0);
	assert_int_equal(tcp.payload_bytes, 100);
	assert_false(tcp.ipv6);
	assert_false(tcp.fin);
	assert_int_equal(tcp.source[0], 0);
	assert_int_equal(tcp.source[2], htonl(0xffff));
	assert_int_equal(tcp.source[3], htonl(0x0a000001));
	assert_int_equal(tcp.destination[3], htonl(0x0a000002));
}

/* A short frame is padded to 60 bytes: padding is no payload. */
static void test_padding(void **state)
{
	struct frame_tcp tcp;
	struct frame f;

	(void)state;
	frame_segment(&f, 1, 2, 0, 3);
	memset(f.bytes + f.len, 0, 40);
	f.len += 40;
	assert_true(parse(&f, &tcp));
	assert_int_equal(tcp.payload_bytes, 3);
}

static void test_vlan(void **state)
{
	const unsigned int tags[] = {0x8100, 0x88a8};

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct frame f = {.len = 0};
		struct frame_tcp tcp;

		frame_ethernet(&f, 0x0800, tags[i]);
		frame_ipv4(&f, 6, FRAME_TCP_HEADER + 5);
		frame_tcp(&f, 7, 8, 9, 0x18, 5);
		assert_true(parse(&f, &tcp));
		assert_int_equal(tcp.payload_bytes, 5);
	}
}

static void test_too_many_tags(void **state)
{
	struct frame f = {.len = 0};
	struct frame_tcp tcp;

	(void)state;
	frame_ethernet(&f, 0x8100, 0x8100);
	frame_add32(&f, 0x002a8100);
	frame_add32(&f, 0x002a0800);
	frame_ipv4(&f, 6, FRAME_TCP_HEADER + 5);
	frame_tcp(&f, 7, 8, 9, 0x18, 5);
	assert_false(parse(&f, &tcp));
}

static void test_ipv6(void **state)
{
	struct frame f = {.len = 0};
	struct frame_tcp tcp;

	(void)state;
	frame_ethernet(&f, 0x86dd, 0);
	frame_ipv6(&f, 6, FRAME_TCP_HEADER + 11);
	frame_tcp(&f, 80, 50000, 77, 0x11, 11);
	assert_true(parse(&f, &tcp));
	assert_true(tcp.ipv6);
	assert_true(tcp.fin);
	assert_int_equal(tcp.payload_bytes, 11);
	assert_int_equal(tcp.source[0], htonl(0xfd000000));
	assert_int_equal(tcp.destination[3], htonl(2));
}

/* Hop-by-hop, routing, destination options, authentication, then TCP. */
static void test_ipv6_extensions(void **state)
{
	static const uint8_t extensions[] = {
		43, 0, 0, 0, 0, 0, 0, 0,                         /* hop-by-hop */
		60, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* routing */
		51, 0, 0, 0, 0, 0, 0, 0,                         /* options */
		6,  4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
		0,  0, 0, 0, 0, 0, 0, 0, /* AH */
	};
	struct frame f = {.len = 0};
	struct frame_tcp tcp;

	(void)state;
	frame_ethernet(&f, 0x86dd, 0);
	frame_ipv6(&f, 0, sizeof(extensions) + FRAME_TCP_HEADER + 11);
	frame_add(&f, extensions, sizeof(extensions));
	frame_tcp(&f, 80, 50000, 77, 0x18, 11);
	assert_true(parse(&f, &tcp));
	assert_int_equal(tcp.source_port, 80);
	assert_int_equal(tcp.payload_bytes, 11);
}

static void test_ipv6_fragment(void **state)
{
	static const uint8_t fragment[] = {6, 0, 0, 1, 0, 0, 0, 1};
	struct frame f = {.len = 0};
	struct frame_tcp tcp;

	(void)state;
	frame_ethernet(&f, 0x86dd, 0);
	frame_ipv6(&f, 44, sizeof(fragment) + FRAME_TCP_HEADER + 11);
	frame_add(&f, fragment, sizeof(fragment));
	frame_tcp(&f, 80, 50000, 77, 0x18, 11);
	assert_false(parse(&f, &tcp));
}

static void test_not_tcp(void **state)
{
	struct frame f = {.len = 0};
	struct frame_tcp tcp;

	(void)state;
	frame_ethernet(&f, 0x0800, 0);
	frame_ipv4(&f, 17, FRAME_TCP_HEADER);
	frame_tcp(&f, 1, 2, 3, 0, 0);
	assert_false(parse(&f, &tcp));
	f.bytes[13] = 0x06; /* ARP */
	assert_false(parse(&f, &tcp));
}

static void test_ipv4_fragment(void **state)
{
	struct frame_tcp tcp;
	struct frame f;

	(void)state;
	frame_segment(&f, 1, 2, 3, 10);
	f.bytes[14 + 6] = 0x20; /* more fragments */
	assert_false(parse(&f, &tcp));
	f.bytes[14 + 6] = 0x00;
	f.bytes[14 + 7] = 0x01; /* an offset */
	assert_false(parse(&f, &tcp));
}

/* Cut anywhere within its headers, a frame is refused; nothing beyond the cut is read (ASan).
 */
static void test_truncated(void **state)
{
	struct frame_tcp tcp;
	struct frame f;

	(void)state;
	frame_segment(&f, 1, 2, 3, 10);
	for (size_t len = 0; len < f.len; len++) {
		uint8_t *exact = malloc(len + 1);

		memcpy(exact, f.bytes, len);
		exact[len] = 0;
		assert_false(frame_parse_tcp(exact, len, len, &tcp));
		free(exact);
	}
}

/* A longer frame of which only the head was captured, as for 64 KiB segments. */
static void test_captured_head(void **state)
{
	struct frame_tcp tcp;
	struct frame f;

	(void)state;
	frame_segment(&f, 1, 2, 3, 1000);
	assert_true(frame_parse_tcp(f.bytes, 100, f.len, &tcp));
	assert_int_equal(tcp.payload_bytes, 1000);
}

static void test_lying_lengths(void **state)
{
	struct frame_tcp tcp;
	struct frame f;

	(void)state;
	frame_segment(&f, 1, 2, 3, 10);
	f.bytes[14 + 3] = 255; /* IP says more than there is */
	assert_false(parse(&f, &tcp));
	frame_segment(&f, 1, 2, 3, 10);
	f.bytes[14] = 0x44; /* an IP header of 16 bytes */
	assert_false(parse(&f, &tcp));
	frame_segment(&f, 1, 2, 3, 10);
	f.bytes[14 + 20 + 12] = 0x40; /* a TCP header of 16 bytes */
	assert_false(parse(&f, &tcp));
	f.bytes[14 + 20 + 12] = 0xf0; /* of 60, beyond the datagram */
	assert_false(parse(&f, &tcp));
}

/* The events. */
struct tracing {
	char path[64];
	struct trace trace;
	struct ring consumer;
	void *mem;
	size_t bytes;
	int lane;
};

static int setup(void **state)
{
	struct tracing *t = calloc(1, sizeof(*t));
	int fd;

	*state = t;
	snprintf(t->path, sizeof(t->path), "/tmp/strata-test-ring.%d", getpid());
	if (trace_open(&t->trace, t->path))
		return -1;
	t->lane = trace_lane(&t->trace);
	t->bytes = ring_bytes(TRACE_LANES, TRACE_CAPACITY);
	fd = open(t->path, O_RDWR);
	t->mem = mmap(NULL, t->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return ring_attach(&t->consumer, t->mem, t->bytes);
}

static int teardown(void **state)
{
	struct tracing *t = *state;

	munmap(t->mem, t->bytes);
	trace_close(&t->trace);
	unlink(t->path);
	free(t);
	return 0;
}

/* Emit it, cut into pieces of that many bytes behind a header of 12. */
static void emit_at(struct tracing *t, struct frame *f, size_t piece,
		    void (*point)(struct trace *, int, const struct trace_frame *))
{
	static uint8_t bytes[2048];
	struct iovec iov[2048];
	int count = 0;

	memset(bytes, 0xee, 12);
	memcpy(bytes + 12, f->bytes, f->len);
	for (size_t at = 0; at < f->len + 12; at += piece)
		iov[count++] = (struct iovec){
			bytes + at, f->len + 12 - at < piece ? f->len + 12 - at : piece};
	point(&t->trace, t->lane, &(struct trace_frame){iov, count, 12, f->len, 2, 33});
}

static void emit(struct tracing *t, struct frame *f, size_t piece)
{
	emit_at(t, f, piece, trace_rx_read);
}

static size_t take(struct tracing *t, struct strata_event *e)
{
	return ring_take(&t->consumer, (uint32_t)t->lane, e, 1);
}

static void test_silent(void **state)
{
	struct tracing *t = *state;
	struct strata_event e;
	struct frame f;

	frame_segment(&f, 40000, 80, 1, 10);
	emit(t, &f, 2048);
	assert_int_equal(take(t, &e), 0);
}

static void test_event(void **state)
{
	const uint32_t client[4] = {0, 0, htonl(0xffff), htonl(0x0a000001)};
	const uint32_t server[4] = {0, 0, htonl(0xffff), htonl(0x0a000002)};
	const size_t pieces[] = {2048, 12, 13, 1, 40};
	struct tracing *t = *state;
	struct strata_event e;
	struct frame f;

	ring_start(&t->consumer, "{\"ports\":[8080,80]}");
	frame_segment(&f, 40000, 80, 1234, 10);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		emit(t, &f, pieces[i]);
		assert_int_equal(take(t, &e), 1);
		assert_int_equal(e.hop, HOP_VMM_RX_READ);
		assert_true(e.flow == flow_hash(client, server, 40000, 80));
		assert_int_equal(e.client_port, 40000);
		assert_int_equal(e.server_port, 80);
		assert_int_equal(e.seq, 1234);
		assert_int_equal(e.len, 10);
		assert_int_equal(e.queue, 2);
		assert_int_equal(e.arg64, 33);
		assert_int_equal(e.arg32, f.len);
		assert_int_equal(e.tid, gettid());
		assert_int_not_equal(e.time_ns, 0);
	}
	/* the reply is of the same flow */
	frame_segment(&f, 80, 40000, 99, 10);
	memcpy(f.bytes + 14 + 12, "\x0a\0\0\2\x0a\0\0\1", 8);
	emit_at(t, &f, 2048, trace_tx_pop);
	assert_int_equal(take(t, &e), 1);
	assert_true(e.flow == flow_hash(client, server, 40000, 80));
	assert_int_equal(e.server_port, 80);
	/* but what this guest has asked another, and its reply, are not its serving */
	emit(t, &f, 2048);
	frame_segment(&f, 40000, 80, 1234, 10);
	emit_at(t, &f, 2048, trace_tx_pop);
	assert_int_equal(take(t, &e), 0);
}

static void test_filter(void **state)
{
	struct tracing *t = *state;
	struct strata_event e;
	struct frame f;

	ring_start(&t->consumer, "{\"ports\":[80]}");
	frame_segment(&f, 40000, 81, 1, 10);
	emit(t, &f, 2048);
	frame_segment(&f, 40000, 80, 1, 0); /* a bare acknowledgement */
	emit(t, &f, 2048);
	assert_int_equal(take(t, &e), 0);

	ring_start(&t->consumer, "{\"ports\":[81]}"); /* a new generation, other ports */
	frame_segment(&f, 40000, 80, 1, 10);
	emit(t, &f, 2048);
	assert_int_equal(take(t, &e), 0);
	frame_segment(&f, 40000, 81, 1, 10);
	emit(t, &f, 2048);
	assert_int_equal(take(t, &e), 1);

	ring_stop(&t->consumer);
	emit(t, &f, 2048);
	assert_int_equal(take(t, &e), 0);
}

/* A later consumer with another request is not taken for the earlier one. */
static void test_second_consumer(void **state)
{
	struct tracing *t = *state;
	struct strata_event e;
	struct frame f;

	frame_segment(&f, 40000, 81, 1, 10);
	ring_start(&t->consumer, "{\"ports\":[80]}");
	emit(t, &f, 2048);
	ring_stop(&t->consumer);
	assert_int_equal(ring_attach(&t->consumer, t->mem, t->bytes), 0);
	ring_start(&t->consumer, "{\"ports\":[81]}");
	emit(t, &f, 2048);
	assert_int_equal(take(t, &e), 1);
}

static void test_bad_requests(void **state)
{
	const char *const bad[] = {
		"", "{", "[]", "{\"ports\":80}", "{\"ports\":[0,-1,70000,\"80\"]}", "null"};
	struct tracing *t = *state;
	struct strata_event e;
	struct frame f;

	frame_segment(&f, 40000, 80, 1, 10);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		ring_start(&t->consumer, bad[i]);
		emit(t, &f, 2048);
		assert_int_equal(take(t, &e), 0);
	}
}

static void test_no_ring(void **state)
{
	struct trace off;
	struct frame f;
	struct iovec iov = {f.bytes, sizeof(f.bytes)};

	(void)state;
	assert_int_equal(trace_open(&off, NULL), 0);
	frame_segment(&f, 40000, 80, 1, 10);
	trace_tx_pop(&off, trace_lane(&off), &(struct trace_frame){&iov, 1, 0, f.len, 0, 0});
	trace_close(&off);
	assert_int_equal(trace_open(&off, "/nonexistent/ring"), -1);
}

#define TRACING(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4),
		cmocka_unit_test(test_padding),
		cmocka_unit_test(test_vlan),
		cmocka_unit_test(test_too_many_tags),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_ipv6_extensions),
		cmocka_unit_test(test_ipv6_fragment),
		cmocka_unit_test(test_not_tcp),
		cmocka_unit_test(test_ipv4_fragment),
		cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_captured_head),
		cmocka_unit_test(test_lying_lengths),
		TRACING(test_silent),
		TRACING(test_event),
		TRACING(test_filter),
		TRACING(test_second_consumer),
		TRACING(test_bad_requests),
		cmocka_unit_test(test_no_ring),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
