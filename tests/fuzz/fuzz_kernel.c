/*
 * Fuzzes the kernel loader: any bytes as a kernel file. Whatever is accepted lies in guest
 * memory. The first byte chooses how the rest is used: as the file, or as a payload to unpack.
 */
#include <stdint.h>
#include <stdlib.h>

#include "vmm/kernel.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MEMORY = 2 << 20 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* One heap block at guest address 0, so that the sanitizer sees its ends. */
	static struct guest_memory m = {.regions = 1, .bytes = MEMORY};
	struct kernel k;
	size_t unpacked;

	if (!m.region[0].host)
		m.region[0] = (struct guest_region){.bytes = MEMORY, .host = calloc(1, MEMORY)};
	if (size == 0)
		return 0;
	if (data[0] == 'p') {
		uint8_t *out = unpack(data + 1, size - 1, &unpacked);

		if (out && unpacked && out[unpacked - 1] == 1)
			k.end = 0; /* the last byte was read */
		free(out);
		return 0;
	}
	if (kernel_load(data + 1, size - 1, &m, &k) == 0 &&
	    (k.end > MEMORY || k.entry < KERNEL_LOWEST || k.entry >= k.end))
		abort();
	return 0;
}
