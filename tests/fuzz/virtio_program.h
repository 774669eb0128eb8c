/*
 * What a hostile driver does with any virtio device: it negotiates badly, describes
 * anything, writes anywhere in its memory.
 */
#ifndef STRATA_TESTS_FUZZ_VIRTIO_PROGRAM_H
#define STRATA_TESTS_FUZZ_VIRTIO_PROGRAM_H

#include "tests/fuzz/program.h"
#include "tests/unit/vmm/driver.h"
#include "vmm/virtio/virtio.h"

/*
 * The device was reset. All features but the refused ones, and sometimes one more or less;
 * queues of any size, one of them maybe not enabled.
 */
static inline void accept_and_run(struct virtio_device *d, struct driver *driver,
				  struct driver_queue *dq, unsigned int queues,
				  unsigned int choice, uint64_t refused)
{
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER);
	d->accepted = d->offered & ~refused;
	if (choice & 0x8000)
		d->accepted ^= 1ULL << (choice & 63);
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned int i = 0; i < queues; i++) {
		driver_queue_init(&dq[i], driver, &d->queue[i].ring,
				  (uint16_t)(1u << (i + choice) % 9));
		if (!(choice & 0x100) || i != choice % queues)
			virtio_enable_queue(d, i);
	}
	virtio_set_status(d, d->status | VIRTIO_CONFIG_S_DRIVER_OK);
}

static inline void describe(struct driver_queue *dq, struct input *in)
{
	unsigned int flags = byte(in), index = byte(in), next = byte(in);
	uint64_t gpa = (uint64_t)half(in) << (flags >> 4 & 7);

	driver_describe(dq, (uint16_t)(index % dq->size), gpa, half(in), flags & 7,
			(uint16_t)(flags & 8 ? next : next % dq->size));
}

static inline void write_memory(struct driver *driver, struct input *in)
{
	uint64_t at = (uint64_t)half(in) << 2;
	unsigned int n = byte(in);

	for (; n && at < DRIVER_MEMORY; n--)
		*(uint8_t *)driver_host(driver, at++) = (uint8_t)byte(in);
}

#endif
