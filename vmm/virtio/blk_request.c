/* virtio-blk's requests: taken apart, given to the disk, answered (virtio 1.2, 5.2.6). */
#include "vmm/virtio/blk.h"

#include <string.h>

#include "vmm/virtio/counter.h"
#include "vmm/virtio/iov.h"

#define DEVICE_NAME "strata-disk"

static void push(struct blk_request *r, uint8_t status, uint32_t used)
{
	struct blk_queue *q = r->queue;

	*(volatile uint8_t *)r->status = status;
	virtqueue_push(&q->blk->device.queue[q->index].ring, r->head, used);
	q->blk->unpublished |= 1U << q->index;
	r->next = q->free;
	q->free = r;
}

/* The used length counts from the front: with a gap before the status byte, only the front. */
static void fail(struct blk_request *r, uint8_t status)
{
	push(r, status, r->used == 1);
}

void blk_answered(struct disk_request *d, int error)
{
	struct blk_request *r = d->owner;

	if (error)
		fail(r, VIRTIO_BLK_S_IOERR);
	else
		push(r, VIRTIO_BLK_S_OK, d->op == DISK_READ || r->used == 1 ? r->used : 0);
}

/* 5.2.6.2: a driver that chose so, or knows nothing of flushes, trusts a write that was
 * answered. */
static bool writes_through(const struct virtio_blk *b)
{
	if (virtio_accepted(&b->device, VIRTIO_BLK_F_CONFIG_WCE))
		return !__atomic_load_n(&b->config.wce, __ATOMIC_RELAXED);
	return !virtio_accepted(&b->device, VIRTIO_BLK_F_FLUSH);
}

static void submit(struct blk_request *r, enum disk_op op, uint64_t sector, uint64_t bytes)
{
	struct disk_request *d = &r->disk;
	struct virtio_blk *b = r->queue->blk;

	d->op = op;
	/* What cannot be multiplied is beyond the disk in any case. */
	d->offset = sector < UINT64_MAX / DISK_SECTOR_BYTES
			    ? sector * DISK_SECTOR_BYTES
			    : UINT64_MAX - UINT64_MAX % DISK_SECTOR_BYTES;
	d->bytes = bytes;
	d->durable = writes_through(b);
	disk_submit(b->disk, d);
}

static void transfer(struct blk_request *r, const struct virtqueue_chain *c, uint64_t sector,
		     bool write)
{
	size_t header = sizeof(struct virtio_blk_outhdr);
	size_t bytes = write ? c->readable_bytes - header : c->writable_bytes - 1;

	r->disk.iov_count = write ? iov_slice(c->iov, c->readable, header, bytes, r->iov)
				  : iov_slice(chain_writable(c), c->writable, 0, bytes, r->iov);
	r->disk.iov = r->iov;
	submit(r, write ? DISK_WRITE : DISK_READ, sector, bytes);
}

/* 5.2.6.2: one range, for we said that we take but one at a time. */
static void range(struct blk_request *r, const struct virtqueue_chain *c, enum disk_op op)
{
	struct virtio_blk *b = r->queue->blk;
	struct virtio_blk_discard_write_zeroes range;
	size_t header = sizeof(struct virtio_blk_outhdr);
	uint32_t known = op == DISK_WRITE_ZEROES ? VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP : 0;
	bool valid = c->readable_bytes == header + sizeof(range);

	if (valid) {
		iov_copy_from(c->iov, c->readable, header, &range, sizeof(range));
		valid = range.num_sectors <= BLK_RANGE_BYTES / DISK_SECTOR_BYTES;
	}
	if (!valid || range.flags & ~known) {
		counter_add(valid ? &b->unsupported : &b->invalid, 1);
		fail(r, valid ? VIRTIO_BLK_S_UNSUPP : VIRTIO_BLK_S_IOERR);
		return;
	}
	r->disk.may_unmap = range.flags & VIRTIO_BLK_WRITE_ZEROES_FLAG_UNMAP;
	submit(r, op, range.sector, (uint64_t)range.num_sectors * DISK_SECTOR_BYTES);
}

static void tell_name(struct blk_request *r, const struct virtqueue_chain *c)
{
	char id[VIRTIO_BLK_ID_BYTES] = DEVICE_NAME;
	size_t room = c->writable_bytes - 1;
	size_t n = iov_copy_to(chain_writable(c), c->writable, 0, id,
			       room < sizeof(id) ? room : sizeof(id));

	push(r, VIRTIO_BLK_S_OK, (uint32_t)(n + (n == room)));
}

static bool offered(const struct virtio_blk *b, unsigned int feature)
{
	return b->device.offered >> feature & 1;
}

void blk_execute(struct blk_request *r, const struct virtqueue_chain *c)
{
	struct virtio_blk *b = r->queue->blk;
	struct virtio_blk_outhdr h;

	iov_copy_from(c->iov, c->readable, 0, &h, sizeof(h));
	switch (h.type) {
	case VIRTIO_BLK_T_IN:
		transfer(r, c, h.sector, false);
		return;
	case VIRTIO_BLK_T_OUT:
		transfer(r, c, h.sector, true);
		return;
	case VIRTIO_BLK_T_FLUSH:
		submit(r, DISK_FLUSH, 0, 0);
		return;
	case VIRTIO_BLK_T_GET_ID:
		tell_name(r, c);
		return;
	case VIRTIO_BLK_T_DISCARD:
		if (!offered(b, VIRTIO_BLK_F_DISCARD))
			break;
		range(r, c, DISK_DISCARD);
		return;
	case VIRTIO_BLK_T_WRITE_ZEROES:
		if (!offered(b, VIRTIO_BLK_F_WRITE_ZEROES))
			break;
		range(r, c, DISK_WRITE_ZEROES);
		return;
	}
	counter_add(&b->unsupported, 1);
	fail(r, VIRTIO_BLK_S_UNSUPP);
}
