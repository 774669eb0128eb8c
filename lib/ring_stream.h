/*
 * A ring over a stream. Where two kernels share no memory but a byte stream (a virtio-serial
 * port, a vsock, a Unix socket), each side has a ring of its own, and frames carry what one
 * side writes into it to the other: requests and stops one way; answers, clock samples, events
 * and counts of losses the other way. To whoever uses the ring nothing changes.
 *
 * Either side may vanish and come again in the middle of a frame: frames begin with a word that
 * is looked for until it is found, and carry the generation that they belong to. A stalled
 * stream costs nothing but events, which the producer's ring counts as lost.
 *
 * The consumer's side trusts nothing it reads: the producer may be a hostile guest.
 *
 * Threading: a stream belongs to one thread.
 */
#ifndef STRATA_LIB_RING_STREAM_H
#define STRATA_LIB_RING_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/ring.h"

#define RING_STREAM_VSOCK_PORT 7827           /* where the agent listens */
#define RING_STREAM_SERIAL     "strata.agent" /* what its virtio-serial port is called */

#define RING_FRAME_MAGIC     0x656d617266617473ULL /* "statrame" */
#define RING_FRAME_BYTES_MAX 16384

enum ring_frame_type {
	RING_FRAME_REQUEST, /* consumer: JSON text; the generation is wanted from now on */
	RING_FRAME_STOP,    /* consumer */
	RING_FRAME_ANSWER,  /* producer: enum ring_state as 4 bytes, and JSON text */
	RING_FRAME_CLOCK,   /* producer: tsc, time_ns, bracket */
	RING_FRAME_LOST,    /* producer: 8 bytes, how many since it came up */
	RING_FRAME_EVENTS,  /* producer: struct strata_event, one after the other */
	RING_FRAME_TYPES
};

/* All in the byte order of x86-64, which both sides have. */
struct ring_frame {
	uint64_t magic;
	uint32_t type; /* enum ring_frame_type */
	uint32_t generation;
	uint32_t bytes; /* that follow */
	uint32_t reserved;
};

struct ring_stream {
	struct ring ring; /* producer's side: its consumer; consumer's side: its producer */
	bool producer;
	int fd; /* the caller's, non-blocking; -1 none */

	uint8_t in[sizeof(struct ring_frame) + RING_FRAME_BYTES_MAX];
	size_t in_used;
	uint8_t out[4 * (sizeof(struct ring_frame) + RING_FRAME_BYTES_MAX)];
	size_t out_used, out_sent;

	/* what the other side was told last */
	uint32_t told_wanted, told_generation, told_state, told_clock;
	uint64_t told_lost;
	uint64_t skipped_bytes; /* that were no frame */
};

/* Beside a ring that ring_create() laid out in memory, of one lane; fd is -1. -1 with a
 * sentence. */
int ring_stream_create(struct ring_stream *s, void *memory, size_t bytes, bool producer);

/* The stream is up: what was half sent or read is forgotten, and all is told anew. */
void ring_stream_begin(struct ring_stream *s, int fd);

/* Move what there is, both ways; never blocks. -1 if the other side has gone: the ring is as if
 * nobody wanted it then. */
int ring_stream_turn(struct ring_stream *s);

#endif
