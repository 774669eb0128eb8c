/*
 * virtio-blk, apart from how it is configured: requests (virtio 1.2, 5.2.6) from any number
 * of queues to a disk (vmm/block/disk.h) and back.
 *
 * Any number of requests of a queue is in flight, up to its size. What is finished is told to
 * the driver in batches: one publication and at most one interrupt for each. While requests
 * come one after the other and are answered at once, several such batches share an interrupt.
 *
 * Threading: see virtio.h; all of it on the I/O loop but the counters.
 */
#ifndef STRATA_VMM_VIRTIO_BLK_H
#define STRATA_VMM_VIRTIO_BLK_H

#include <linux/virtio_blk.h>

#include "vmm/block/disk.h"
#include "vmm/coalesce.h"
#include "vmm/virtio/virtio.h"

#define BLK_QUEUES_MAX  16
#define BLK_RANGE_BYTES (1U << 30) /* most of a discard: seconds of work */

struct blk_request {
	struct disk_request disk;
	struct blk_queue *queue;
	struct blk_request *next; /* free one */
	uint16_t head;            /* of its chain */
	uint32_t used;            /* bytes, if it goes well */
	uint8_t *status;          /* the driver's */
	struct iovec iov[VIRTQUEUE_SIZE_MAX];
};

struct blk_queue {
	struct virtio_blk *blk;
	unsigned int index;
	struct blk_request *requests, *free;
	unsigned int fresh; /* those from here on were never used: memory not yet touched */
	bool starved;       /* stopped for want of a free request */
	bool holding;       /* interrupts, while more requests may come: coalesce.h */
	struct coalesce coalesce;
};

struct virtio_blk {
	struct virtio_device device;
	struct virtio_blk_config config;
	struct disk *disk;
	struct virtqueue_chain chain; /* the one being looked at */
	struct blk_queue queue[BLK_QUEUES_MAX];
	uint32_t unpublished; /* queues, a bit each */
	char name[64];

	uint64_t unsupported, invalid;
};

/* Do what a chain asks for, its header and status being there; and what the disk's answer
 * means. The driver is told by whoever asked. */
void blk_execute(struct blk_request *r, const struct virtqueue_chain *c);
void blk_answered(struct disk_request *d, int error);

/* Make the device over an open disk; name is set. Undone by blk_fini(), which is also how to
 * clean up after a failure. Fails with a sentence. */
int blk_init(struct virtio_blk *b, struct disk *disk, unsigned int queues, struct loop *loop,
	     const struct guest_memory *m);
void blk_fini(struct virtio_blk *b);

#endif
