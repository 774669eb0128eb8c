/* virtio-blk's queues, and its life: see blk.h. */
#include "vmm/virtio/blk.h"

#include <stdlib.h>

#include "lib/err.h"
#include "lib/now.h"

#define CHAINS_PER_TURN   64
#define PAUSE_NS          2000000 /* between requests: then the driver does something else */
#define SEGMENT_BYTES_MAX (1U << 20)
#define RANGE_ALIGN_BYTES 4096 /* what file systems can give back */

static struct virtqueue *ring_of(struct blk_queue *q)
{
	return &q->blk->device.queue[q->index].ring;
}

static void publish(void *owner)
{
	struct virtio_blk *b = owner;

	while (b->unpublished) {
		unsigned int i = (unsigned int)__builtin_ctz(b->unpublished);

		b->unpublished &= b->unpublished - 1;
		virtqueue_publish(&b->device.queue[i].ring);
		if (!b->queue[i].holding)
			virtio_signal(&b->device, i);
		if (b->queue[i].starved) {
			b->queue[i].starved = false;
			virtio_kick_again(&b->device, i);
		}
	}
}

static bool any_free(const struct blk_queue *q)
{
	return q->free || q->fresh < VIRTQUEUE_SIZE_MAX;
}

static struct blk_request *take_free(struct blk_queue *q)
{
	struct blk_request *r = q->free;

	if (r) {
		q->free = r->next;
		return r;
	}
	r = &q->requests[q->fresh++];
	r->queue = q;
	r->disk.done = blk_answered;
	r->disk.owner = r;
	return r;
}

/* 5.2.6: header, data, and a status byte at the end of what is writable. */
static bool begin(struct blk_queue *q, const struct virtqueue_chain *c)
{
	const struct iovec *last = &c->iov[c->readable + c->writable - 1];
	struct blk_request *r;

	if (c->readable_bytes < sizeof(struct virtio_blk_outhdr) || !c->writable_bytes) {
		virtio_break(&q->blk->device, "disk request without header or status");
		return false;
	}
	r = take_free(q);
	r->head = c->head;
	r->used = (uint32_t)c->writable_bytes;
	r->status = (uint8_t *)last->iov_base + last->iov_len - 1;
	blk_execute(r, c);
	return true;
}

/* Begin what the driver has put there: the number of chains, -1 if it broke a rule. */
static int take(struct blk_queue *q)
{
	struct virtio_blk *b = q->blk;
	struct virtqueue *ring = ring_of(q);

	for (int n = 0;; n++) {
		int popped;

		if (n == CHAINS_PER_TURN || !any_free(q))
			return n;
		popped = virtqueue_pop(ring, &b->chain);
		if (!popped)
			return n;
		if (popped < 0)
			virtio_break(&b->device, ring->broken);
		if (popped < 0 || !begin(q, &b->chain))
			return -1;
	}
}

static void signal_held(struct blk_queue *q)
{
	if (virtqueue_unsignalled(ring_of(q)))
		virtio_signal(&q->blk->device, q->index);
}

static void signal_due(struct blk_queue *q, unsigned int taken)
{
	uint64_t now = now_ns();

	gap_measure(&q->coalesce.gap, taken, now);
	if (coalesce_due(&q->coalesce, virtqueue_unsignalled(ring_of(q)), now))
		signal_held(q);
}

static bool came(const void *owner)
{
	return virtqueue_has_more(owner);
}

/* Nothing is in the queue: ask for a kick, unless we need not. True if there is something now.
 */
static bool look(struct blk_queue *q)
{
	struct virtqueue *ring = ring_of(q);
	unsigned int held = virtqueue_unsignalled(ring);

	if (!coalesce_look(&q->coalesce, held, q->blk->device.loop, came, ring)) {
		held = virtqueue_unsignalled(ring);
		if (held)
			coalesce_stalled(&q->coalesce, held);
	}
	if (!virtqueue_kicks_on(ring))
		return false;
	virtqueue_kicks_off(ring);
	return true;
}

/* True if it is the turn of others, and there may be more. */
static bool serve_turn(struct blk_queue *q)
{
	struct virtio_blk *b = q->blk;

	for (int turns = 0; turns < CHAINS_PER_TURN;) {
		int n = take(q);

		disk_run(b->disk);
		publish(b);
		if (n < 0)
			return false;
		signal_due(q, (unsigned int)n);
		if (!any_free(q)) {
			q->starved = true;
			return false;
		}
		if (!n && !look(q))
			return false;
		turns += n;
	}
	return true;
}

/* Kicks stay off while anything is done for the queue, the I/O itself included. */
static void serve(struct blk_queue *q)
{
	bool more;

	virtqueue_kicks_off(ring_of(q));
	q->coalesce.held_ns = 0;
	q->holding = true;
	more = serve_turn(q);
	q->holding = false;
	signal_held(q);
	if (more)
		virtio_kick_again(&q->blk->device, q->index);
}

static void blk_kick(struct virtio_device *d, unsigned int queue)
{
	struct virtio_blk *b = d->owner;

	serve(&b->queue[queue]);
}

static void blk_start(struct virtio_device *d)
{
	for (unsigned int i = 0; i < d->queue_count; i++)
		virtio_kick_again(d, i);
}

static void blk_stop(struct virtio_device *d)
{
	struct virtio_blk *b = d->owner;

	disk_drain(b->disk);
	publish(b);
}

/* 5.2.5: the driver chooses whether it flushes, or trusts every write. */
static void blk_config_written(struct virtio_device *d, uint64_t offset, uint8_t value)
{
	struct virtio_blk *b = d->owner;

	if (offset == offsetof(struct virtio_blk_config, wce) &&
	    virtio_accepted(d, VIRTIO_BLK_F_CONFIG_WCE))
		__atomic_store_n(&b->config.wce, value & 1, __ATOMIC_RELAXED);
}

static void blk_reset(struct virtio_device *d)
{
	struct virtio_blk *b = d->owner;

	__atomic_store_n(&b->config.wce, 1, __ATOMIC_RELAXED);
}

static const struct virtio_ops blk_ops = {
	.start = blk_start,
	.stop = blk_stop,
	.kick = blk_kick,
	.config_written = blk_config_written,
	.reset = blk_reset,
};

static void set_config(struct virtio_blk *b, unsigned int queues)
{
	const struct disk_info *info = disk_info(b->disk);
	uint32_t sectors = BLK_RANGE_BYTES / DISK_SECTOR_BYTES;
	uint32_t align = RANGE_ALIGN_BYTES / DISK_SECTOR_BYTES;

	b->config = (struct virtio_blk_config){
		.capacity = info->bytes / DISK_SECTOR_BYTES,
		.size_max = SEGMENT_BYTES_MAX,
		.seg_max = VIRTQUEUE_SIZE_MAX - 2, /* less header and status */
		.blk_size = DISK_SECTOR_BYTES,
		.physical_block_exp = (uint8_t)__builtin_ctz(align), /* pages of a cache */
		.min_io_size = (uint16_t)align,
		.wce = 1,
		.num_queues = (uint16_t)queues,
		.max_discard_sectors = sectors,
		.max_discard_seg = 1,
		.discard_sector_alignment = align,
		.max_write_zeroes_sectors = sectors,
		.max_write_zeroes_seg = 1,
		.write_zeroes_may_unmap = info->discard,
	};
}

static uint64_t features(const struct disk_info *info, unsigned int queues)
{
	uint64_t f = 1ULL << VIRTIO_BLK_F_SIZE_MAX | 1ULL << VIRTIO_BLK_F_SEG_MAX |
		     1ULL << VIRTIO_BLK_F_BLK_SIZE | 1ULL << VIRTIO_BLK_F_TOPOLOGY |
		     1ULL << VIRTIO_BLK_F_FLUSH | 1ULL << VIRTIO_BLK_F_CONFIG_WCE;

	if (queues > 1)
		f |= 1ULL << VIRTIO_BLK_F_MQ;
	if (info->readonly)
		return f | 1ULL << VIRTIO_BLK_F_RO;
	if (info->discard)
		f |= 1ULL << VIRTIO_BLK_F_DISCARD;
	return f | 1ULL << VIRTIO_BLK_F_WRITE_ZEROES;
}

static int init_queue(struct virtio_blk *b, unsigned int index)
{
	struct blk_queue *q = &b->queue[index];

	q->blk = b;
	q->index = index;
	q->coalesce.gap.pause_ns = PAUSE_NS;
	q->requests = calloc(VIRTQUEUE_SIZE_MAX, sizeof(*q->requests));
	if (!q->requests)
		return err_errno("%s", b->name);
	return 0;
}

int blk_init(struct virtio_blk *b, struct disk *disk, unsigned int queues, struct loop *loop,
	     const struct guest_memory *m)
{
	struct virtio_device *d = &b->device;

	b->disk = disk;
	set_config(b, queues);
	d->name = b->name;
	d->id = VIRTIO_ID_BLOCK;
	d->ops = &blk_ops;
	d->owner = b;
	d->offered = features(disk_info(disk), queues);
	d->queue_count = queues;
	d->config = &b->config;
	d->config_bytes = sizeof(b->config);
	for (unsigned int i = 0; i < queues; i++)
		if (init_queue(b, i))
			return -1;
	disk_on_batch_end(disk, publish, b);
	return virtio_init(d, loop, m);
}

void blk_fini(struct virtio_blk *b)
{
	/* The kernel writes into guest memory no more, and no write is cut off. */
	if (b->disk)
		disk_drain(b->disk);
	virtio_destroy(&b->device);
	for (unsigned int i = 0; i < BLK_QUEUES_MAX; i++)
		free(b->queue[i].requests);
}
