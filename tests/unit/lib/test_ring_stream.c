/*
 * A ring over a stream: to both ends it is as if they shared memory, whatever way the stream
 * breaks; and what is no frame does no harm.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/ring_stream.h"

#define CAPACITY 1024 /* more than a frame of events */

struct end {
	void *memory;
	struct ring user; /* the agent's or the tracer's view of it */
	struct ring_stream *stream;
};

static struct {
	struct end guest, host;
	int fd[2];
} t;

static void make(struct end *e, bool producer)
{
	size_t bytes = ring_bytes(1, CAPACITY);
	struct ring r;

	e->memory = calloc(1, bytes);
	e->stream = malloc(sizeof(*e->stream));
	assert_int_equal(ring_create(producer ? &e->user : &r, e->memory, bytes, 1, CAPACITY),
			 0);
	assert_int_equal(ring_stream_create(e->stream, e->memory, bytes, producer), 0);
	if (!producer)
		assert_int_equal(ring_attach(&e->user, e->memory, bytes), 0);
}

static void connect_ends(void)
{
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, t.fd), 0);
	ring_stream_begin(t.guest.stream, t.fd[0]);
	ring_stream_begin(t.host.stream, t.fd[1]);
}

static int set_up(void **state)
{
	(void)state;
	make(&t.guest, true);
	make(&t.host, false);
	connect_ends();
	return 0;
}

static void hang_up(void)
{
	close(t.fd[0]);
	close(t.fd[1]);
}

static int tear_down(void **state)
{
	(void)state;
	hang_up();
	free(t.guest.memory);
	free(t.guest.stream);
	free(t.host.memory);
	free(t.host.stream);
	return 0;
}

static void turn(void)
{
	for (int i = 0; i < 4; i++) {
		assert_int_equal(ring_stream_turn(t.host.stream), 0);
		assert_int_equal(ring_stream_turn(t.guest.stream), 0);
	}
}

static void put(uint64_t from, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++) {
		struct strata_event e = {.time_ns = from + i};

		assert_true(ring_put(&t.guest.user, 0, &e));
	}
}

static uint64_t take(uint64_t expected)
{
	struct strata_event e;
	uint64_t n = 0;

	while (ring_take(&t.host.user, 0, &e, 1)) {
		assert_int_equal(e.time_ns, expected + n);
		n++;
	}
	return n;
}

static uint32_t start(void)
{
	uint32_t generation = ring_start(&t.host.user, "{\"ports\":[80]}");

	turn();
	assert_int_equal(t.guest.user.header->wanted, generation);
	assert_string_equal(t.guest.user.header->request, "{\"ports\":[80]}");
	return generation;
}

/* Asked, answered, events, clock, losses, the end: all arrives. */
static void test_session(void **state)
{
	uint64_t tsc, time_ns, bracket;
	uint32_t generation;
	char text[64];

	(void)state;
	generation = start();
	ring_answer(&t.guest.user, RING_RUNNING, generation, "{\"probes\":7}");
	ring_clock_put(&t.guest.user, 11, 22, 33);
	put(100, 600);
	turn();
	assert_int_equal(ring_state(&t.host.user, generation, text, sizeof(text)),
			 RING_RUNNING);
	assert_string_equal(text, "{\"probes\":7}");
	assert_true(ring_clock_get(&t.host.user, &tsc, &time_ns, &bracket));
	assert_int_equal(tsc, 11);
	assert_int_equal(time_ns, 22);
	assert_int_equal(bracket, 33);
	assert_int_equal(take(100), 600);
	atomic_store(&t.guest.user.header->upstream_lost, 5);
	ring_stop(&t.host.user);
	turn();
	assert_int_equal(t.guest.user.header->wanted, 0);
	put(700, 3);
	ring_answer(&t.guest.user, RING_IDLE, generation, "{}");
	turn();
	assert_int_equal(take(700), 3);
	assert_int_equal(ring_state(&t.host.user, generation, text, sizeof(text)), RING_IDLE);
	assert_int_equal(ring_lost(&t.host.user), 5);
}

/* A stream that nobody empties keeps what fits, and the producer counts the rest. */
static void test_stalled(void **state)
{
	struct strata_event e = {.time_ns = 1};
	uint64_t kept = 0, taken = 0, lost;

	(void)state;
	start();
	for (int i = 0; i < 200000; i++) {
		kept += ring_put(&t.guest.user, 0, &e);
		if (i % 512 == 0)
			assert_int_equal(ring_stream_turn(t.guest.stream), 0);
	}
	assert_true(kept < 200000);
	for (int i = 0; i < 4096; i++) {
		struct strata_event out[64];
		size_t n;

		assert_int_equal(ring_stream_turn(t.host.stream), 0);
		while ((n = ring_take(&t.host.user, 0, out, 64)))
			taken += n;
		assert_int_equal(ring_stream_turn(t.guest.stream), 0);
	}
	assert_int_equal(taken, kept);
	lost = ring_lost(&t.host.user);
	assert_int_equal(lost, 200000 - kept);
}

/* The host's end vanished in the middle, and another comes. */
static void test_again(void **state)
{
	(void)state;
	start();
	put(1, 10);
	hang_up();
	t.guest.stream->fd = -1;
	assert_int_equal(ring_stream_turn(t.guest.stream), -1);
	ring_stop(&t.host.user);
	connect_ends();
	t.host.user.generation = 1000;
	start();
	assert_int_equal(take(0), 0); /* those were for the one before */
	put(50, 5);
	turn();
	assert_int_equal(take(50), 5);
}

static void test_gone(void **state)
{
	(void)state;
	start();
	close(t.fd[1]);
	assert_int_equal(ring_stream_turn(t.guest.stream), -1);
	assert_int_equal(t.guest.user.header->wanted, 0);
	t.fd[1] = dup(t.fd[0]);
}

/* What is no frame is passed over; what claims too much is none. */
static void test_garbage(void **state)
{
	struct ring_frame huge = {.magic = RING_FRAME_MAGIC,
				  .type = RING_FRAME_EVENTS,
				  .bytes = RING_FRAME_BYTES_MAX + 1};
	struct ring_frame unknown = {.magic = RING_FRAME_MAGIC, .type = RING_FRAME_TYPES};
	struct ring_frame asks = {.magic = RING_FRAME_MAGIC, .type = RING_FRAME_STOP};
	uint32_t generation;

	(void)state;
	generation = start();
	assert_int_equal(write(t.fd[0], "login: ", 7), 7);
	assert_int_equal(write(t.fd[0], &huge, sizeof(huge)), sizeof(huge));
	assert_int_equal(write(t.fd[0], &unknown, sizeof(unknown)), sizeof(unknown));
	assert_int_equal(write(t.fd[0], &asks, sizeof(asks)), sizeof(asks));
	put(1, 4);
	turn();
	assert_int_equal(take(1), 4);
	assert_int_equal(t.host.user.header->wanted, generation);
	assert_int_equal(t.host.stream->skipped_bytes, 7 + sizeof(huge) + sizeof(unknown));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_session, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stalled, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_again, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_gone, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_garbage, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
