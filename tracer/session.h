/*
 * A tracing session: starts every observer of a topology (host probes, the VMM's event
 * ring, the agents in the guests), gathers what they see into a recording on a thread of
 * its own, samples the clocks, counts what was lost, and stops them all.
 */
#ifndef STRATA_TRACER_SESSION_H
#define STRATA_TRACER_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "tracer/filter.h"
#include "tracer/topology.h"

struct session_options {
	const char *recording_path;
	bool pcap;       /* no eBPF, but every frame on every device, in host and guests */
	bool no_fentry;  /* tracepoints only */
	bool no_uprobes; /* none on nginx */
	unsigned int
		uprobe_limit; /* requests a second from which on they are taken off; 0: none */
	const char *protocol; /* what requests are of: protocol_name(); NULL: HTTP */
	const struct filter
		*filter;       /* connections to look at; borrowed while starting; NULL: all */
	uint64_t flight_bytes; /* a flight recorder of that size, around requests that the
				  filter wants (tracer/flight.h); 0: none */
	bool stats;            /* have the kernel time the probes themselves */
	int guest_timeout_ms;  /* how long an agent may take to attach; 0: 60 s */
};

struct session;

/* Start everything; returns when all observers run. NULL with a sentence; nothing is left
 * attached then. */
struct session *session_start(const struct topology *t, const struct session_options *options);

/* Add keys to the recording's META: at any time before session_close(), from the thread that
 * started the session. */
int session_meta(struct session *s, const json_t *meta);

/* Close the recording and go on in another, which stands for itself: observers stay as they
 * are. Requests that are under way belong to neither. -1 with a sentence. */
int session_next(struct session *s, const char *recording_path);

/* Becomes readable when the recording cannot be written any more (the disk is full); then
 * nothing more is recorded, and session_stop() says why. The session keeps it. */
int session_failed_fd(const struct session *s);

/* Events written so far. */
uint64_t session_events(const struct session *s);

/* Stop and detach the observers, having taken what is left in their rings. The recording stays
 * open for more META. -1 with a sentence if anything failed on the way (the recording is
 * readable all the same). */
int session_stop(struct session *s);

/* Stop if that was not done, close the recording, free. -1 as above. */
int session_close(struct session *s);

#endif
