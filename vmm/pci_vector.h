/*
 * One message-signalled interrupt: an eventfd, tied by KVM (irqfd) to a GSI whose route is the
 * message that the guest chose. What MSI and MSI-X have in common; who owns the vector locks.
 */
#ifndef STRATA_VMM_PCI_VECTOR_H
#define STRATA_VMM_PCI_VECTOR_H

#include <stdbool.h>
#include <stdint.h>

struct machine;

struct pci_vector {
	int fd;        /* the eventfd; -1: none yet */
	int gsi;       /* -1: none yet, the guest never unmasked it */
	bool tied;     /* fd raises gsi */
	bool external; /* others write to fd: a masked vector is untied, and keeps them there */
	bool pending;
	uint64_t signals; /* by us */
};

#define PCI_VECTOR_NEW              \
	{                           \
		.fd = -1, .gsi = -1 \
	}

/* Have an eventfd. -1 with a sentence. */
int vector_open(struct pci_vector *v);
void vector_close(struct machine *m, struct pci_vector *v);

/* From now on it may fire, as this message, and does if it is pending. -1 with a sentence. */
int vector_unmask(struct machine *m, struct pci_vector *v, uint64_t address, uint32_t data);

/* From now on it becomes pending instead. */
int vector_mask(struct machine *m, struct pci_vector *v);

/* Fire it now. */
void vector_fire(struct pci_vector *v);

bool vector_pending(const struct pci_vector *v);

#endif
