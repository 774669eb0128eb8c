/* A PCI bus that only remembers: see fake_pci.h. */
#include "tests/unit/vmm/fake_pci.h"

#include <stdlib.h>

struct fake_pci fake_pci;

void fake_pci_reset(void)
{
	fake_pci = (struct fake_pci){.msix_on = true, .capability_at = 0x40};
}

int pci_add(struct machine *m, struct pci_device *d)
{
	d->machine = m;
	return 0;
}

int pci_add_capability(struct pci_device *d, uint8_t id, unsigned int bytes)
{
	unsigned int at = fake_pci.capability_at;

	d->config[at] = id;
	fake_pci.capability_at += (bytes + 3) & ~3u;
	return (int)at;
}

int pci_msix_init(struct pci_device *d, unsigned int bar, unsigned int vectors)
{
	(void)d;
	if (bar != 1)
		abort();
	fake_pci.vectors = vectors;
	return 0;
}

bool pci_msix_enabled(const struct pci_device *d)
{
	(void)d;
	return fake_pci.msix_on;
}

void pci_msix_signal(struct pci_device *d, unsigned int vector)
{
	(void)d;
	fake_pci.last_vector = vector;
}

int pci_msix_fd(struct pci_device *d, unsigned int vector)
{
	(void)d;
	return FAKE_PCI_FD + (int)vector;
}

void pci_intx(struct pci_device *d, bool level)
{
	(void)d;
	fake_pci.intx_level = level;
}

/* Doorbells lie in BAR 0, behind the registers. */
int pci_ioeventfd(struct pci_device *d, unsigned int bar, uint64_t offset, unsigned int size,
		  int fd)
{
	(void)size;
	if (bar || offset < 0x3000 || offset >= d->bar[0].bytes || fd < 0)
		abort();
	return 0;
}
