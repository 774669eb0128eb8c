/*
 * The machine that the freestanding guest runs in: KVM and nothing else, so that it is there
 * wherever /dev/kvm is, even where KVM only interprets and no kernel would ever come up.
 *
 * Threading: create, command and destroy from one thread, which is the first processor; the
 * second one and whoever sends interrupts are threads of this file's. CPUs are pinned: the
 * first processor to the first CPU that we may use, all else to the second.
 */
#ifndef STRATA_BENCH_MICRO_MACHINE_H
#define STRATA_BENCH_MICRO_MACHINE_H

#include <linux/kvm.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bench/micro/guest/shared.h"

enum micro_pages { PAGES_SMALL, PAGES_LARGE }; /* 4 KiB; 2 MiB */

enum micro_send { SEND_NOTHING, SEND_IRQFD, SEND_MSI };

struct micro_config {
	bool apic;               /* interrupt controllers in the kernel */
	unsigned int processors; /* 1 or 2 */
	uint64_t arena_bytes;    /* memory to touch, all of it there in the host; 0: none */
	enum micro_pages guest_pages, host_pages; /* of the arena */
};

struct micro {
	int vm, vcpu[2], irqfd, kickfd;
	struct kvm_run *run[2];
	size_t run_bytes;
	uint8_t *low, *arena,
		*tables; /* guest memory; tables: the arena's, if its pages are small */
	size_t tables_bytes;
	struct micro_config config;
	struct micro_shared *shared; /* in low */
	double ticks_per_ns;         /* of the guest's time stamp counter */
	uint64_t tsc_offset;         /* guest = host + offset */

	unsigned int limit_s; /* a command must have ended by then */

	/* Work done in the host per exit, on purpose: an injected slowdown. */
	uint64_t delay_ns;
};

/* 0 if there is a KVM that we may use, else -1 with a sentence. */
int micro_needs_kvm(void);
int micro_needs_two_cpus(void);

/* What user space may do: -1 with a sentence; destroy it in any case. */
int micro_create(struct micro *m, const struct micro_config *c);
void micro_destroy(struct micro *m);

/* The steps of it, for those that time them. */
void micro_init(struct micro *m, const struct micro_config *c);
int micro_create_vm(struct micro *m);
int micro_create_memory(struct micro *m);
int micro_create_vcpu(struct micro *m, unsigned int number);
int micro_set_registers(struct micro *m, unsigned int number);
/* Until the guest's first instruction that exits. */
int micro_first_exit(struct micro *m);

/* One command to its end; the ticks are in shared. -1 with a sentence: the guest did what it
 * should not, or did not end in time. */
int micro_command(struct micro *m, enum micro_op op, uint32_t batches, uint64_t iterations);

/* The same while another thread answers the guest's "ready" with interrupts, wait_ns after. */
int micro_command_sent(struct micro *m, enum micro_op op, uint32_t events, enum micro_send how,
		       uint64_t wait_ns);

/* The same while the second processor is the target of the first one's interrupts. */
int micro_command_target(struct micro *m, enum micro_op op, uint32_t events);

/* Busy for so long. */
void micro_busy_ns(uint64_t ns);

/* Pin the calling thread to the CPU for that processor (0, 1), if there are as many. */
void micro_pin(unsigned int number);
void micro_unpin(void);

#endif
