/*
 * A PCI function of the host in the guest's hands: what the parts of VFIO here share.
 *
 * The guest sees the function on its own bus. Its BARs' memory is mapped straight into the
 * guest, its DMA goes through the IOMMU, its interrupts through eventfds that KVM itself reads:
 * none of this runs any code here. What does, on vCPU threads, are accesses to configuration
 * space and to those parts of BARs that cannot be mapped.
 */
#ifndef STRATA_VMM_VFIO_DEVICE_H
#define STRATA_VMM_VFIO_DEVICE_H

#include <pthread.h>

#include "vmm/device.h"
#include "vmm/pci.h"
#include "vmm/vfio/host.h"

#define VFIO_MAPS_MAX 8 /* parts of a BAR; what is more is trapped */
#define CONFIG_BYTES  256

struct vfio_region {
	uint64_t bytes;
	uint64_t offset; /* in the device's file */
};

enum vfio_interrupts {
	VFIO_INTERRUPTS_OFF,
	VFIO_INTERRUPTS_INTX,
	VFIO_INTERRUPTS_MSI,
	VFIO_INTERRUPTS_MSIX,
};

struct vfio_irqs {
	pthread_mutex_t lock; /* taken before those of MSI and MSI-X */
	enum vfio_interrupts mode;
	unsigned int count;           /* vectors the kernel has set up */
	unsigned int connected;       /* of them, those with an eventfd */
	bool *is_connected;           /* by MSI-X vector */
	int trigger, resample;        /* INTx's eventfds; -1: none */
	unsigned int intx, msi, msix; /* how many the kernel offers of each */
	uint64_t refused;             /* relaxed */
};

struct vfio_device {
	struct pci_device pci;
	struct machine *machine;
	struct vfio_host host;
	int fd;            /* -1: not open */
	bool resets;       /* by itself */
	const char *reset; /* how it was, for status */
	struct vfio_region config;
	struct vfio_region bar[PCI_BARS];
	struct pci_bar_map map[PCI_BARS][VFIO_MAPS_MAX];
	uint16_t command; /* the real function's command register but for what the guest sets */
	bool passed[CONFIG_BYTES]; /* bytes of configuration space that are the function's own
				    */
	struct pci_msix_layout msix;
	unsigned int msix_vectors;
	struct vfio_irqs irqs;
	uint64_t failed; /* accesses that the kernel refused; relaxed */
};

/* Read the function's configuration space and make the guest's of it; its BARs' kinds come with
 * it. Then the BARs themselves. Then its interrupts. -1 with a sentence. */
int vfio_config_open(struct vfio_device *v);
int vfio_bars_open(struct vfio_device *v);
int vfio_irqs_open(struct vfio_device *v);

/* The opposites; harmless if not open. BARs after pci_remove(). */
void vfio_bars_close(struct vfio_device *v);
void vfio_irqs_close(struct vfio_device *v);

/* The function's address spaces on, neither DMA nor interrupts: so it is before and after the
 * guest has it. */
void vfio_quiet(struct vfio_device *v);

/* Do as the guest's configuration space says: INTx, MSI or MSI-X, and which vectors. After
 * pci_add(). */
void vfio_irqs_update(struct vfio_device *v);

/* The guest has written to the table entry of that MSI-X vector. */
void vfio_irqs_vector_written(struct vfio_device *v, unsigned int vector);

/* Ask for a region. -1 with a sentence. The info, with its capabilities, is to be freed; may be
 * NULL. */
struct vfio_region_info;
int vfio_region(struct vfio_device *v, unsigned int index, struct vfio_region *r,
		struct vfio_region_info **info);

/* Reset the function as gently as it can be: alone, or with all on its bus if they are all this
 * machine's. Says in v->reset which. */
void vfio_reset(struct vfio_device *v);

void vfio_count(uint64_t *counter);

extern const struct pci_ops vfio_pci_ops;

#endif
