/*
 * The disk's option (virtio 1.2, 5.2):
 *
 *     --disk mode=virtio,file=PATH[,queues=N][,...]
 *
 * A queue for each vCPU unless told otherwise; the rest is the disk's, DISK_ARGUMENTS of
 * vmm/block/disk.h. Status: what every virtio device and every disk tells, and
 * "unsupported" and "invalid", requests that the driver should not have made; "looks" (times we
 * waited a little for the next request), "looks_in_vain" and "coalescing" (answers to an
 * interrupt as it is now, the most of any queue), see vmm/coalesce.h.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/virtio/blk.h"
#include "vmm/virtio/counter.h"
#include "vmm/virtio/devices.h"
#include "vmm/virtio/pci.h"

#define CLASS_STORAGE 0x018000

struct blk_device {
	struct virtio_blk blk;
	struct virtio_pci transport;
	struct disk *disk;
};

static int count_queues(const struct arguments *a, uint64_t *queues)
{
	return arguments_number(a, "queues", 1, BLK_QUEUES_MAX, queues);
}

static int blk_check(const struct arguments *a)
{
	uint64_t queues;

	return count_queues(a, &queues) ? -1 : disk_check(a);
}

static int blk_create(struct device *d, const struct arguments *a)
{
	struct machine *m = d->machine;
	struct blk_device *b = calloc(1, sizeof(*b));
	uint64_t queues = (uint64_t)(m->vcpu_count > 0 ? m->vcpu_count : 1);

	if (!b)
		return err_errno("disk");
	d->state = b;
	if (queues > BLK_QUEUES_MAX)
		queues = BLK_QUEUES_MAX;
	if (count_queues(a, &queues))
		return -1;
	b->disk = disk_open(a, m->io);
	if (!b->disk)
		return -1;
	snprintf(b->blk.name, sizeof(b->blk.name), "virtio-blk %s",
		 arguments_get(a, "file", ""));
	if (blk_init(&b->blk, b->disk, (unsigned int)queues, m->io, &m->memory) ||
	    virtio_pci_add(&b->transport, &b->blk.device, m, CLASS_STORAGE))
		return -1;
	d->pci = &b->transport.pci;
	return 0;
}

static void blk_destroy(struct device *d)
{
	struct blk_device *b = d->state;

	blk_fini(&b->blk);
	disk_close(b->disk);
	free(b);
}

static void coalesce_status(const struct virtio_blk *b, json_t *into)
{
	uint64_t looks = 0, in_vain = 0;
	unsigned int target = 0;

	for (unsigned int i = 0; i < b->device.queue_count; i++) {
		const struct coalesce *c = &b->queue[i].coalesce;

		looks += counter_read(&c->looks);
		in_vain += counter_read(&c->in_vain);
		if (c->target > target)
			target = c->target;
	}
	json_object_set_new(into, "looks", json_integer((json_int_t)looks));
	json_object_set_new(into, "looks_in_vain", json_integer((json_int_t)in_vain));
	json_object_set_new(into, "coalescing", json_integer((json_int_t)target));
}

static void blk_status(struct device *d, json_t *into)
{
	struct blk_device *b = d->state;

	virtio_pci_status(&b->transport, into);
	disk_status(b->disk, into);
	json_object_set_new(into, "unsupported",
			    json_integer((json_int_t)counter_read(&b->blk.unsupported)));
	json_object_set_new(into, "invalid",
			    json_integer((json_int_t)counter_read(&b->blk.invalid)));
	coalesce_status(&b->blk, into);
}

static struct limits *blk_limits(struct device *d)
{
	struct blk_device *b = d->state;

	return disk_limits_of(b->disk);
}

static const struct argument blk_arguments[] = {
	DISK_ARGUMENTS,
	{"queues", "N", false, "1 to 16; default: as many as the VM has vCPUs"},
	{NULL, NULL, false, NULL},
};

const struct device_type device_disk_virtio = {
	.name = "disk",
	.mode = "virtio",
	.help = "a disk that the VMM serves",
	.arguments = blk_arguments,
	.many = true,
	.check = blk_check,
	.create = blk_create,
	.destroy = blk_destroy,
	.status = blk_status,
	.limits = blk_limits,
};
