/* Captured frames with any bytes in them: what is found lies in the frame. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "lib/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t ports[] = {80};
	size_t length;
	uint8_t *copy;
	struct frame f;

	if (!size)
		return 0;
	length = size - 1 + data[0] * 300u;
	copy = malloc(size - 1); /* so that its end is known */
	memcpy(copy, data + 1, size - 1);
	if (frame_parse(copy, size - 1, length, ports, 1, &f)) {
		if (f.payload < copy || f.captured > (size_t)(copy + size - 1 - f.payload) ||
		    f.captured > f.event.len)
			abort();
		frame_holds_another(&f);
	}
	free(copy);
	return 0;
}
