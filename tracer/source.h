/*
 * A ring that some producer outside this process fills: a VMM's threads, or the agent in
 * a guest. Mapping it, asking for events, taking them with their clock samples and losses.
 *
 * What a guest writes into its ring is hostile: events are checked before they are let in
 * (hop known, domain and VM forced to those the ring belongs to). Only a ring of one lane may
 * hold records larger than an event.
 */
#ifndef STRATA_TRACER_SOURCE_H
#define STRATA_TRACER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "lib/clock.h"
#include "lib/recording.h"
#include "lib/ring.h"
#include "tracer/channel.h"

struct source {
	char name[48]; /* for sentences: "the agent in VM web" */
	struct ring ring;
	struct channel channel;
	uint32_t generation;
	uint8_t domain; /* forced on every event */
	uint8_t vm;
	enum lost_stage stage;
	uint64_t rejected; /* events that made no sense; counted as lost */
	/* Told of each record of the wire that was taken; may be NULL. */
	void (*on_wire)(void *ctx, const struct strata_wire *w);
	void *ctx;
	uint64_t last_sample_ns;
	bool has_clock;
	/* a record of several slots of which only the first have come */
	union {
		struct strata_event slot[WIRE_SLOTS_MAX];
		struct strata_wire wire;
	} record;
	uint32_t record_slots, record_filled; /* 0: none */
};

/* By its address (tracer/channel.h). The producer may not have laid out its ring yet: waits up
 * to timeout_ms. -1 with a sentence. */
int source_open(struct source *s, const char *address, int timeout_ms);

/* Ask for events; request is borrowed. */
void source_start(struct source *s, const json_t *request);

/* Wait until the producer says it runs; its answer as JSON, the caller's reference. NULL with a
 * sentence. */
json_t *source_wait_running(struct source *s, int timeout_ms);

/* Move what there is into the recording; returns how many events, -1 if the recording cannot be
 * written. */
int source_drain(struct source *s, struct recording_writer *w);

/* Tell the producer to stop and wait until it has, draining meanwhile. Its closing answer, or
 * NULL if it gave none. */
json_t *source_stop(struct source *s, struct recording_writer *w, int timeout_ms);

void source_close(struct source *s);

#endif
