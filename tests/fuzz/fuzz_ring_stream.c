/*
 * The host's end of a ring over a stream whose other end, a guest, writes anything: the input
 * comes in pieces, and the consumer takes what there is between them.
 */
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/ring_stream.h"

enum { CAPACITY = 512, PIECES_MAX = 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void consume(struct ring *r)
{
	struct strata_event out[64];
	uint64_t tsc, time_ns, bracket;
	char text[64];

	while (ring_take(r, 0, out, 64))
		;
	ring_lost(r);
	ring_clock_get(r, &tsc, &time_ns, &bracket);
	ring_state(r, r->generation, text, sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t bytes = ring_bytes(1, CAPACITY);
	void *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
	struct ring_stream *s = malloc(sizeof(*s));
	struct ring layout, user;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fd))
		abort();
	if (ring_create(&layout, memory, bytes, 1, CAPACITY) ||
	    ring_stream_create(s, memory, bytes, false) || ring_attach(&user, memory, bytes))
		abort();
	ring_stream_begin(s, fd[0]);
	ring_start(&user, "{}");
	for (int i = 0; i < PIECES_MAX && size; i++) {
		size_t n = i + 1 < PIECES_MAX && data[0] < size ? data[0] + 1u : size;
		ssize_t sent = write(fd[1], data, n);

		data += n;
		size -= n;
		if (sent < 0 || ring_stream_turn(s))
			break;
		consume(&user);
	}
	close(fd[0]);
	close(fd[1]);
	free(memory);
	free(s);
	return 0;
}
