/*
 * Context events in time order, per kind: what is known of each, and the search for one within
 * a window of time. Bounded: of each kind the newest are kept.
 */
#ifndef STRATA_TRACER_MOMENTS_H
#define STRATA_TRACER_MOMENTS_H

#include <stddef.h>
#include <stdint.h>

#include "tracer/reorder.h"

#define ANY_VCPU (-1)

/* A stay off the CPU: OFF_* bits (lib/offcpu.h) and who ran instead (struct actors). */
#define MOMENT_ABOUT(off, actor) ((uint32_t)(off) | (uint32_t)(actor) << 16)
#define MOMENT_OFF(about)        ((about)&0xffffu)
#define MOMENT_ACTOR(about)      ((uint16_t)((about) >> 16))

/* Of what took a time, the half of it that struct observation's len has no room for. */
#define MOMENT_LONG(took_ns) ((took_ns) >> 32 << 32)

struct moment {
	uint64_t time_ns;
	uint64_t took_ns; /* before time_ns */
	uint32_t reason;  /* of an exit: lib/exits.h */
	uint32_t irqs;    /* of an exit: interrupts the VM had been given by its end */
	/* Of a stay off the CPU: reason is for how long its quota was used up, irqs for how
	 * long it was runnable, and this is: */
	uint32_t about; /* Of kvm.irq: reason is its message's address, irqs its data. */
	uint32_t tid;
	uint16_t cpu;
	uint16_t vcpu;
	uint8_t vm;
	uint8_t domain;
	uint8_t flags; /* enum hop_seen_flags */
};

/* at[start..start + count) in order. */
struct moments {
	struct moment *at;
	size_t start, count, capacity;
};

/* Whose moment, and when: both ends are within. */
struct window {
	uint64_t from_ns, to_ns;
	uint8_t vm;
	int vcpu;     /* or ANY_VCPU */
	uint32_t tid; /* 0: any thread's */
};

/* In time order; at most max are kept. -1 with a sentence if memory is short. */
int moments_add(struct moments *m, const struct observation *o, size_t max);

/* NULL: none. Valid until the next is added. */
const struct moment *moments_first(const struct moments *m, const struct window *w);
const struct moment *moments_last(const struct moments *m, const struct window *w);

/* How much of the window is within what these moments took. They do not overlap. */
uint64_t moments_overlap(const struct moments *m, const struct window *w);

/* Call each() for those that overlap the window, in order of their ends. Of those that go on
 * beyond its end only some are found if they go on for long. */
void moments_within(const struct moments *m, const struct window *w,
		    void (*each)(void *ctx, const struct moment *at), void *ctx);

#endif
