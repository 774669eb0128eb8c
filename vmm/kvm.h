/*
 * KVM as the host offers it: opening it with sentences instead of error numbers, the virtual
 * machine's fixed parts (interrupt controllers, timer), memory slots, interrupt lines and
 * routes.
 *
 * Threading: everything here may be called from any thread; routes and slots lock themselves.
 */
#ifndef STRATA_VMM_KVM_H
#define STRATA_VMM_KVM_H

#include <stdbool.h>
#include <stdint.h>

struct machine;
struct guest_memory;

/* GSIs 0 to 23 are the IOAPIC's pins, in KVM's and in the ACPI tables' numbering. */
#define IOAPIC_PINS 24

/* Open /dev/kvm and check that it can do what a machine needs. Returns the descriptor. */
int kvm_open(void);

/* Make the virtual machine: interrupt controllers, timer, guest memory. Sets m->vm_fd,
 * m->routes. */
int kvm_vm_create(struct machine *m);
void kvm_vm_destroy(struct machine *m);

/* Map host memory at gpa into the guest; slots 0 and 1 are RAM. bytes 0 removes the slot. */
int kvm_slot(struct machine *m, unsigned int slot, uint64_t gpa, uint64_t bytes, void *host);

/* Set the level of an IOAPIC pin (and of the PIC's, below 16). */
void kvm_irq_line(struct machine *m, unsigned int gsi, bool level);

/* Take a GSI for an MSI vector; -1 with a sentence if KVM has no more. */
int kvm_msi_allocate(struct machine *m);

/* Have gsi deliver this message from now on. */
int kvm_msi_route(struct machine *m, unsigned int gsi, uint64_t address, uint32_t data);

/* Have writes to the eventfd fd raise gsi. */
int kvm_irqfd(struct machine *m, unsigned int gsi, int fd, bool assign);

/*
 * Have writes to the eventfd fd assert the IOAPIC pin gsi until the guest ends its interrupt:
 * then the pin falls, and KVM writes to resample_fd.
 */
int kvm_irqfd_level(struct machine *m, unsigned int gsi, int fd, int resample_fd, bool assign);

/* KVM's own record of the VFIO groups that the guest's devices are in. Returns its descriptor,
 * -1 without a sentence if this KVM keeps none. */
int kvm_vfio_device(struct machine *m);
void kvm_vfio_group(int device_fd, int group_fd, bool add);

/* Have guest writes to an address signal the eventfd fd without an exit. */
int kvm_ioeventfd(struct machine *m, bool port, uint64_t addr, unsigned int size, int fd,
		  bool assign);

#endif
