/*
 * MSI (PCI 3.0, 6.8.1): one message, in configuration space, whose low bits tell up to 32
 * vectors apart. Its vectors are raised by others, by eventfd; a guest changes messages by
 * writing them, without masking where there are no mask bits.
 *
 * Locks: as msix.c.
 */
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/pci_bus.h"
#include "vmm/pci_vector.h"

#define MSI_VECTORS_MAX 32

struct pci_msi {
	struct pci_device *device;
	pthread_mutex_t lock;
	unsigned int capability, vectors;
	unsigned int data, mask; /* offsets in configuration space; mask 0: it has none */
	bool wide;               /* has the address's upper half */
	/* as the guest last wrote it */
	unsigned int enabled; /* vectors */
	uint64_t address;
	uint32_t message, masked;
	struct pci_vector vector[MSI_VECTORS_MAX];
};

static bool usable(const struct pci_msi *x, unsigned int vector)
{
	return vector < x->enabled && !(x->masked >> vector & 1);
}

/* 6.8.1.3: with 2^n vectors on, the low n bits of the data are the vector's number. */
static uint32_t message_of(const struct pci_msi *x, unsigned int vector)
{
	return x->enabled ? (x->message & ~(x->enabled - 1)) | vector : x->message;
}

static void vector_changed(struct pci_msi *x, unsigned int i)
{
	struct machine *m = x->device->machine;
	struct pci_vector *v = &x->vector[i];

	if (!v->external)
		return;
	if (usable(x, i) ? vector_unmask(m, v, x->address, message_of(x, i))
			 : vector_mask(m, v))
		__atomic_fetch_add(&m->pci->refused_vectors, 1, __ATOMIC_RELAXED);
}

/* As many as the guest chose, which may be more than there are, or a reserved number. */
static unsigned int chosen(const struct pci_msi *x, uint32_t flags)
{
	unsigned int n = 1U << ((flags & PCI_MSI_FLAGS_QSIZE) >> 4);

	if (!(flags & PCI_MSI_FLAGS_ENABLE))
		return 0;
	return n < x->vectors ? n : x->vectors;
}

static bool take(struct pci_msi *x)
{
	const struct pci_device *d = x->device;
	unsigned int enabled = chosen(x, pci_config_get(d, x->capability + PCI_MSI_FLAGS, 2));
	uint64_t address = pci_config_get(d, x->capability + PCI_MSI_ADDRESS_LO, 4);
	uint32_t message = pci_config_get(d, x->data, 2);
	uint32_t masked = x->mask ? pci_config_get(d, x->mask, 4) : 0;
	bool changed;

	if (x->wide)
		address |= (uint64_t)pci_config_get(d, x->capability + PCI_MSI_ADDRESS_HI, 4)
			   << 32;
	changed = enabled != x->enabled || address != x->address || message != x->message ||
		  masked != x->masked;
	x->enabled = enabled;
	x->address = address;
	x->message = message;
	x->masked = masked;
	return changed;
}

void pci_msi_control_written(struct pci_device *d)
{
	struct pci_msi *x = d->msi;

	if (!x)
		return;
	pthread_mutex_lock(&x->lock);
	if (take(x))
		for (unsigned int i = 0; i < x->vectors; i++)
			vector_changed(x, i);
	pthread_mutex_unlock(&x->lock);
}

static void lay_out(struct pci_msi *x, uint16_t flags)
{
	struct pci_device *d = x->device;
	unsigned int at = x->capability;

	pci_config_set(
		d, at + PCI_MSI_FLAGS, 2,
		flags & (PCI_MSI_FLAGS_QMASK | PCI_MSI_FLAGS_64BIT | PCI_MSI_FLAGS_MASKBIT));
	pci_set_writable(d, at + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | PCI_MSI_FLAGS_QSIZE);
	pci_set_writable(d, at + PCI_MSI_ADDRESS_LO, 4, ~3U);
	if (x->wide)
		pci_set_writable(d, at + PCI_MSI_ADDRESS_HI, 4, UINT32_MAX);
	pci_set_writable(d, x->data, 2, UINT16_MAX);
	if (x->mask)
		pci_set_writable(d, x->mask, 4, UINT32_MAX);
}

int pci_msi_init(struct pci_device *d, unsigned int offset, uint16_t flags)
{
	unsigned int order = (flags & PCI_MSI_FLAGS_QMASK) >> 1;
	bool wide = flags & PCI_MSI_FLAGS_64BIT, maskable = flags & PCI_MSI_FLAGS_MASKBIT;
	unsigned int data = wide ? PCI_MSI_DATA_64 : PCI_MSI_DATA_32;
	unsigned int mask = wide ? PCI_MSI_MASK_64 : PCI_MSI_MASK_32;
	struct pci_msi *x;

	if (order > 5)
		return err_set("%s: MSI with 2^%u vectors", d->name, order);
	/* Behind the mask bits come as many pending bits. */
	if (pci_place_capability(d, offset, PCI_CAP_ID_MSI, maskable ? mask + 8 : data + 2))
		return -1;
	x = calloc(1, sizeof(*x));
	if (!x)
		return err_errno("%s: cannot make MSI vectors", d->name);
	pthread_mutex_init(&x->lock, NULL);
	x->device = d;
	x->capability = offset;
	x->vectors = 1U << order;
	x->wide = wide;
	x->data = offset + data;
	x->mask = maskable ? offset + mask : 0;
	for (unsigned int i = 0; i < MSI_VECTORS_MAX; i++)
		x->vector[i] = (struct pci_vector)PCI_VECTOR_NEW;
	d->msi = x;
	lay_out(x, flags);
	return 0;
}

void pci_msi_destroy(struct pci_device *d)
{
	struct pci_msi *x = d->msi;

	if (!x)
		return;
	for (unsigned int i = 0; i < x->vectors; i++)
		vector_close(d->machine, &x->vector[i]);
	pthread_mutex_destroy(&x->lock);
	free(x);
	d->msi = NULL;
}

unsigned int pci_msi_enabled(const struct pci_device *d)
{
	unsigned int n;

	if (!d->msi)
		return 0;
	pthread_mutex_lock(&d->msi->lock);
	n = d->msi->enabled;
	pthread_mutex_unlock(&d->msi->lock);
	return n;
}

int pci_msi_fd(struct pci_device *d, unsigned int vector)
{
	struct pci_msi *x = d->msi;
	int fd = -1;

	if (!x || vector >= x->vectors)
		return err_set("%s: it has no MSI vector %u", d->name, vector);
	pthread_mutex_lock(&x->lock);
	x->vector[vector].external = true;
	if (!vector_open(&x->vector[vector])) {
		fd = x->vector[vector].fd;
		vector_changed(x, vector);
	}
	pthread_mutex_unlock(&x->lock);
	return fd;
}

bool pci_msi_message(const struct pci_device *d, unsigned int vector, uint64_t *address,
		     uint32_t *data)
{
	struct pci_msi *x = d->msi;
	bool can;

	if (!x || vector >= x->vectors)
		return false;
	pthread_mutex_lock(&x->lock);
	can = usable(x, vector);
	*address = x->address;
	*data = message_of(x, vector);
	pthread_mutex_unlock(&x->lock);
	return can;
}
