/*
 * What the parts of a session share: its state, the collector (session_collect.c), what is
 * asked of those who mark events (session_ask.c), what the recording says of them
 * (session_meta.c). session.c starts and ends it all.
 */
#ifndef STRATA_TRACER_SESSION_STATE_H
#define STRATA_TRACER_SESSION_STATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "lib/recording.h"
#include "tracer/flight.h"
#include "tracer/rivals.h"
#include "tracer/session.h"
#include "tracer/source.h"
#include "tracer/vitals.h"
#include "tracer/watch.h"

struct session {
	struct topology topology; /* a copy; the descriptors stay the caller's */
	struct session_options options;
	struct filter filter;
	struct recording_writer *recording;
	struct flight *flight; /* NULL: nothing is chosen */
	pthread_mutex_t lock;  /* recording: collector thread and session_meta() */

	struct watch watch;
	struct rivals *rivals; /* whom the probes named */
	uint64_t watch_lost;
	struct source sources[2 * TOPOLOGY_VMS_MAX];
	unsigned int source_count;
	struct vitals *vitals; /* NULL: there is no VM */
	json_t *answers;       /* by VM index as text: what its agent answered */

	pthread_t thread;
	bool running;
	atomic_bool stop;
	bool failed; /* the recording could not be written; why is in why */
	char why[512];
	int failed_fd; /* readable from then on */
	_Atomic uint64_t events;
	uint64_t last_clock_ns, last_flush_ns, last_cost_ns;
	uint64_t asked_ns, attach_ns; /* when it was told to start; how long that took */
};

/* The recording could not be written: keep why (err_text()), and say so to who waits. */
void session_fail(struct session *s);

/* Callbacks; ctx is the session. The probes' two come in the collector's thread, with the lock
 * held; a vital comes in the thread that looks at VMs, and takes the lock. */
void session_on_events(void *ctx, const struct strata_event *e, size_t count);
void session_on_wire(void *ctx, const struct strata_wire *w);
void session_on_vital(void *ctx, const struct strata_event *e);

/* A message of a guest's own wire: for a flight recorder, the recording has it already. */
void session_look_at_wire(void *ctx, const struct strata_wire *w);

/* One round: everything that has gathered, into the recording. Lock held, or no collector. */
void session_collect(struct session *s);

/* The collector thread, until stop is set. */
void *session_collector(void *session);

/* What the probes are to mark. */
void session_config(const struct session *s, struct probes_config *c);

/* Open and start the rings of all VMs' agents and VMMs; wait for the agents, and keep what they
 * say. -1 with a sentence. */
int session_start_sources(struct session *s);
int session_await_agents(struct session *s);

/* Take the last of all sources, and what they say in closing. */
void session_stop_sources(struct session *s);

/* At the start of each recording; at the end of the last, where meta is what the probes have
 * said of themselves when they were still there. */
int session_write_start(struct session *s);
int session_write_end(struct session *s, json_t *meta, uint64_t ended_ns);

#endif
