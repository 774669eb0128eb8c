/*
 * An emulated network card: an Intel 82540EM (PRO/1000 MT Desktop), for which every operating
 * system has a driver, over a tap.
 *
 *     --net mode=e1000,tap=NAME[,mac=52:54:..]     or fd=N for an inherited tap
 *
 * Checksums and segmentation of what the guest sends are left to the host's network stack, by
 * the tap's virtio-net headers. The other way frames come as on a wire, up to 16 KiB if the
 * driver takes long ones. The card interrupts by INTA#; it has no MSI.
 *
 * What the mode costs is registers: each access is an exit to us. Status tells: "tap", "mac",
 * "link"; "register_reads", "register_writes"; "kicks" (writes to TDT) with "doorbell", where
 * TDT is: {"bar", "offset"}, of which the address of the BAR is in "pci"; "interrupts" and
 * "throttled" (those that ITR put off); "queue": for rx and tx the ring ("size", "head",
 * "tail"), frames, bytes, descriptors, and of those what went wrong. rx.starvations: a frame
 * had to wait for descriptors; rx.filtered: it was not for this card; bad_descriptors: they
 * made no sense.
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/e1000/devices.h"
#include "vmm/e1000/e1000.h"
#include "vmm/machine.h"
#include "vmm/virtio/counter.h"

#define MEMORY_BAR_BYTES (128 << 10)
#define IO_BAR_BYTES     64

static uint64_t memory_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct pci_device *d = r->owner;

	return e1000_read(d->owner, offset, size);
}

static void memory_write(struct bus_range *r, uint64_t offset, uint64_t value,
			 unsigned int size)
{
	struct pci_device *d = r->owner;

	e1000_write(d->owner, offset, value, size);
}

static uint64_t io_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct pci_device *d = r->owner;

	return e1000_io_read(d->owner, offset, size);
}

static void io_write(struct bus_range *r, uint64_t offset, uint64_t value, unsigned int size)
{
	struct pci_device *d = r->owner;

	e1000_io_write(d->owner, offset, value, size);
}

static const struct pci_device function = {
	.id = {.vendor = 0x8086,
	       .device = 0x100e,
	       .subsystem_vendor = 0x8086,
	       .subsystem = 0x001e,
	       .class_code = 0x020000,
	       .revision = 2},
	.bar = {{PCI_BAR_MEM32, MEMORY_BAR_BYTES, memory_read, memory_write, NULL},
		{PCI_BAR_IO, IO_BAR_BYTES, io_read, io_write, NULL}},
};

static int set_up(struct e1000 *e, struct machine *m, const struct arguments *a)
{
	int fd;

	if (link_open(&e->link, a, 1))
		return -1;
	fd = e->link.fd[0];
	e->link.fd[0] = -1;
	snprintf(e->name, sizeof(e->name), "e1000 %s", e->link.tap);
	if (e1000_init(e, fd, m->io, &m->memory, &m->trace) || limits_arguments(&e->limits, a))
		return -1;
	return pci_add(m, &e->pci);
}

static int e1000_create(struct device *d, const struct arguments *a)
{
	struct e1000 *e = calloc(1, sizeof(*e));

	if (!e)
		return err_errno("net");
	d->state = e;
	e->pci = function;
	e->pci.name = e->name;
	e->pci.owner = e;
	if (set_up(e, d->machine, a))
		return -1;
	d->pci = &e->pci;
	return 0;
}

static void e1000_device_destroy(struct device *d)
{
	struct e1000 *e = d->state;

	pci_remove(&e->pci);
	e1000_destroy(e);
	free(e);
}

struct figure {
	const char *name;
	const uint64_t *counter;
};

static void set_figures(json_t *into, const struct figure *f)
{
	for (; f->name; f++)
		json_object_set_new(into, f->name,
				    json_integer((json_int_t)counter_read(f->counter)));
}

static json_t *ring_status(const struct e1000_ring *r)
{
	return json_pack("{s:I, s:I, s:I}", "size", (json_int_t)r->size, "head",
			 (json_int_t)r->head, "tail", (json_int_t)r->tail);
}

static json_t *rx_status(const struct e1000_rx *rx)
{
	const struct figure figures[] = {
		{"frames", &rx->frames},
		{"bytes", &rx->bytes},
		{"descriptors", &rx->descriptors},
		{"starvations", &rx->starvations},
		{"filtered", &rx->filtered},
		{"dropped", &rx->dropped},
		{"bad_descriptors", &rx->bad_descriptors},
		{NULL, NULL},
	};
	json_t *o = ring_status(&rx->ring);

	set_figures(o, figures);
	return o;
}

static json_t *tx_status(const struct e1000_tx *tx)
{
	const struct figure figures[] = {
		{"frames", &tx->frames},
		{"bytes", &tx->bytes},
		{"descriptors", &tx->descriptors},
		{"segmented", &tx->segmented_frames},
		{"checksums", &tx->checksums},
		{"tagged", &tx->tagged},
		{"blocked", &tx->blocks},
		{"dropped", &tx->dropped},
		{"bad_descriptors", &tx->bad_descriptors},
		{NULL, NULL},
	};
	json_t *o = ring_status(&tx->ring);

	set_figures(o, figures);
	return o;
}

static void e1000_status(struct device *d, json_t *into)
{
	struct e1000 *e = d->state;
	const struct figure figures[] = {
		{"register_reads", &e->register_reads},
		{"register_writes", &e->register_writes},
		{"odd_accesses", &e->odd_accesses},
		{"kicks", &e->kicks},
		{"bad_tails", &e->bad_tails},
		{"resets", &e->resets},
		{"interrupts", &e->irq.raised},
		{"throttled", &e->irq.throttles},
		{NULL, NULL},
	};

	link_status(&e->link, into);
	json_object_set_new(into, "link", json_boolean(e->phy.link));
	set_figures(into, figures);
	json_object_set_new(into, "doorbell",
			    json_pack("{s:i, s:i}", "bar", 0, "offset", (int)REG_TDT));
	json_object_set_new(
		into, "queue",
		json_pack("{s:o, s:o}", "rx", rx_status(&e->rx), "tx", tx_status(&e->tx)));
	limits_status(&e->limits, into);
}

static struct limits *e1000_limits(struct device *d)
{
	struct e1000 *e = d->state;

	return &e->limits;
}

static const struct argument e1000_arguments[] = {
	LINK_ARGUMENTS,
	NET_LIMIT_ARGUMENTS,
	{NULL, NULL, false, NULL},
};

const struct device_type device_net_e1000 = {
	.name = "net",
	.mode = "e1000",
	.help = "an emulated Intel 82540EM, on a tap",
	.arguments = e1000_arguments,
	.many = true,
	.check = link_check,
	.create = e1000_create,
	.destroy = e1000_device_destroy,
	.status = e1000_status,
	.limits = e1000_limits,
};
