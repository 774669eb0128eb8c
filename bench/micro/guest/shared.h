/*
 * What the freestanding guest and the host that measures it share: one page of memory, the
 * numbers of operations, ports, addresses. Plain C for both sides.
 *
 * The host writes a command, lets the guest run until it says PORT_READY, and reads ticks. What
 * the guest leaves there is read once, and nothing is indexed by it.
 */
#ifndef STRATA_BENCH_MICRO_SHARED_H
#define STRATA_BENCH_MICRO_SHARED_H

#include <stdint.h>

#define GUEST_TABLES    0x1000u  /* PML4, PDPT and four page directories */
#define GUEST_CODE      0x10000u /* as micro.ld has it */
#define GUEST_CODE_MAX  0x10000u
#define GUEST_SHARED    0x20000u
#define GUEST_STACK     0x30000u /* the first one's lower end */
#define GUEST_STACK_MAX 0x4000u
#define GUEST_LOW_BYTES 0x200000u
#define GUEST_ARENA_PTS                                                      \
	0x08000000u /* page tables of the arena, where it has pages of 4 KiB \
		     */
#define GUEST_ARENA 0x10000000u
#define GUEST_HOLE  0xd0000000u /* no memory there: an access is MMIO */

#define PORT_READY   0x500 /* the command is done, or the first one can come */
#define PORT_NOTHING 0x504 /* an exit that nobody answers with anything */
#define PORT_KICK    0x508 /* an ioeventfd of KVM's */
#define PORT_FAULT   0x50c /* an exception: its vector */
#define PORT_KERNEL  0x21  /* the PIC's mask, which KVM itself keeps */

#define VECTOR_IRQ      0x40 /* the host's interrupt */
#define VECTOR_IPI      0x41
#define VECTOR_TIMER    0x42
#define VECTOR_SPURIOUS 0xff

#define TICKS_MAX 256

enum micro_op {
	OP_EMPTY, /* loops: ticks[] is the time of "iterations" of them, once per batch */
	OP_HYPERCALL,
	OP_CPUID,
	OP_PIO_KERNEL,
	OP_PIO_USER,
	OP_MMIO_USER,
	OP_MSR,
	OP_KICK,
	OP_TOUCH, /* "iterations" places of memory, "stride" apart */
	OP_CHASE, /* pointers, from "start" */
	OP_LOOPS,
	OP_IRQ = OP_LOOPS, /* events: ticks[] is the time of each of "batches" */
	OP_HALT_WAKE,
	OP_IPI,
	OP_IPI_HALTED,
	OP_TIMER,
	OP_TARGET, /* the second processor, until "stop" */
	OP_COUNT,
};

struct micro_shared {
	uint32_t op[2]; /* of each processor */
	uint32_t intel; /* the hypercall is vmcall, else vmmcall */
	uint32_t apic;  /* there is one */
	uint32_t halts; /* the target halts while it waits */
	uint32_t batches;
	uint64_t iterations;
	uint64_t start, stride;
	uint64_t wait_ticks; /* for the target to halt; for the timer to fire */
	uint64_t ticks[TICKS_MAX];

	/* One event after the other: the guest asks with "ready", whoever sends it leaves its
	 * time in the guest's ticks, the handler says that it has come. */
	volatile uint64_t ready __attribute__((aligned(64)));
	volatile uint64_t sent;
	volatile uint64_t handled __attribute__((aligned(64)));
	volatile uint64_t handled_tsc;
	volatile uint32_t halting __attribute__((aligned(64)));
	volatile uint32_t present; /* the target takes interrupts */
	volatile uint32_t stop;
};

#endif
