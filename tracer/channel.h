/*
 * A way to a ring that somebody outside this process fills, by its address:
 *
 *   PATH or file:PATH   memory that both map: a VMM's ring, an ivshmem device's file
 *   unix:PATH           a stream: the socket behind a virtio-serial port of the guest's
 *   vsock:CID[:PORT]    a stream: the agent listens in the guest
 *
 * Memory is the ring itself; behind a stream is a ring of our own that lib/ring_stream.h fills.
 */
#ifndef STRATA_TRACER_CHANNEL_H
#define STRATA_TRACER_CHANNEL_H

#include <stddef.h>
#include <stdint.h>

#include "lib/ring_stream.h"

struct channel {
	void *memory; /* where the ring lies; NULL: closed */
	size_t bytes;
	struct ring_stream *stream; /* NULL: memory that the producer maps, too */
};

/* A producer behind a stream need not be there yet, but whoever connects us to it. -1 with a
 * sentence. */
int channel_open(struct channel *c, const char *address);

/* Move what there is between stream and ring. */
void channel_turn(struct channel *c);

void channel_close(struct channel *c);

#endif
