/*
 * PCI: one bus, type 0 functions, configuration by ports 0xcf8/0xcfc, BARs that the
 * guest may move, MSI and MSI-X through KVM's interrupt routing and irqfd, INTx as the
 * fallback.
 *
 * The bus knows nothing of what a device does; a device gives a descriptor, its BARs and
 * callbacks. PCI Local Bus 3.0, 6.1 and 6.8.
 *
 * Threading: callbacks run on the vCPU thread that made the access, under no lock of the bus.
 * pci_msix_signal() and pci_intx() may be called from any thread.
 */
#ifndef STRATA_VMM_PCI_H
#define STRATA_VMM_PCI_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/bus.h"

#define PCI_BARS 6

struct machine;
struct pci_device;

enum pci_bar_kind {
	PCI_BAR_NONE = 0,
	PCI_BAR_IO,
	PCI_BAR_MEM32,
	PCI_BAR_MEM64,          /* takes two slots */
	PCI_BAR_MEM64_PREFETCH, /* the same, prefetchable */
};

/* Part of a BAR that is host memory mapped straight into the guest: a KVM slot, no exits. */
struct pci_bar_map {
	uint64_t offset, bytes; /* whole pages */
	void *host;
};

struct pci_bar {
	enum pci_bar_kind kind;
	uint64_t bytes;   /* a power of two */
	bus_read_fn read; /* range->owner is the pci_device */
	bus_write_fn write;
	void *ram;                      /* not NULL: the whole BAR is such memory */
	const struct pci_bar_map *maps; /* instead of ram: these parts are, which do not overlap
					   and stay as they are until pci_remove() */
	unsigned int map_count;
};

/* What identifies a function in configuration space. */
struct pci_id {
	uint16_t vendor, device, subsystem_vendor, subsystem;
	uint32_t class_code; /* base, sub, interface: 0x020000 is Ethernet */
	uint8_t revision;
};

struct pci_ops {
	/* After a guest's write into configuration space, when BARs, MSI and MSI-X have heeded
	 * it; may be NULL. */
	void (*config_written)(struct pci_device *d, unsigned int offset, unsigned int size);
	/* Before a guest's read of the same; may be NULL. */
	void (*config_reading)(struct pci_device *d, unsigned int offset, unsigned int size);
};

struct pci_msix; /* vectors, table, routes: private to msix.c */
struct pci_msi;  /* private to msi.c */

struct pci_device {
	const char *name;
	struct pci_id id;
	const struct pci_ops *ops;
	struct pci_bar bar[PCI_BARS];
	bool no_interrupt; /* it never uses INTx */
	void *owner;

	/* the bus's own */
	struct machine *machine;
	unsigned int slot;
	uint8_t config[256];
	uint8_t writable[256]; /* bits of config[] that a guest may change */
	unsigned int next_capability;
	struct bus_range range[PCI_BARS];
	bool mapped[PCI_BARS];
	unsigned int memory_slot[PCI_BARS]; /* KVM's first for what a BAR maps */
	struct pci_ioeventfd *ioeventfds;
	struct pci_msix *msix;
	struct pci_msi *msi;
	bool intx_level;
};

/* Put the function on the machine's bus, in the next free slot, BARs assigned. Before vCPUs
 * run. */
int pci_add(struct machine *m, struct pci_device *d);

/* Take it off again and free what the bus made for it. After vCPUs have stopped; no-op if never
 * added. */
void pci_remove(struct pci_device *d);

/*
 * Add a capability of that many bytes (with its 2-byte header) to configuration space, before
 * or after pci_add(). Returns its offset; fails if there is no room. The body is the caller's
 * to fill (d->config[offset + 2 ...]).
 */
int pci_add_capability(struct pci_device *d, uint8_t id, unsigned int bytes);

/* The same at an offset of the caller's choice: a multiple of 4 from 0x40 on. Not to be mixed
 * with pci_add_capability(), which knows nothing of it. */
int pci_place_capability(struct pci_device *d, unsigned int offset, uint8_t id,
			 unsigned int bytes);

/*
 * Give the function MSI-X with so many vectors; table and pending bits live in BAR bar, which
 * this call defines as a PCI_BAR_MEM32 of its own. Call before pci_add().
 */
int pci_msix_init(struct pci_device *d, unsigned int bar, unsigned int vectors);

/* Where MSI-X lies in a function that shares the BARs in question with other things. */
struct pci_msix_layout {
	unsigned int capability; /* offset in configuration space */
	unsigned int table_bar, pending_bar;
	uint32_t table, pending; /* offsets in these BARs, multiples of 8 */
};

/* The same in that layout; the BARs and their handlers are the caller's, who asks the next two
 * first. */
int pci_msix_init_at(struct pci_device *d, const struct pci_msix_layout *l,
		     unsigned int vectors);

/* The guest's access, if it is one to the table or the pending bits; false if it is not. */
bool pci_msix_read(struct pci_device *d, unsigned int bar, uint64_t offset, unsigned int size,
		   uint64_t *value);
bool pci_msix_write(struct pci_device *d, unsigned int bar, uint64_t offset, uint64_t value,
		    unsigned int size);

/* Has the guest turned MSI-X on? */
bool pci_msix_enabled(const struct pci_device *d);

/* Raise a vector: through irqfd; a masked vector becomes pending. Out of range is ignored. */
void pci_msix_signal(struct pci_device *d, unsigned int vector);

/*
 * The eventfd whose writers raise a vector without us: a kernel's or another process's half of
 * the device. While the vector is masked its signals stay in the eventfd. -1 with a sentence.
 */
int pci_msix_fd(struct pci_device *d, unsigned int vector);

/* What the guest programmed, for status and tracing. False if not usable. */
bool pci_msix_message(const struct pci_device *d, unsigned int vector, uint64_t *address,
		      uint32_t *data);

/* How many vectors there are, and how often each was signalled by us, for status. */
unsigned int pci_msix_vectors(const struct pci_device *d);
uint64_t pci_msix_signals(const struct pci_device *d, unsigned int vector);

/*
 * Give the function MSI (PCI 3.0, 6.8.1) for vectors that somebody else raises, at that offset
 * of configuration space. flags is the Message Control word: how many vectors it asks for, 64
 * bits, masking.
 */
int pci_msi_init(struct pci_device *d, unsigned int offset, uint16_t flags);

/* How many vectors the guest has turned on; 0: MSI is off. */
unsigned int pci_msi_enabled(const struct pci_device *d);

/* As pci_msix_fd() and pci_msix_message(). */
int pci_msi_fd(struct pci_device *d, unsigned int vector);
bool pci_msi_message(const struct pci_device *d, unsigned int vector, uint64_t *address,
		     uint32_t *data);

/* Set the level of INTA#. */
void pci_intx(struct pci_device *d, bool level);

/* The GSI that INTA# is wired to, for those who raise it without us. After pci_add(). */
unsigned int pci_intx_gsi(const struct pci_device *d);

/*
 * Have writes of that size (0: of any) at offset into BAR bar signal the eventfd fd without
 * leaving the kernel (KVM_IOEVENTFD), following the BAR as the guest moves it. Several per BAR.
 * Before or after pci_add().
 */
int pci_ioeventfd(struct pci_device *d, unsigned int bar, uint64_t offset, unsigned int size,
		  int fd);

/* Have them exit to the BAR again. For one that was given to pci_ioeventfd() just so. */
void pci_ioeventfd_remove(struct pci_device *d, unsigned int bar, uint64_t offset,
			  unsigned int size, int fd);

#endif
