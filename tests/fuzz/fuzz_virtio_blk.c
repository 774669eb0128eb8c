/*
 * Fuzzes the disk from the guest's side: the input is a program of a hostile driver that
 * writes into its memory (rings included), makes requests well formed and not, kicks any
 * queue, negotiates, resets while requests are in flight; and of a host whose disk is slow,
 * or fails. The device may break, and count it; it may not crash, hang, or touch what is not
 * guest memory, and nothing is in flight once it is reset.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/virtio_program.h"
#include "tests/unit/vmm/fake_disk.h"
#include "vmm/virtio/blk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { QUEUES = 2, OPERATIONS_MAX = 400 };

enum operation {
	KICK,
	REQUEST,
	OFFER,
	DESCRIBE,
	WRITE_MEMORY,
	SET_INDEX,
	RESET,
	HOLD,
	RUN,
	FAIL,
	OPERATIONS,
};

struct world {
	struct driver driver;
	struct driver_queue dq[QUEUES];
	struct virtio_blk blk;
	struct disk *disk;
	struct loop *loop;
};

static void negotiate(struct world *w, struct input *in)
{
	struct virtio_device *d = &w->blk.device;
	unsigned int choice = half(in);

	w->driver.next = 4096;
	virtio_set_status(d, 0);
	if (fake_disk.held)
		abort();
	accept_and_run(d, &w->driver, w->dq, QUEUES, choice, (uint64_t)(choice & 0x3fff) << 1);
}

/* Header, data and status, as a driver would, of any type, place and length. */
static void request(struct world *w, struct driver_queue *dq, struct input *in)
{
	unsigned int kind = byte(in), sectors = byte(in);
	struct virtio_blk_outhdr h = {.type = kind & 15, .sector = half(in)};
	struct virtio_blk_discard_write_zeroes range = {h.sector, sectors, kind >> 6};
	uint16_t write = kind & 16 ? VRING_DESC_F_WRITE : 0;
	uint32_t bytes = kind & 32 ? sizeof(range) : sectors * 512;
	uint64_t gpa = 0x80000 + (half(in) & 0xfff0);

	memcpy(driver_host(&w->driver, gpa), &h, sizeof(h));
	memcpy(driver_host(&w->driver, gpa + 16), &range, sizeof(range));
	driver_describe(dq, 0, gpa, sizeof(h), VRING_DESC_F_NEXT, bytes ? 1 : 2);
	driver_describe(dq, 1 % dq->size, gpa + 16, bytes, VRING_DESC_F_NEXT | write, 2);
	driver_describe(dq, 2 % dq->size, gpa + 64, 1, VRING_DESC_F_WRITE, 0);
	driver_offer(dq, 0);
}

static void fail(unsigned int how)
{
	const int errors[] = {0, EIO, ENOSPC, EROFS};

	fake_disk.error = errors[how % 4];
}

static void operate(struct world *w, struct input *in)
{
	enum operation operation = byte(in) % OPERATIONS;
	unsigned int queue = byte(in) % QUEUES;
	struct virtio_device *d = &w->blk.device;

	switch (operation) {
	case KICK:
		if (d->running)
			d->ops->kick(d, queue);
		break;
	case REQUEST:
		request(w, &w->dq[queue], in);
		break;
	case OFFER:
		driver_offer(&w->dq[queue], (uint16_t)byte(in));
		break;
	case DESCRIBE:
		describe(&w->dq[queue], in);
		break;
	case WRITE_MEMORY:
		write_memory(&w->driver, in);
		break;
	case SET_INDEX:
		w->dq[queue].available->idx = (uint16_t)half(in);
		break;
	case RESET:
		negotiate(w, in);
		break;
	case HOLD:
		fake_disk.hold = byte(in) & 1;
		break;
	case RUN:
		disk_run(w->disk);
		break;
	case FAIL:
		fail(byte(in));
		break;
	case OPERATIONS:
		break;
	}
}

static void create(struct world *w, struct input *in)
{
	driver_init(&w->driver);
	fake_disk_reset();
	fake_disk.info.readonly = byte(in) & 1;
	w->loop = loop_create("fuzz");
	w->disk = disk_open(NULL, w->loop);
	strcpy(w->blk.name, "fuzz");
	if (blk_init(&w->blk, w->disk, QUEUES, w->loop, &w->driver.memory))
		abort();
	w->blk.device.transport = &driver_transport;
}

static void destroy(struct world *w)
{
	blk_fini(&w->blk);
	disk_close(w->disk);
	loop_destroy(w->loop);
	driver_destroy(&w->driver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));
	struct input in = {data, size};

	create(w, &in);
	negotiate(w, &in);
	for (int i = 0; in.left && i < OPERATIONS_MAX; i++)
		operate(w, &in);
	destroy(w);
	free(w);
	return 0;
}
