/*
 * The emulated disk, made from its option:
 *
 *     --disk mode=nvme,file=PATH[,format=..][,overlay=..][,cache=..][,readonly]
 *            [,queues=N][,serial=TEXT][,block=512|4096]
 *
 * An NVMe controller rather than an AHCI one: passthrough mode's disk is NVMe too, so the guest
 * runs the same driver in both and only the mode differs.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/nvme/devices.h"
#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

/* 0x10f0 and its neighbours are the vendor's for devices without a number of their own. */
#define VENDOR    0x1af4
#define DEVICE    0x10f0
#define CLASS     0x010802 /* NVM Express, which is what drivers go by */
#define BAR_BYTES 0x2000
#define PAUSE_NS  2000000 /* between commands: then the driver does something else */

static uint64_t bar_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct pci_device *p = r->owner;

	return nvme_read(p->owner, offset, size);
}

static void bar_write(struct bus_range *r, uint64_t offset, uint64_t value, unsigned int size)
{
	struct pci_device *p = r->owner;

	nvme_write(p->owner, offset, value, size);
}

/* Edge-triggered: each signal wakes us once, and the count need not be read. */
static void kicked(struct loop_source *s, uint32_t events)
{
	struct nvme_pair *p = s->owner;

	(void)events;
	counter_add(&p->kicks, 1);
	nvme_pair_run(p);
}

static int add_pairs(struct nvme *n)
{
	for (unsigned int i = 0; i <= n->queue_count; i++) {
		struct nvme_pair *p = &n->pair[i];

		p->nvme = n;
		p->id = i;
		p->look.gap.pause_ns = PAUSE_NS;
		p->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (p->kick_fd < 0)
			return err_errno("%s: no doorbell for queue %u", n->name, i);
		p->kick_source = (struct loop_source){p->kick_fd, kicked, p};
		if (loop_add(n->loop, &p->kick_source, EPOLLIN | EPOLLET)) {
			close(p->kick_fd);
			p->kick_fd = -1;
			return err_add("%s: doorbell of queue %u", n->name, i);
		}
	}
	return 0;
}

static int add_function(struct nvme *n, struct machine *m)
{
	n->pci.name = n->name;
	n->pci.owner = n;
	n->pci.id = (struct pci_id){.vendor = VENDOR,
				    .device = DEVICE,
				    .subsystem_vendor = VENDOR,
				    .subsystem = DEVICE,
				    .class_code = CLASS,
				    .revision = 1};
	n->pci.bar[NVME_BAR_REGISTERS] = (struct pci_bar){.kind = PCI_BAR_MEM64,
							  .bytes = BAR_BYTES,
							  .read = bar_read,
							  .write = bar_write};
	return pci_msix_init(&n->pci, NVME_BAR_MSIX, n->queue_count + 1) || pci_add(m, &n->pci)
		       ? err_add("%s", n->name)
		       : 0;
}

/* FNV-1a */
static uint64_t hash(uint64_t seed, const char *text)
{
	for (; *text; text++)
		seed = (seed ^ (uint8_t)*text) * 0x100000001b3;
	return seed;
}

/* The same for the same serial number and image; RFC 9562, version 8. */
static void make_uuid(struct nvme *n, const char *path)
{
	uint64_t high = hash(hash(0xcbf29ce484222325, n->serial), path);
	uint64_t low = hash(high, path);

	memcpy(n->uuid, &high, 8);
	memcpy(n->uuid + 8, &low, 8);
	n->uuid[6] = (n->uuid[6] & 0x0f) | 0x80;
	n->uuid[8] = (n->uuid[8] & 0x3f) | 0x80;
}

/* The serial that was asked for, or a number; no two in a machine are the same. */
static int choose_serial(struct nvme *n, const struct device *d, const struct arguments *a)
{
	char numbered[NVME_SERIAL_BYTES + 1];
	int number = 1;

	for (const struct device *o = d->machine->devices; o != d; o = o->next)
		number += o->type == d->type;
	snprintf(numbered, sizeof(numbered), "strata-%d", number);
	snprintf(n->serial, sizeof(n->serial), "%s", arguments_get(a, "serial", numbered));
	for (const struct device *o = d->machine->devices; o != d; o = o->next)
		if (o->type == d->type &&
		    !strcmp(((const struct nvme *)o->state)->serial, n->serial))
			return err_set("two NVMe disks with the serial number %s: their guest "
				       "would take one of them only",
				       n->serial);
	return 0;
}

static int set_up(struct nvme *n, struct device *d, const struct arguments *a)
{
	struct machine *m = d->machine;
	uint64_t queues =
		m->vcpu_count < NVME_QUEUES_MAX ? (uint64_t)m->vcpu_count : NVME_QUEUES_MAX;
	uint64_t block = DISK_SECTOR_BYTES;

	if (arguments_number(a, "queues", 1, NVME_QUEUES_MAX, &queues) ||
	    arguments_number(a, "block", 512, 4096, &block) || choose_serial(n, d, a))
		return -1;
	n->queue_count = (unsigned int)queues;
	n->block_shift = block == 4096 ? 12 : 9;
	n->disk = disk_open(a, n->loop);
	if (!n->disk)
		return -1;
	disk_on_batch_end(n->disk, nvme_signal, n);
	n->blocks = disk_info(n->disk)->bytes >> n->block_shift;
	snprintf(n->name, sizeof(n->name), "nvme %s", arguments_get(a, "file", ""));
	make_uuid(n, arguments_get(a, "overlay", arguments_get(a, "file", "")));
	return add_pairs(n) || add_function(n, m) ? -1 : 0;
}

static int nvme_create(struct device *d, const struct arguments *a)
{
	struct nvme *n = calloc(1, sizeof(*n));

	if (!n)
		return err_errno("disk");
	d->state = n;
	n->memory = &d->machine->memory;
	n->loop = d->machine->io;
	pthread_mutex_init(&n->lock, NULL);
	for (unsigned int i = 0; i <= NVME_QUEUES_MAX; i++)
		n->pair[i].kick_fd = -1;
	if (set_up(n, d, a))
		return -1;
	d->pci = &n->pci;
	return 0;
}

static void nvme_destroy(struct device *d)
{
	struct nvme *n = d->state;

	if (n->disk)
		disk_drain(n->disk);
	pci_remove(&n->pci);
	for (unsigned int i = 0; i <= NVME_QUEUES_MAX; i++) {
		struct nvme_pair *p = &n->pair[i];

		if (p->kick_fd < 0)
			continue;
		loop_remove(n->loop, &p->kick_source);
		close(p->kick_fd);
	}
	disk_close(n->disk);
	while (n->free) {
		struct nvme_command *c = n->free;

		n->free = c->next;
		free(c);
	}
	pthread_mutex_destroy(&n->lock);
	free(n);
}

static struct limits *nvme_limits(struct device *d)
{
	struct nvme *n = d->state;

	return disk_limits_of(n->disk);
}

static int nvme_check(const struct arguments *a)
{
	const char *serial = arguments_get(a, "serial", "strata");
	const char *block = arguments_get(a, "block", "512");

	for (const char *c = serial; *c; c++)
		if (*c <= ' ' || *c > '~')
			return err_set("serial=%s: printable ASCII without spaces, please",
				       serial);
	if (!*serial || strlen(serial) > NVME_SERIAL_BYTES)
		return err_set("serial=%s: from 1 to %d characters, please", serial,
			       NVME_SERIAL_BYTES);
	if (strcmp(block, "512") != 0 && strcmp(block, "4096") != 0)
		return err_set("block=%s: a logical block has 512 or 4096 bytes", block);
	return disk_check(a);
}

static const struct argument nvme_arguments[] = {
	DISK_ARGUMENTS,
	{"queues", "N", false, "pairs of queues for the guest's I/O (one per processor)"},
	{"serial", "TEXT", false, "the controller's serial number (strata-1, ...)"},
	{"block", "512|4096", false, "bytes of a logical block (512)"},
	{NULL, NULL, false, NULL},
};

const struct device_type device_disk_nvme = {
	.name = "disk",
	.mode = "nvme",
	.help = "an emulated NVMe controller with one namespace",
	.arguments = nvme_arguments,
	.many = true,
	.check = nvme_check,
	.create = nvme_create,
	.destroy = nvme_destroy,
	.status = nvme_status,
	.limits = nvme_limits,
};
