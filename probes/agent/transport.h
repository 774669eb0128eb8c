/*
 * How the agent's ring reaches the host: memory that both share, or a stream. Whichever the
 * machine has is taken, in the order of the table; the host looks in the same order.
 */
#ifndef STRATA_PROBES_AGENT_TRANSPORT_H
#define STRATA_PROBES_AGENT_TRANSPORT_H

#include <stddef.h>

#include "lib/ring_stream.h"
#include "probes/agent/memory.h"

struct transport;

struct transport_kind {
	const char
		*name; /* "ivshmem", "virtio-serial", "vsock"; of the option that names one */
	/* Where it is, or NULL: wherever this machine has one. -1 with a sentence. */
	int (*open)(struct transport *t, const char *where);
	/* A stream: is somebody there, to read and to ask? Its descriptor, or -1. NULL: it is
	 * shared memory. */
	int (*reach)(struct transport *t);
};

struct transport {
	const struct transport_kind *kind;
	struct memory memory; /* where the ring is to be laid out */
	int fd;               /* a port, or a listening socket; -1 none */
	int peer_fd;          /* a connection; -1 none */
	struct ring_stream *stream;
};

/* Of that kind, or if that is NULL of the first that there is. -1 with a sentence. */
int transport_open(struct transport *t, const char *kind, const char *where);

/* The ring has been laid out in the memory. */
int transport_start(struct transport *t);

/* Move what there is; call it after each turn of the service. */
void transport_turn(struct transport *t);

void transport_close(struct transport *t);

#endif
