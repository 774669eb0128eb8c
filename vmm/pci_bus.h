/*
 * What the parts of PCI (pci.c, pci_bar.c, msix.c, msi.c) share among themselves and with the
 * machine. Devices use vmm/pci.h alone.
 */
#ifndef STRATA_VMM_PCI_BUS_H
#define STRATA_VMM_PCI_BUS_H

#include <linux/pci_regs.h>
#include <pthread.h>

#include "vmm/machine.h"
#include "vmm/pci.h"

#define PCI_SLOTS 32

/* Where BARs may lie. The ACPI tables tell the guest the same. */
#define PCI_IO_START    0x1000ULL
#define PCI_IO_END      0x10000ULL
#define PCI_MEM32_START GUEST_LOW_MAX
#define PCI_MEM32_END   0xfec00000ULL /* the IOAPIC */
#define PCI_MEM64_BYTES (32ULL << 30)

/* INTA# of slot n is GSI 16 + n % 4. */
#define PCI_INTX_GSI   16
#define PCI_INTX_LINES 4

struct pci_window {
	uint64_t next, end; /* for assigning; a guest may choose anywhere from start */
	uint64_t start;
};

struct pci_bus {
	struct machine *machine;
	pthread_mutex_t lock; /* configuration space of all functions, and what maps from it */
	struct pci_device *device[PCI_SLOTS];
	uint32_t address; /* the port 0xcf8 */
	struct bus_range address_range, data_range;
	struct pci_window io, mem32, mem64;
	unsigned int memory_slots; /* of KVM's, taken by BARs */
	uint64_t refused_bars;     /* a guest put a BAR where it cannot be; relaxed */
	uint64_t refused_vectors;  /* KVM took no more MSI-X routes; relaxed */

	pthread_mutex_t intx_lock;
	unsigned int asserted[PCI_INTX_LINES]; /* functions that hold the line */

	struct pci_device bridge;
};

/* One doorbell of a BAR. */
struct pci_ioeventfd {
	struct pci_ioeventfd *next;
	unsigned int bar;
	uint64_t offset;
	unsigned int size;
	int fd;
	bool armed;
};

/* The bus with its host bridge in slot 0, at the machine's ports. */
int pci_bus_create(struct machine *m);
void pci_bus_destroy(struct machine *m);

uint64_t pci_mem64_start(const struct machine *m);

/* Little-endian access to configuration space. */
uint32_t pci_config_get(const struct pci_device *d, unsigned int offset, unsigned int size);
void pci_config_set(struct pci_device *d, unsigned int offset, unsigned int size,
		    uint32_t value);

/* BARs: registers and addresses at pci_add(); after a guest's write, under the bus's lock. */
int pci_bars_assign(struct pci_bus *b, struct pci_device *d);
void pci_bars_update(struct pci_bus *b, struct pci_device *d);
void pci_bars_unmap(struct pci_bus *b, struct pci_device *d);

/* Where pci_add_capability() would put the next one. */
unsigned int pci_next_capability(const struct pci_device *d);

/* Let a guest change these bits. */
void pci_set_writable(struct pci_device *d, unsigned int offset, unsigned int size,
		      uint32_t mask);

/* MSI-X and MSI: after a guest's write into configuration space; at the end. */
void pci_msix_control_written(struct pci_device *d);
void pci_msix_destroy(struct pci_device *d);
void pci_msi_control_written(struct pci_device *d);
void pci_msi_destroy(struct pci_device *d);

#endif
