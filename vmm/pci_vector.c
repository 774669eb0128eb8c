/* Message-signalled interrupts: see pci_vector.h. */
#include "vmm/pci_vector.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/kvm.h"

int vector_open(struct pci_vector *v)
{
	if (v->fd < 0)
		v->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return v->fd < 0 ? err_errno("cannot make an eventfd for an interrupt") : 0;
}

static int tie(struct machine *m, struct pci_vector *v, bool tied)
{
	if (v->tied == tied)
		return 0;
	if (kvm_irqfd(m, (unsigned int)v->gsi, v->fd, tied))
		return -1;
	v->tied = tied;
	return 0;
}

void vector_close(struct machine *m, struct pci_vector *v)
{
	tie(m, v, false);
	if (v->fd >= 0)
		close(v->fd);
	v->fd = -1;
}

void vector_fire(struct pci_vector *v)
{
	uint64_t one = 1;

	/* Fails only if the counter is full: then an interrupt is on its way already. */
	if (write(v->fd, &one, sizeof(one)) == sizeof(one))
		v->signals++;
}

/* The eventfd and the GSI come with the first use: most vectors of most devices never get here.
 */
int vector_unmask(struct machine *m, struct pci_vector *v, uint64_t address, uint32_t data)
{
	if (vector_open(v))
		return -1;
	if (v->gsi < 0)
		v->gsi = kvm_msi_allocate(m);
	if (v->gsi < 0 || kvm_msi_route(m, (unsigned int)v->gsi, address, data) ||
	    tie(m, v, true))
		return -1;
	if (v->pending) {
		v->pending = false;
		vector_fire(v);
	}
	return 0;
}

int vector_mask(struct machine *m, struct pci_vector *v)
{
	return v->external ? tie(m, v, false) : 0;
}

bool vector_pending(const struct pci_vector *v)
{
	struct pollfd p = {.fd = v->fd, .events = POLLIN};

	return v->pending || (v->external && !v->tied && poll(&p, 1, 0) > 0);
}
