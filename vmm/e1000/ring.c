/* Descriptor rings: base, length, head and tail (8254x manual, 3.2.6, 3.4). */
#include "vmm/e1000/e1000.h"

#define DESCRIPTOR_BYTES 16

void ring_configure(struct e1000_ring *r, const struct e1000 *e, unsigned int base_low)
{
	uint64_t base = e1000_reg(e, base_low) | (uint64_t)e1000_reg(e, base_low + 4) << 32;
	uint32_t bytes = e1000_reg(e, base_low + 8);

	r->descriptors = guest_ptr(e->memory, base, bytes);
	r->size = r->descriptors ? bytes / DESCRIPTOR_BYTES : 0;
}

uint32_t ring_available(const struct e1000_ring *r)
{
	uint32_t tail = __atomic_load_n(&r->tail, __ATOMIC_SEQ_CST);

	if (r->head >= r->size || tail >= r->size)
		return 0;
	return tail >= r->head ? tail - r->head : tail + r->size - r->head;
}
