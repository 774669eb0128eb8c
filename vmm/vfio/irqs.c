/*
 * Interrupts: eventfds that the kernel's vfio-pci writes and KVM reads (irqfd), so that none
 * passes through here. INTx is a level: KVM writes to a second eventfd when the guest has ended
 * the interrupt, and vfio-pci unmasks it.
 *
 * All MSI-X vectors are set up with the kernel when the guest turns MSI-X on, and get their
 * eventfd one by one as the guest unmasks them: the kernel need not add vectors while others
 * run, which it can since Linux 6.5 only.
 */
#include <errno.h>
#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/kvm.h"
#include "vmm/vfio/device.h"
#include "vmm/vfio/sys.h"

static const unsigned int index_of[] = {
	[VFIO_INTERRUPTS_INTX] = VFIO_PCI_INTX_IRQ_INDEX,
	[VFIO_INTERRUPTS_MSI] = VFIO_PCI_MSI_IRQ_INDEX,
	[VFIO_INTERRUPTS_MSIX] = VFIO_PCI_MSIX_IRQ_INDEX,
};

/* Hand out eventfds (-1: none), or, with none at all, turn that kind of interrupt off. What the
 * kernel says: 0, -1, or how many it could have set up. */
static int set_irqs(struct vfio_device *v, enum vfio_interrupts mode, uint32_t action,
		    unsigned int start, unsigned int count, const int *fds)
{
	size_t bytes = sizeof(struct vfio_irq_set) + count * sizeof(int32_t);
	struct vfio_irq_set *set = calloc(1, bytes);
	int ret;

	if (!set)
		return -1;
	*set = (struct vfio_irq_set){
		.argsz = (uint32_t)bytes,
		.flags = action | (count ? VFIO_IRQ_SET_DATA_EVENTFD : VFIO_IRQ_SET_DATA_NONE),
		.index = index_of[mode],
		.start = start,
		.count = count,
	};
	for (unsigned int i = 0; i < count; i++) {
		int32_t fd = fds[i];

		memcpy(set->data + i * sizeof(fd), &fd, sizeof(fd));
	}
	ret = vfio_ioctl(v->fd, VFIO_DEVICE_SET_IRQS, set);
	free(set);
	return ret;
}

static void drain(int fd)
{
	eventfd_t n;

	while (eventfd_read(fd, &n) == 0)
		;
}

static void intx_tie(struct vfio_device *v, bool tie)
{
	struct vfio_irqs *q = &v->irqs;

	kvm_irqfd_level(v->pci.machine, pci_intx_gsi(&v->pci), q->trigger, q->resample, tie);
}

static int intx_on(struct vfio_device *v)
{
	struct vfio_irqs *q = &v->irqs;

	drain(q->trigger);
	drain(q->resample);
	if (kvm_irqfd_level(v->pci.machine, pci_intx_gsi(&v->pci), q->trigger, q->resample,
			    true))
		return -1;
	if (set_irqs(v, VFIO_INTERRUPTS_INTX, VFIO_IRQ_SET_ACTION_TRIGGER, 0, 1, &q->trigger)) {
		intx_tie(v, false);
		return -1;
	}
	if (set_irqs(v, VFIO_INTERRUPTS_INTX, VFIO_IRQ_SET_ACTION_UNMASK, 0, 1, &q->resample)) {
		set_irqs(v, VFIO_INTERRUPTS_INTX, VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0, NULL);
		intx_tie(v, false);
		return -1;
	}
	return 0;
}

static int msi_on(struct vfio_device *v, unsigned int count)
{
	int fds[32];

	for (unsigned int i = 0; i < count; i++) {
		fds[i] = pci_msi_fd(&v->pci, i);
		if (fds[i] < 0)
			return -1;
	}
	if (set_irqs(v, VFIO_INTERRUPTS_MSI, VFIO_IRQ_SET_ACTION_TRIGGER, 0, count, fds))
		return -1;
	v->irqs.count = v->irqs.connected = count;
	return 0;
}

static bool vector_usable(const struct vfio_device *v, unsigned int vector)
{
	uint64_t address;
	uint32_t data;

	return pci_msix_message(&v->pci, vector, &address, &data);
}

/* Give the vector's eventfd to the kernel, where it stays, masked or not. */
static void connect_vector(struct vfio_device *v, unsigned int vector)
{
	struct vfio_irqs *q = &v->irqs;
	int fd;

	if (q->is_connected[vector] || !vector_usable(v, vector))
		return;
	fd = pci_msix_fd(&v->pci, vector);
	if (fd < 0 || vector >= q->count ||
	    set_irqs(v, VFIO_INTERRUPTS_MSIX, VFIO_IRQ_SET_ACTION_TRIGGER, vector, 1, &fd)) {
		vfio_count(&q->refused);
		return;
	}
	q->is_connected[vector] = true;
	q->connected++;
}

static int msix_on(struct vfio_device *v)
{
	unsigned int n = v->msix_vectors;
	int *none = malloc(n * sizeof(*none));
	int ret = -1;

	for (unsigned int i = 0; none && i < n; i++)
		none[i] = -1;
	/* A host short of vectors says how many it has. */
	for (int attempt = 0; none && n && attempt < 2; attempt++) {
		ret = set_irqs(v, VFIO_INTERRUPTS_MSIX, VFIO_IRQ_SET_ACTION_TRIGGER, 0, n,
			       none);
		if (ret <= 0 || (unsigned int)ret >= n)
			break;
		n = (unsigned int)ret;
	}
	free(none);
	if (ret > 0)
		errno = ENOSPC;
	if (ret)
		return -1;
	v->irqs.count = n;
	return 0;
}

static void turn_off(struct vfio_device *v)
{
	struct vfio_irqs *q = &v->irqs;

	if (q->mode == VFIO_INTERRUPTS_OFF)
		return;
	set_irqs(v, q->mode, VFIO_IRQ_SET_ACTION_TRIGGER, 0, 0, NULL);
	if (q->mode == VFIO_INTERRUPTS_INTX)
		intx_tie(v, false);
	if (q->mode == VFIO_INTERRUPTS_MSIX)
		memset(q->is_connected, 0, v->msix_vectors * sizeof(*q->is_connected));
	q->count = q->connected = 0;
	q->mode = VFIO_INTERRUPTS_OFF;
}

static int turn_on(struct vfio_device *v, enum vfio_interrupts mode)
{
	switch (mode) {
	case VFIO_INTERRUPTS_INTX:
		return intx_on(v);
	case VFIO_INTERRUPTS_MSI:
		return msi_on(v, pci_msi_enabled(&v->pci));
	case VFIO_INTERRUPTS_MSIX:
		return msix_on(v);
	default:
		return 0;
	}
}

static enum vfio_interrupts wanted(const struct vfio_device *v)
{
	if (pci_msix_enabled(&v->pci))
		return VFIO_INTERRUPTS_MSIX;
	if (pci_msi_enabled(&v->pci))
		return VFIO_INTERRUPTS_MSI;
	return v->irqs.intx ? VFIO_INTERRUPTS_INTX : VFIO_INTERRUPTS_OFF;
}

static void change(struct vfio_device *v, enum vfio_interrupts mode)
{
	static const char *const names[] = {"none", "INTx", "MSI", "MSI-X"};
	struct vfio_irqs *q = &v->irqs;

	turn_off(v);
	if (!turn_on(v, mode)) {
		q->mode = mode;
		return;
	}
	if (__atomic_fetch_add(&q->refused, 1, __ATOMIC_RELAXED) == 0)
		fprintf(stderr,
			"strata-vmm: %s: the host cannot give it its interrupts (%s): %s; "
			"later ones are only counted\n",
			v->host.address, names[mode], strerror(errno));
}

void vfio_irqs_update(struct vfio_device *v)
{
	struct vfio_irqs *q = &v->irqs;
	enum vfio_interrupts mode;

	pthread_mutex_lock(&q->lock);
	mode = wanted(v);
	if (mode != q->mode ||
	    (mode == VFIO_INTERRUPTS_MSI && pci_msi_enabled(&v->pci) != q->count))
		change(v, mode);
	if (q->mode == VFIO_INTERRUPTS_MSIX)
		for (unsigned int i = 0; i < v->msix_vectors; i++)
			connect_vector(v, i);
	pthread_mutex_unlock(&q->lock);
}

void vfio_irqs_vector_written(struct vfio_device *v, unsigned int vector)
{
	pthread_mutex_lock(&v->irqs.lock);
	if (v->irqs.mode == VFIO_INTERRUPTS_MSIX && vector < v->msix_vectors)
		connect_vector(v, vector);
	pthread_mutex_unlock(&v->irqs.lock);
}

static unsigned int offered(const struct vfio_device *v, unsigned int index)
{
	struct vfio_irq_info info = {.argsz = sizeof(info), .index = index};

	if (vfio_ioctl(v->fd, VFIO_DEVICE_GET_IRQ_INFO, &info) ||
	    !(info.flags & VFIO_IRQ_INFO_EVENTFD))
		return 0;
	return info.count;
}

int vfio_irqs_open(struct vfio_device *v)
{
	struct vfio_irqs *q = &v->irqs;

	q->intx = offered(v, VFIO_PCI_INTX_IRQ_INDEX);
	q->msi = offered(v, VFIO_PCI_MSI_IRQ_INDEX);
	q->msix = offered(v, VFIO_PCI_MSIX_IRQ_INDEX);
	v->pci.no_interrupt = !q->intx;
	q->trigger = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->resample = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	q->is_connected = calloc(q->msix + 1, sizeof(*q->is_connected));
	if (q->trigger < 0 || q->resample < 0 || !q->is_connected)
		return err_errno("%s: cannot make eventfds", v->host.address);
	return 0;
}

void vfio_irqs_close(struct vfio_device *v)
{
	struct vfio_irqs *q = &v->irqs;

	if (v->pci.machine)
		turn_off(v);
	if (q->trigger >= 0)
		close(q->trigger);
	if (q->resample >= 0)
		close(q->resample);
	free(q->is_connected);
	q->trigger = q->resample = -1;
	q->is_connected = NULL;
}
