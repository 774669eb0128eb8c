/*
 * A guest's side of virtio, small, for tests and fuzzers: memory of its own, rings in
 * it, descriptors put in by hand so that a test may put in wrong ones too.
 */
#ifndef STRATA_TESTS_DRIVER_H
#define STRATA_TESTS_DRIVER_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/memory.h"
#include "vmm/virtio/virtio.h"

#define DRIVER_MEMORY (1u << 20)

struct driver {
	struct guest_memory memory; /* one heap block at 0, so that ASan sees its ends */
	uint64_t next;              /* what driver_alloc() gives out next */
};

struct driver_queue {
	struct driver *driver;
	struct virtqueue *device; /* the other side */
	uint16_t size;
	uint64_t descriptors_gpa, available_gpa, used_gpa;
	struct vring_desc *descriptors;
	struct vring_avail *available;
	struct vring_used *used;
	uint16_t next_used; /* not yet taken back */
};

void driver_init(struct driver *d);
void driver_destroy(struct driver *d);
uint64_t driver_alloc(struct driver *d, uint64_t bytes, uint64_t align);
void *driver_host(struct driver *d, uint64_t gpa);

/* Make rings and program their addresses into q, without enabling it. */
void driver_queue_init(struct driver_queue *dq, struct driver *d, struct virtqueue *q,
		       uint16_t size);

void driver_describe(struct driver_queue *dq, uint16_t index, uint64_t gpa, uint32_t len,
		     uint16_t flags, uint16_t next);
void driver_offer(struct driver_queue *dq, uint16_t head);

/* Take one entry back from the used ring; false if there is none. */
bool driver_take(struct driver_queue *dq, uint32_t *id, uint32_t *len);

/* The device's avail_event, and the driver's used_event (2.7.10, 2.7.7). */
uint16_t driver_available_event(struct driver_queue *dq);
void driver_set_used_event(struct driver_queue *dq, uint16_t value);

/* A transport that only counts. */
extern const struct virtio_transport driver_transport;
extern unsigned int driver_queue_signals, driver_config_signals;
extern int driver_queue_fd; /* what it has for others to signal by */

#endif
