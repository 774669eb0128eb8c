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

#define EXIT_REASONS 64

/* What a Linux guest says when it panics, whatever the reason. */
#define GUEST_PANIC_TEXT "Kernel panic - not syncing"

struct options;
struct pci_bus;
struct irq_routes;
struct console;
struct acpi_pm;
struct vfio_container;

/* How a machine came to its end. */
enum machine_end {
	MACHINE_RUNNING = 0,
	MACHINE_POWEROFF, /* the guest switched itself off */
	MACHINE_REBOOT,   /* the guest reset itself; it is not started again */
	MACHINE_QUIT,     /* somebody asked us: a signal, the control socket, the console */
	MACHINE_PANIC,    /* the guest's kernel said that it gave up */
	MACHINE_FAILED,   /* anything else */
};

struct vcpu {
	struct machine *machine;
	int index;
	int fd;
	struct kvm_run *run;
	size_t run_bytes;
	pthread_t thread;
	bool started;
	_Atomic int tid;
	_Atomic uint64_t exits[EXIT_REASONS]; /* by KVM_EXIT_ reason; any thread reads */
	_Atomic bool
		attention; /* somebody changed the machine's run state: look before going on */

	/* under the machine's lock */
	bool held;                /* waits because the machine is paused */
	unsigned int clock_taken; /* generation of clock_wanted that the offset below is of */
	bool has_tsc_offset;
	int64_t tsc_offset; /* guest TSC = host TSC + offset, as KVM has it */
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
	struct irq_routes *routes;   /* GSI routing, behind its own lock */
	struct loop *io;             /* the I/O thread */
	struct trace trace;          /* hop events and USDT */
	struct device *devices;      /* in order of creation */
	struct console *console;     /* the serial port's other end */
	struct acpi_pm *pm;          /* the power button */
	struct vfio_container *vfio; /* of devices passed through; NULL: none */
	struct vcpu *vcpus;
	int vcpu_count;
	uint64_t started_ns; /* CLOCK_MONOTONIC */

	/* Run state, behind lock; vCPUs and those who want something of them meet at changed.
	 */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool paused;
	unsigned int
		clock_wanted; /* a generation: vCPUs read their TSC offsets once for each */
	_Atomic int end;      /* enum machine_end; written under the lock, once */
	_Atomic int64_t halt_poll_ns; /* what was asked of KVM; -1: nothing, it does as the host
				       * does */
	char end_text[256];
	int end_fd; /* eventfd, readable when it has ended */
};

/* Build it from the options, up to the kernel loaded and the vCPUs ready. Undone by
 * machine_destroy(), which is also how a half-built one is cleaned up. */
int machine_create(struct machine *m, const struct options *o);
void machine_destroy(struct machine *m);

/* Start and join the I/O thread and the vCPUs. Stopping first calls machine_end(QUIT) if need
 * be. */
int machine_start(struct machine *m);
void machine_stop(struct machine *m);

/* End it, from any thread: the first reason given is the one. Returns at once. */
void machine_end(struct machine *m, enum machine_end end, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Hold all vCPUs, and let them go on. Return when it is so. Idempotent; -1 if it has ended. */
int machine_pause(struct machine *m);
int machine_resume(struct machine *m);

/* Have every vCPU read its TSC offset now; afterwards vcpu->tsc_offset is fresh. */
void machine_read_clocks(struct machine *m);

#endif
