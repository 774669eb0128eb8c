/*
 * MSI-X (PCI 3.0, 6.8.2): the vector table and pending bits in a BAR of their own, each vector
 * an irqfd whose GSI's route is rewritten when the guest programs the table.
 *
 * Locks: the bus's lock may be held when the MSI-X lock is taken, never the other way round.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/kvm.h"
#include "vmm/pci_bus.h"

#define VECTORS_MAX 2048 /* the table size field has 11 bits */

struct vector {
	uint32_t word[4]; /* address low, high, data, control: as the guest reads them */
	int fd;           /* the irqfd */
	int gsi;          /* -1: none yet, the guest never unmasked it */
	bool tied;        /* fd raises gsi */
	bool external; /* others write to fd: a masked vector is untied, and keeps them there */
	bool pending;
	uint64_t signals; /* under the lock */
};

struct pci_msix {
	struct pci_device *device;
	pthread_mutex_t lock;
	unsigned int capability; /* offset in configuration space */
	unsigned int vectors;
	bool enabled, masked; /* from the capability's control word */
	struct vector vector[];
};

static bool vector_masked(const struct pci_msix *x, const struct vector *v)
{
	return !x->enabled || x->masked || (v->word[3] & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

static void fire(struct vector *v)
{
	uint64_t one = 1;

	/* Fails only if the counter is full: then an interrupt is on its way already. */
	if (write(v->fd, &one, sizeof(one)) == sizeof(one))
		v->signals++;
}

static int vector_fd(struct pci_msix *x, struct vector *v)
{
	if (v->fd < 0)
		v->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return v->fd < 0 ? err_errno("%s: cannot make an eventfd", x->device->name) : 0;
}

static int vector_tie(struct pci_msix *x, struct vector *v, bool tie)
{
	if (v->tied == tie)
		return 0;
	if (kvm_irqfd(x->device->machine, (unsigned int)v->gsi, v->fd, tie))
		return -1;
	v->tied = tie;
	return 0;
}

/* First use: an eventfd and a GSI. Most vectors of most devices never get here. */
static int vector_open(struct pci_msix *x, struct vector *v)
{
	if (vector_fd(x, v))
		return -1;
	if (v->gsi < 0)
		v->gsi = kvm_msi_allocate(x->device->machine);
	return v->gsi < 0 ? -1 : 0;
}

/* A vector that may fire now: its route must be what the table says. Lock held. */
static int vector_unmasked(struct pci_msix *x, struct vector *v)
{
	uint64_t address = (uint64_t)v->word[1] << 32 | v->word[0];

	if (vector_open(x, v) ||
	    kvm_msi_route(x->device->machine, (unsigned int)v->gsi, address, v->word[2]) ||
	    vector_tie(x, v, true))
		return -1;
	if (v->pending) {
		v->pending = false;
		fire(v);
	}
	return 0;
}

/* The guest has programmed or masked it. Lock held. */
static void vector_changed(struct pci_msix *x, struct vector *v)
{
	int result = 0;

	if (!vector_masked(x, v))
		result = vector_unmasked(x, v);
	else if (v->external)
		result = vector_tie(x, v, false);
	if (result)
		__atomic_fetch_add(&x->device->machine->pci->refused_vectors, 1,
				   __ATOMIC_RELAXED);
}

static bool vector_pending(const struct vector *v)
{
	struct pollfd p = {.fd = v->fd, .events = POLLIN};

	return v->pending || (v->external && !v->tied && poll(&p, 1, 0) > 0);
}

static uint32_t pending_word(const struct pci_msix *x, unsigned int first)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; i < 32 && first + i < x->vectors; i++)
		bits |= (uint32_t)vector_pending(&x->vector[first + i]) << i;
	return bits;
}

static uint32_t pending_offset(const struct pci_msix *x)
{
	return x->vectors * PCI_MSIX_ENTRY_SIZE;
}

static uint32_t word_read(const struct pci_msix *x, uint64_t offset)
{
	uint64_t index = offset / PCI_MSIX_ENTRY_SIZE;

	if (index < x->vectors)
		return x->vector[index].word[offset / 4 % 4];
	offset -= pending_offset(x);
	return offset / 4 <= (x->vectors - 1) / 32
		       ? pending_word(x, (unsigned int)offset / 4 * 32)
		       : 0;
}

/* 6.8.2: accesses are aligned 4 or 8 bytes wide; others are undefined, here zero and ignored.
 */
static bool well_formed(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && offset % size == 0;
}

static uint64_t table_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct pci_msix *x = ((struct pci_device *)r->owner)->msix;
	uint64_t value;

	if (!well_formed(offset, size))
		return 0;
	pthread_mutex_lock(&x->lock);
	value = word_read(x, offset);
	if (size == 8)
		value |= (uint64_t)word_read(x, offset + 4) << 32;
	pthread_mutex_unlock(&x->lock);
	return value;
}

static void table_write(struct bus_range *r, uint64_t offset, uint64_t value, unsigned int size)
{
	struct pci_msix *x = ((struct pci_device *)r->owner)->msix;
	uint64_t index = offset / PCI_MSIX_ENTRY_SIZE;
	struct vector *v;

	if (!well_formed(offset, size) || index >= x->vectors)
		return;
	pthread_mutex_lock(&x->lock);
	v = &x->vector[index];
	v->word[offset / 4 % 4] = (uint32_t)value;
	if (size == 8)
		v->word[offset / 4 % 4 + 1] = (uint32_t)(value >> 32);
	vector_changed(x, v);
	pthread_mutex_unlock(&x->lock);
}

int pci_msix_init(struct pci_device *d, unsigned int bar, unsigned int vectors)
{
	uint64_t need = vectors * PCI_MSIX_ENTRY_SIZE + (vectors + 63) / 64 * 8, bytes = 4096;
	struct pci_msix *x;
	int cap;

	if (vectors == 0 || vectors > VECTORS_MAX || bar >= PCI_BARS)
		return err_set("%s: %u vectors in BAR %u", d->name, vectors, bar);
	cap = pci_add_capability(d, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF);
	if (cap < 0)
		return -1;
	x = calloc(1, sizeof(*x) + vectors * sizeof(x->vector[0]));
	if (!x)
		return err_errno("%s: cannot make %u vectors", d->name, vectors);
	while (bytes < need)
		bytes *= 2;
	pthread_mutex_init(&x->lock, NULL);
	x->device = d;
	x->capability = (unsigned int)cap;
	x->vectors = vectors;
	for (unsigned int i = 0; i < vectors; i++) {
		x->vector[i].fd = x->vector[i].gsi = -1;
		x->vector[i].word[3] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
	d->msix = x;
	d->bar[bar] = (struct pci_bar){.kind = PCI_BAR_MEM32,
				       .bytes = bytes,
				       .read = table_read,
				       .write = table_write};
	pci_config_set(d, x->capability + PCI_MSIX_FLAGS, 2, vectors - 1);
	pci_config_set(d, x->capability + PCI_MSIX_TABLE, 4, bar);
	pci_config_set(d, x->capability + PCI_MSIX_PBA, 4, pending_offset(x) | bar);
	d->writable[x->capability + PCI_MSIX_FLAGS + 1] =
		(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8;
	return 0;
}

void pci_msix_control_written(struct pci_device *d)
{
	struct pci_msix *x = d->msix;
	uint32_t flags;

	if (!x)
		return;
	pthread_mutex_lock(&x->lock);
	flags = pci_config_get(d, x->capability + PCI_MSIX_FLAGS, 2);
	if (x->enabled != !!(flags & PCI_MSIX_FLAGS_ENABLE) ||
	    x->masked != !!(flags & PCI_MSIX_FLAGS_MASKALL)) {
		x->enabled = flags & PCI_MSIX_FLAGS_ENABLE;
		x->masked = flags & PCI_MSIX_FLAGS_MASKALL;
		for (unsigned int i = 0; i < x->vectors; i++)
			vector_changed(x, &x->vector[i]);
	}
	pthread_mutex_unlock(&x->lock);
}

void pci_msix_destroy(struct pci_device *d)
{
	struct pci_msix *x = d->msix;

	if (!x)
		return;
	for (unsigned int i = 0; i < x->vectors; i++) {
		struct vector *v = &x->vector[i];

		vector_tie(x, v, false);
		if (v->fd >= 0)
			close(v->fd);
	}
	pthread_mutex_destroy(&x->lock);
	free(x);
	d->msix = NULL;
}

bool pci_msix_enabled(const struct pci_device *d)
{
	bool enabled;

	if (!d->msix)
		return false;
	pthread_mutex_lock(&d->msix->lock);
	enabled = d->msix->enabled;
	pthread_mutex_unlock(&d->msix->lock);
	return enabled;
}

void pci_msix_signal(struct pci_device *d, unsigned int vector)
{
	struct pci_msix *x = d->msix;

	if (!x || vector >= x->vectors)
		return;
	pthread_mutex_lock(&x->lock);
	if (!vector_masked(x, &x->vector[vector]) && x->vector[vector].tied)
		fire(&x->vector[vector]);
	else if (x->enabled)
		x->vector[vector].pending = true;
	pthread_mutex_unlock(&x->lock);
}

int pci_msix_fd(struct pci_device *d, unsigned int vector)
{
	struct pci_msix *x = d->msix;
	struct vector *v;
	int fd = -1;

	if (vector >= pci_msix_vectors(d))
		return err_set("%s: it has no vector %u", d->name, vector);
	pthread_mutex_lock(&x->lock);
	v = &x->vector[vector];
	v->external = true;
	if (!vector_fd(x, v)) {
		fd = v->fd;
		vector_changed(x, v);
	}
	pthread_mutex_unlock(&x->lock);
	return fd;
}

bool pci_msix_message(const struct pci_device *d, unsigned int vector, uint64_t *address,
		      uint32_t *data)
{
	struct pci_msix *x = d->msix;
	bool usable;

	if (!x || vector >= x->vectors)
		return false;
	pthread_mutex_lock(&x->lock);
	usable = !vector_masked(x, &x->vector[vector]);
	*address = (uint64_t)x->vector[vector].word[1] << 32 | x->vector[vector].word[0];
	*data = x->vector[vector].word[2];
	pthread_mutex_unlock(&x->lock);
	return usable;
}

unsigned int pci_msix_vectors(const struct pci_device *d)
{
	return d->msix ? d->msix->vectors : 0;
}

uint64_t pci_msix_signals(const struct pci_device *d, unsigned int vector)
{
	uint64_t n;

	if (vector >= pci_msix_vectors(d))
		return 0;
	pthread_mutex_lock(&d->msix->lock);
	n = d->msix->vector[vector].signals;
	pthread_mutex_unlock(&d->msix->lock);
	return n;
}
