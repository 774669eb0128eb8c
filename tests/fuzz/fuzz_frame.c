/*
 * Fuzzes the parser of traced frames: whatever a guest sends, it reads nothing beyond
 * what was captured (ASan sees it), and claims no more payload than the frame has bytes.
 * The first byte of the input says how much of the frame was not captured.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame_tcp tcp;
	size_t captured;
	uint8_t *exact;

	if (!size)
		return 0;
	captured = size - 1;
	exact = malloc(captured);
	memcpy(exact, data + 1, captured);
	if (frame_parse_tcp(exact, captured, captured + data[0], &tcp) &&
	    tcp.payload_bytes > captured + data[0])
		abort();
	free(exact);
	return 0;
}
