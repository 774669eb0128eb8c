/*
 * The consumer's end of a shared-memory ring whose producer writes anything, at any time: the
 * input is laid over the region before and between the consumer's calls.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/ring.h"

enum { LANES = 2, CAPACITY = 4, STEPS = 8 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes are too many for the input to reach them all: it says where it writes. */
static size_t scribble(uint8_t *memory, size_t bytes, const uint8_t *data, size_t size)
{
	size_t at, n;

	if (size < 3)
		return size;
	at = ((size_t)data[0] << 8 | data[1]) % bytes;
	n = data[2] < size - 3 ? data[2] : size - 3;
	n = n < bytes - at ? n : bytes - at;
	memcpy(memory + at, data + 3, n);
	return n + 3;
}

static void consume(struct ring *r)
{
	struct strata_event out[2 * CAPACITY];
	uint64_t tsc, time_ns, bracket;
	char text[64];

	for (uint32_t lane = 0; lane < r->lanes; lane++)
		if (ring_take(r, lane, out, 2 * CAPACITY) > r->capacity)
			abort();
	ring_lost(r);
	ring_clock_get(r, &tsc, &time_ns, &bracket);
	ring_state(r, r->generation, text, sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t bytes = ring_bytes(LANES, CAPACITY);
	uint8_t *memory = aligned_alloc(64, (bytes + 63) / 64 * 64);
	struct ring producer, consumer;

	ring_create(&producer, memory, bytes, LANES, CAPACITY);
	if (size && data[0] & 1) {
		size_t n = scribble(memory, bytes, data, size);

		data += n;
		size -= n;
	}
	if (!ring_attach(&consumer, memory, bytes)) {
		ring_start(&consumer, "{}");
		for (int i = 0; i < STEPS && size; i++) {
			size_t n = scribble(memory, bytes, data, size);

			data += n;
			size -= n;
			consume(&consumer);
		}
		ring_stop(&consumer);
	}
	free(memory);
	return 0;
}
