/*
 * Observations in time order. A recording holds many streams, each in order (one per CPU and
 * per VMM thread), written as they were polled. A window of them is held back, sorted, and its
 * older half let go; so memory is bounded, and what is out of order by less than half a window
 * comes out right.
 */
#ifndef STRATA_TRACER_REORDER_H
#define STRATA_TRACER_REORDER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An event as the join needs it: on the host's line, and smaller. */
struct observation {
	uint64_t time_ns;
	uint64_t flow;
	/* Of CONTEXT_VCPU_OUT: time_ns is when it ended, len and MOMENT_LONG() of flow
	 * (tracer/moments.h) how long it was, seq how many interrupts the VM had been given by
	 * then, packet the reason (lib/exits.h). */
	/* Of CONTEXT_TASK_OFF: the same, seq for how long it was runnable, packet for how long
	 * its quota was used up, the low half of flow MOMENT_ABOUT(). */
	/* Of kvm.irq: seq is its message's data, packet the low half of its address. */
	/* Of CONTEXT_ASKED: len is the asker's byte, tid and packet the halves of its flow. */
	/* Of CONTEXT_DROP: queue is the direction, tid the reason, packet the place's low half.
	 */
	uint32_t seq, len;
	uint32_t tid;
	uint32_t packet; /* low half of the skb's head: tells two packets apart */
	uint16_t cpu, queue;
	uint8_t hop, flags, domain, vm;
};

struct time_key {
	uint64_t time_ns;
	uint32_t index;
};

/* Stable sort by time; fast where the keys are a few runs that are in order already. scratch
 * holds count keys. */
void sort_by_time(struct time_key *keys, size_t count, struct time_key *scratch);

typedef int (*observation_fn)(void *ctx, const struct observation *o);

struct reorder;

struct reorder *reorder_create(size_t capacity, observation_fn release, void *ctx);
int reorder_add(struct reorder *r, const struct observation *o);
/* Let go of all up to that time. */
int reorder_until(struct reorder *r, uint64_t time_ns);
int reorder_flush(struct reorder *r);
void reorder_destroy(struct reorder *r);

#endif
