/* A guest's side of virtio, small: see driver.h. */
#include "tests/unit/vmm/driver.h"

#include <stdlib.h>
#include <string.h>

void driver_init(struct driver *d)
{
	memset(d, 0, sizeof(*d));
	d->memory.regions = 1;
	d->memory.bytes = DRIVER_MEMORY;
	d->memory.region[0].bytes = DRIVER_MEMORY;
	d->memory.region[0].host = aligned_alloc(4096, DRIVER_MEMORY);
	memset(d->memory.region[0].host, 0, DRIVER_MEMORY);
	d->next = 4096;
}

void driver_destroy(struct driver *d)
{
	free(d->memory.region[0].host);
}

uint64_t driver_alloc(struct driver *d, uint64_t bytes, uint64_t align)
{
	uint64_t at = (d->next + align - 1) / align * align;

	d->next = at + bytes;
	return at;
}

void *driver_host(struct driver *d, uint64_t gpa)
{
	return d->memory.region[0].host + gpa;
}

void driver_queue_init(struct driver_queue *dq, struct driver *d, struct virtqueue *q,
		       uint16_t size)
{
	*dq = (struct driver_queue){.driver = d, .device = q, .size = size};
	dq->descriptors_gpa = driver_alloc(d, size * sizeof(struct vring_desc), 16);
	dq->available_gpa = driver_alloc(d, 6 + 2 * (uint64_t)size, 2);
	dq->used_gpa = driver_alloc(d, 6 + 8 * (uint64_t)size, 4);
	dq->descriptors = driver_host(d, dq->descriptors_gpa);
	dq->available = driver_host(d, dq->available_gpa);
	dq->used = driver_host(d, dq->used_gpa);
	q->state.size = size;
	q->state.descriptors_gpa = dq->descriptors_gpa;
	q->state.available_gpa = dq->available_gpa;
	q->state.used_gpa = dq->used_gpa;
}

void driver_describe(struct driver_queue *dq, uint16_t index, uint64_t gpa, uint32_t len,
		     uint16_t flags, uint16_t next)
{
	dq->descriptors[index] = (struct vring_desc){gpa, len, flags, next};
}

void driver_offer(struct driver_queue *dq, uint16_t head)
{
	dq->available->ring[dq->available->idx % dq->size] = head;
	__atomic_store_n(&dq->available->idx, dq->available->idx + 1, __ATOMIC_SEQ_CST);
}

bool driver_take(struct driver_queue *dq, uint32_t *id, uint32_t *len)
{
	if (__atomic_load_n(&dq->used->idx, __ATOMIC_ACQUIRE) == dq->next_used)
		return false;
	*id = dq->used->ring[dq->next_used % dq->size].id;
	*len = dq->used->ring[dq->next_used % dq->size].len;
	dq->next_used++;
	return true;
}

uint16_t driver_available_event(struct driver_queue *dq)
{
	return *(uint16_t *)driver_host(dq->driver, dq->used_gpa + 4 + 8 * (uint64_t)dq->size);
}

void driver_set_used_event(struct driver_queue *dq, uint16_t value)
{
	dq->available->ring[dq->size] = value;
}

unsigned int driver_queue_signals, driver_config_signals;

static void signal_queue(struct virtio_device *d, unsigned int queue)
{
	(void)d;
	(void)queue;
	driver_queue_signals++;
}

static void signal_config(struct virtio_device *d)
{
	(void)d;
	driver_config_signals++;
}

int driver_queue_fd = -1;

static int queue_fd(struct virtio_device *d, unsigned int queue)
{
	(void)d;
	(void)queue;
	return driver_queue_fd;
}

const struct virtio_transport driver_transport = {signal_queue, signal_config, queue_fd};
