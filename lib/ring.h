/*
 * The ring through which one program hands events to another without a system call:
 * the VMM's threads to the tracer (a file both map), a guest's agent to the host (the
 * memory of an ivshmem device). One layout for both.
 *
 * A region is a header page followed by lanes. A lane is a single-producer,
 * single-consumer ring of events; every producing thread has its own. head and tail
 * are free-running counters of events, on cache lines of their own. A larger record
 * takes several slots, the first of which looks like an event (EVENT_WIRE).
 *
 * The producer writes nothing while the consumer has not set wanted: one relaxed load
 * is all a silent ring costs. A full lane drops the event and counts it.
 *
 * The consumer trusts nothing it reads: the producer may be a hostile guest. It keeps
 * its own copy of the geometry and of tail, masks every index, and takes at most one
 * lane's capacity of events per call.
 */
#ifndef STRATA_LIB_RING_H
#define STRATA_LIB_RING_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"

#define RING_MAGIC         0x73747261746172ULL /* "stratar" */
#define RING_VERSION       3
#define RING_LANES_MAX     64
#define RING_HEADER_BYTES  4096
#define RING_NOTE_BYTES    2048
#define RING_REQUEST_BYTES 2304 /* a filter takes 16 for each instruction */

/* Clock samples a producer in another clock domain leaves for the consumer. */
struct ring_clock {
	_Atomic uint32_t sequence; /* seqlock: odd while being written */
	uint32_t reserved;
	uint64_t tsc;     /* the producer's own TSC, middle of the bracket */
	uint64_t time_ns; /* its CLOCK_MONOTONIC */
	uint64_t bracket; /* width of the bracket in TSC ticks */
};

struct ring_header {
	uint64_t magic; /* written last by the producer, when the region is ready */
	uint32_t version;
	uint32_t lanes;
	uint32_t capacity; /* events per lane, a power of two */
	uint32_t reserved0;

	_Atomic uint32_t wanted; /* consumer: 1 while it wants events; a generation count */
	_Atomic uint32_t state;  /* producer: see enum ring_state, for the wanted generation */
	_Atomic uint32_t state_generation;
	_Atomic uint64_t
		upstream_lost; /* producer: events lost before they reached this ring */
	struct ring_clock clock;

	/* consumer to producer: what is asked for, as JSON text; producer to consumer: what it
	 * could do or why it failed, as JSON text. NUL-terminated. Written before wanted/state.
	 */
	char request[RING_REQUEST_BYTES];
	char answer[RING_NOTE_BYTES / 2];
};

enum ring_state {
	RING_IDLE = 0,
	RING_STARTING,
	RING_RUNNING,
	RING_FAILED,
};

struct ring_lane {
	_Atomic uint64_t head __attribute__((aligned(64))); /* producer: next to write */
	_Atomic uint64_t lost;                              /* producer: dropped, lane full */
	_Atomic uint64_t tail __attribute__((aligned(64))); /* consumer: next to read */
	uint8_t pad[64 - sizeof(uint64_t)];
};

_Static_assert(sizeof(struct ring_header) <= RING_HEADER_BYTES, "the header fits its page");
_Static_assert(sizeof(struct ring_lane) == 128, "a lane's counters are two cache lines");

/* A producer's or consumer's private view of a mapped region. */
struct ring {
	struct ring_header *header;
	uint32_t lanes;
	uint32_t capacity;

	/* the consumer's own books */
	uint64_t tail[RING_LANES_MAX];
	uint64_t tail_lost[RING_LANES_MAX];
	uint64_t upstream_lost;
	uint64_t skipped;
	uint32_t generation;
};

/* Bytes a region of this geometry takes. */
size_t ring_bytes(uint32_t lanes, uint32_t capacity);

/* The largest power-of-two capacity of so many lanes that fits into bytes; 0 if none. */
uint32_t ring_capacity_for(size_t bytes, uint32_t lanes);

/* Producer: lay out a zeroed or old region of at least ring_bytes(). The caller keeps the
 * mapping. */
int ring_create(struct ring *r, void *mem, size_t bytes, uint32_t lanes, uint32_t capacity);

/* Consumer: check a region that a producer laid out. Fails with a sentence if it is not one. */
int ring_attach(struct ring *r, void *mem, size_t bytes);

static inline bool ring_wanted(const struct ring *r)
{
	return r->header && atomic_load_explicit(&r->header->wanted, memory_order_relaxed) != 0;
}

/* Producer, this lane's thread only. False if the lane was full (and counted). */
bool ring_put(struct ring *r, uint32_t lane, const struct strata_event *e);

/* The same for a record that fills so many slots, all of it or nothing. */
bool ring_put_record(struct ring *r, uint32_t lane, const void *record, uint32_t slots);

/* Consumer: take up to max events of a lane, oldest first. Returns how many. */
size_t ring_take(struct ring *r, uint32_t lane, struct strata_event *out, size_t max);

/* Consumer: events lost since the last call, all lanes and upstream. */
uint64_t ring_lost(struct ring *r);

/* Consumer: ask for events (request is JSON text or NULL); returns the new generation. 0 stops.
 */
uint32_t ring_start(struct ring *r, const char *request);
void ring_stop(struct ring *r);

/* Producer: say how the generation that is wanted stands, with JSON text for people or
 * programs. */
void ring_answer(struct ring *r, enum ring_state state, uint32_t generation, const char *text);

/* Consumer: how that generation stands; RING_IDLE while the producer has not taken it up. */
enum ring_state ring_state(const struct ring *r, uint32_t generation, char *text, size_t bytes);

/* Producer: publish a clock sample. Consumer: read a consistent one; false if there is none
 * yet. */
void ring_clock_put(struct ring *r, uint64_t tsc, uint64_t time_ns, uint64_t bracket);
bool ring_clock_get(struct ring *r, uint64_t *tsc, uint64_t *time_ns, uint64_t *bracket);

#endif
