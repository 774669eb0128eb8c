/*
 * The machine: what every part of the VMM shares. Built by machine.c from the
 * options, one field per thing, no globals.
 *
 * Threading: fields are fixed once vCPUs run, but for those whose comment says otherwise.
 */
#ifndef STRATA_VMM_MACHINE_H
#define STRATA_VMM_MACHINE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "vmm/bus.h"
#include "vmm/device.h"
#include "vmm/loop.h"
#include "vmm/memory.h"
#include "vmm/pci.h"
#include "vmm/trace.h"

struct options;
struct pci_bus;
struct irq_routes;

struct vcpu {
	struct machine *machine;
	int index;
	int fd;
	struct kvm_run *run;
	pthread_t thread;
	_Atomic int tid;
	_Atomic uint64_t exits[64]; /* by KVM_EXIT_ reason; any thread reads */
};

struct machine {
	const char *name; /* --name, for status and traces */
	const struct options *options;
	int kvm_fd;
	int vm_fd;
	struct guest_memory memory;
	struct bus *ports;
	struct bus *mmio;
	struct pci_bus *pci;
	struct irq_routes *routes; /* GSI routing, behind its own lock */
	struct loop *io;	   /* the I/O thread */
	struct trace trace;	   /* hop events and USDT */
	struct device *devices;	   /* in order of creation */
	struct vcpu *vcpus;
	int vcpu_count;
};

#endif
