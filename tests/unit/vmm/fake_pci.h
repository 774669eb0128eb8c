/*
 * A PCI bus that only remembers, for tests of devices apart from KVM. Linked before the
 * VMM's archive, it stands in for vmm/pci.c and vmm/msix.c.
 */
#ifndef STRATA_TESTS_FAKE_PCI_H
#define STRATA_TESTS_FAKE_PCI_H

#include <stdbool.h>

#include "vmm/pci.h"

/* The descriptor of vector n is this plus n. */
#define FAKE_PCI_FD 1000

struct fake_pci {
	bool msix_on;
	bool intx_level;
	unsigned int vectors;
	unsigned int last_vector;
	unsigned int capability_at; /* where the next capability goes */
};

extern struct fake_pci fake_pci;

/* A fresh bus, with MSI-X on. */
void fake_pci_reset(void);

#endif
