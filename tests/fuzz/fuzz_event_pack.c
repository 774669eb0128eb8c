/*
 * Fuzz the packing of events, both ways: whatever bytes are taken for packed events, unpacking
 * stays within them; and what was unpacked, or is taken for events, comes back the same.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/event_pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void round_trip(const void *events, size_t n)
{
	size_t bytes = n * sizeof(struct strata_event), packed;
	uint8_t *out = malloc(event_pack_bound(n) + 1), *back = malloc(bytes + 1);

	packed = event_pack(events, n, out);
	if (packed > event_pack_bound(n) || event_unpack(out, packed, back, n) ||
	    memcmp(back, events, bytes))
		abort();
	free(out);
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = size ? data[0] : 0;
	void *events = malloc(n * sizeof(struct strata_event) + 1);

	if (size && !event_unpack(data + 1, size - 1, events, n))
		round_trip(events, n);
	free(events);
	round_trip(data, size / sizeof(struct strata_event));
	return 0;
}
