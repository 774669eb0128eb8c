/*
 * virtio over PCI, modern interface only (virtio 1.2, 4.1). Everything that a driver
 * touches lies in BAR 0; MSI-X has BAR 1 to itself. A doorbell is 4 bytes of the notify
 * region per queue, each an ioeventfd, so that a kick never leaves the kernel.
 *
 * Threading: registers on vCPU threads, under the lock; interrupts from any thread.
 */
#ifndef STRATA_VMM_VIRTIO_PCI_H
#define STRATA_VMM_VIRTIO_PCI_H

#include <pthread.h>
#include <stdatomic.h>

#include "vmm/pci.h"
#include "vmm/virtio/virtio.h"

#define VIRTIO_PCI_NOTIFY_MULTIPLIER 4

struct virtio_pci {
	struct pci_device pci;
	struct virtio_device *device;
	unsigned int window; /* the PCI configuration access capability (4.1.4.9) */

	pthread_mutex_t lock; /* the registers */
	uint32_t device_feature_select, driver_feature_select;
	uint16_t queue_select;

	_Atomic uint16_t config_vector;
	_Atomic uint16_t queue_vector[VIRTIO_QUEUES_MAX];

	pthread_mutex_t isr_lock; /* isr and the level of INTA# go together */
	uint8_t isr;
};

/*
 * Put the device, virtio_init() done, on the machine's PCI bus with that class code.
 * Fails with a sentence.
 */
int virtio_pci_add(struct virtio_pci *t, struct virtio_device *d, struct machine *m,
		   uint32_t class_code);

/* The address of a queue's doorbell within BAR 0. */
uint32_t virtio_pci_doorbell(unsigned int queue);

/* virtio_status(), and which MSI-X vector and doorbell each queue has. */
void virtio_pci_status(struct virtio_pci *t, json_t *into);

#endif
