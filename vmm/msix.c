/*
 * MSI-X (PCI 3.0, 6.8.2): the vector table and pending bits in a BAR, mostly one of their own.
 *
 * Locks: the bus's lock may be held when the MSI-X lock is taken, never the other way round.
 */
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/pci_bus.h"
#include "vmm/pci_vector.h"

#define VECTORS_MAX 2048 /* the table size field has 11 bits */

struct entry {
	uint32_t word[4]; /* address low, high, data, control: as the guest reads them */
	struct pci_vector vector;
};

struct pci_msix {
	struct pci_device *device;
	pthread_mutex_t lock;
	unsigned int capability; /* offset in configuration space */
	unsigned int vectors;
	unsigned int table_bar, pending_bar;
	uint64_t table, pending; /* offsets in these BARs */
	bool enabled, masked;    /* from the capability's control word */
	struct entry entry[];
};

static bool entry_masked(const struct pci_msix *x, const struct entry *e)
{
	return !x->enabled || x->masked || (e->word[3] & PCI_MSIX_ENTRY_CTRL_MASKBIT);
}

/* The guest has programmed or masked it. Lock held. */
static void entry_changed(struct pci_msix *x, struct entry *e)
{
	struct machine *m = x->device->machine;
	uint64_t address = (uint64_t)e->word[1] << 32 | e->word[0];

	if (entry_masked(x, e) ? vector_mask(m, &e->vector)
			       : vector_unmask(m, &e->vector, address, e->word[2]))
		__atomic_fetch_add(&m->pci->refused_vectors, 1, __ATOMIC_RELAXED);
}

static uint32_t pending_word(const struct pci_msix *x, unsigned int first)
{
	uint32_t bits = 0;

	for (unsigned int i = 0; i < 32 && first + i < x->vectors; i++)
		bits |= (uint32_t)vector_pending(&x->entry[first + i].vector) << i;
	return bits;
}

static uint64_t table_bytes(const struct pci_msix *x)
{
	return x->vectors * PCI_MSIX_ENTRY_SIZE;
}

static uint64_t pending_bytes(const struct pci_msix *x)
{
	return (x->vectors + 63) / 64 * 8;
}

static bool within(uint64_t offset, uint64_t start, uint64_t bytes)
{
	return offset >= start && offset - start < bytes;
}

static bool in_table(const struct pci_msix *x, unsigned int bar, uint64_t offset)
{
	return bar == x->table_bar && within(offset, x->table, table_bytes(x));
}

static bool in_pending(const struct pci_msix *x, unsigned int bar, uint64_t offset)
{
	return bar == x->pending_bar && within(offset, x->pending, pending_bytes(x));
}

static uint32_t word_read(const struct pci_msix *x, unsigned int bar, uint64_t offset)
{
	if (in_table(x, bar, offset)) {
		offset -= x->table;
		return x->entry[offset / PCI_MSIX_ENTRY_SIZE].word[offset / 4 % 4];
	}
	return in_pending(x, bar, offset)
		       ? pending_word(x, (unsigned int)(offset - x->pending) / 4 * 32)
		       : 0;
}

/* 6.8.2: accesses are aligned 4 or 8 bytes wide; others are undefined, here zero and ignored.
 */
static bool well_formed(uint64_t offset, unsigned int size)
{
	return (size == 4 || size == 8) && offset % size == 0;
}

bool pci_msix_read(struct pci_device *d, unsigned int bar, uint64_t offset, unsigned int size,
		   uint64_t *value)
{
	struct pci_msix *x = d->msix;

	if (!x || !(in_table(x, bar, offset) || in_pending(x, bar, offset)))
		return false;
	*value = 0;
	if (!well_formed(offset, size))
		return true;
	pthread_mutex_lock(&x->lock);
	*value = word_read(x, bar, offset);
	if (size == 8)
		*value |= (uint64_t)word_read(x, bar, offset + 4) << 32;
	pthread_mutex_unlock(&x->lock);
	return true;
}

bool pci_msix_write(struct pci_device *d, unsigned int bar, uint64_t offset, uint64_t value,
		    unsigned int size)
{
	struct pci_msix *x = d->msix;
	struct entry *e;

	if (!x || !(in_table(x, bar, offset) || in_pending(x, bar, offset)))
		return false;
	if (!well_formed(offset, size) || !in_table(x, bar, offset))
		return true;
	offset -= x->table;
	pthread_mutex_lock(&x->lock);
	e = &x->entry[offset / PCI_MSIX_ENTRY_SIZE];
	e->word[offset / 4 % 4] = (uint32_t)value;
	if (size == 8)
		e->word[offset / 4 % 4 + 1] = (uint32_t)(value >> 32);
	entry_changed(x, e);
	pthread_mutex_unlock(&x->lock);
	return true;
}

/* The BAR that pci_msix_init() makes holds nothing else. */
static uint64_t bar_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct pci_device *d = r->owner;
	uint64_t value;

	return pci_msix_read(d, d->msix->table_bar, offset, size, &value) ? value : 0;
}

static void bar_write(struct bus_range *r, uint64_t offset, uint64_t value, unsigned int size)
{
	struct pci_device *d = r->owner;

	pci_msix_write(d, d->msix->table_bar, offset, value, size);
}

static struct pci_msix *make(struct pci_device *d, unsigned int capability,
			     unsigned int vectors)
{
	struct pci_msix *x = calloc(1, sizeof(*x) + vectors * sizeof(x->entry[0]));

	if (!x) {
		err_errno("%s: cannot make %u vectors", d->name, vectors);
		return NULL;
	}
	pthread_mutex_init(&x->lock, NULL);
	x->device = d;
	x->capability = capability;
	x->vectors = vectors;
	for (unsigned int i = 0; i < vectors; i++) {
		x->entry[i].vector = (struct pci_vector)PCI_VECTOR_NEW;
		x->entry[i].word[3] = PCI_MSIX_ENTRY_CTRL_MASKBIT;
	}
	return x;
}

int pci_msix_init_at(struct pci_device *d, const struct pci_msix_layout *l,
		     unsigned int vectors)
{
	struct pci_msix *x;

	if (vectors == 0 || vectors > VECTORS_MAX || l->table_bar >= PCI_BARS ||
	    l->pending_bar >= PCI_BARS || (l->table | l->pending) % 8)
		return err_set("%s: %u vectors in BAR %u", d->name, vectors, l->table_bar);
	if (pci_place_capability(d, l->capability, PCI_CAP_ID_MSIX, PCI_CAP_MSIX_SIZEOF))
		return -1;
	x = make(d, l->capability, vectors);
	if (!x)
		return -1;
	x->table_bar = l->table_bar;
	x->table = l->table;
	x->pending_bar = l->pending_bar;
	x->pending = l->pending;
	d->msix = x;
	pci_config_set(d, x->capability + PCI_MSIX_FLAGS, 2, vectors - 1);
	pci_config_set(d, x->capability + PCI_MSIX_TABLE, 4, l->table | l->table_bar);
	pci_config_set(d, x->capability + PCI_MSIX_PBA, 4, l->pending | l->pending_bar);
	d->writable[x->capability + PCI_MSIX_FLAGS + 1] =
		(PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL) >> 8;
	return 0;
}

int pci_msix_init(struct pci_device *d, unsigned int bar, unsigned int vectors)
{
	struct pci_msix_layout l = {
		.table_bar = bar, .pending_bar = bar, .pending = vectors * PCI_MSIX_ENTRY_SIZE};
	uint64_t bytes = 4096;

	l.capability = pci_next_capability(d);
	if (pci_msix_init_at(d, &l, vectors))
		return -1;
	while (bytes < table_bytes(d->msix) + pending_bytes(d->msix))
		bytes *= 2;
	d->bar[bar] = (struct pci_bar){
		.kind = PCI_BAR_MEM32, .bytes = bytes, .read = bar_read, .write = bar_write};
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
			entry_changed(x, &x->entry[i]);
	}
	pthread_mutex_unlock(&x->lock);
}

void pci_msix_destroy(struct pci_device *d)
{
	struct pci_msix *x = d->msix;

	if (!x)
		return;
	for (unsigned int i = 0; i < x->vectors; i++)
		vector_close(d->machine, &x->entry[i].vector);
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
	struct entry *e;

	if (!x || vector >= x->vectors)
		return;
	pthread_mutex_lock(&x->lock);
	e = &x->entry[vector];
	if (!entry_masked(x, e) && e->vector.tied)
		vector_fire(&e->vector);
	else if (x->enabled)
		e->vector.pending = true;
	pthread_mutex_unlock(&x->lock);
}

int pci_msix_fd(struct pci_device *d, unsigned int vector)
{
	struct pci_msix *x = d->msix;
	struct entry *e;
	int fd = -1;

	if (vector >= pci_msix_vectors(d))
		return err_set("%s: it has no vector %u", d->name, vector);
	pthread_mutex_lock(&x->lock);
	e = &x->entry[vector];
	e->vector.external = true;
	if (!vector_open(&e->vector)) {
		fd = e->vector.fd;
		entry_changed(x, e);
	}
	pthread_mutex_unlock(&x->lock);
	return fd;
}

bool pci_msix_message(const struct pci_device *d, unsigned int vector, uint64_t *address,
		      uint32_t *data)
{
	struct pci_msix *x = d->msix;
	const struct entry *e;
	bool usable;

	if (!x || vector >= x->vectors)
		return false;
	pthread_mutex_lock(&x->lock);
	e = &x->entry[vector];
	usable = !entry_masked(x, e);
	*address = (uint64_t)e->word[1] << 32 | e->word[0];
	*data = e->word[2];
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
	n = d->msix->entry[vector].vector.signals;
	pthread_mutex_unlock(&d->msix->lock);
	return n;
}
