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

#include "tracer/topology.h"

struct session_options {
	const char *recording_path;
	bool no_fentry;       /* tracepoints only */
	bool stats;           /* have the kernel time the probes themselves */
	bool guest_optional;  /* go on without a guest's agent: the guest is one layer then */
	int guest_timeout_ms; /* how long an agent may take to attach; 0: 60 s */
};

struct session;

/* Start everything; returns when all observers run. NULL with a sentence; nothing is left
 * attached then. */
struct session *session_start(const struct topology *t, const struct session_options *options);

/* Add keys to the recording's META, from the caller's thread, while the session runs or before
 * session_stop(). */
int session_meta(struct session *s, const json_t *meta);

struct session_counts {
	uint64_t events; /* written so far */
	uint64_t wire;
	uint64_t lost;
};

struct session_counts session_counts(const struct session *s);

/* Stop the observers, take what is left in their rings, close the recording, free. -1 with a
 * sentence if anything failed on the way (the recording is readable all the same). */
int session_stop(struct session *s);

#endif
