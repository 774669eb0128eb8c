/* Rings filled by others: see source.h. */
#include "tracer/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/hop.h"
#include "lib/vital.h"

#define BATCH   512
#define STEP_MS 5

static void pause_ms(long ms)
{
	struct timespec t = {.tv_nsec = ms * 1000000};

	nanosleep(&t, NULL);
}

int source_open(struct source *s, const char *address, int timeout_ms)
{
	if (channel_open(&s->channel, address))
		return err_add("%s", s->name);
	for (int waited = 0; ring_attach(&s->ring, s->channel.memory, s->channel.bytes);
	     waited += STEP_MS) {
		if (waited >= timeout_ms) {
			err_add("%s did not come up within %d s", s->name, timeout_ms / 1000);
			source_close(s);
			return -1;
		}
		pause_ms(STEP_MS);
	}
	/* through a stream nobody sees what the one before us asked for */
	if (s->channel.stream)
		s->ring.generation = (uint32_t)time(NULL) << 8 ^ (uint32_t)getpid();
	return 0;
}

void source_start(struct source *s, const json_t *request)
{
	char *text = json_dumps(request, JSON_COMPACT);

	s->generation = ring_start(&s->ring, text);
	free(text);
}

json_t *source_wait_running(struct source *s, int timeout_ms)
{
	char text[RING_NOTE_BYTES / 2];
	enum ring_state state = RING_IDLE;
	json_t *answer;

	for (int waited = 0; waited < timeout_ms; waited += STEP_MS) {
		channel_turn(&s->channel);
		state = ring_state(&s->ring, s->generation, text, sizeof(text));
		if (state == RING_RUNNING || state == RING_FAILED)
			break;
		pause_ms(STEP_MS);
	}
	if (state != RING_RUNNING && state != RING_FAILED) {
		err_set("%s does not answer: it was asked for events %d s ago and has not "
			"started",
			s->name, timeout_ms / 1000);
		return NULL;
	}
	answer = json_loads(text, 0, NULL);
	if (state == RING_FAILED) {
		const char *why = json_string_value(json_object_get(answer, "error"));

		err_set("%s could not start: %s", s->name, why ? why : "it did not say why");
		json_decref(answer);
		return NULL;
	}
	return answer ? answer : json_object();
}

/* A producer's clock sample, if there is a new one. */
static int take_clock(struct source *s, struct recording_writer *w)
{
	struct clock_sample sample;

	if (!s->has_clock ||
	    !ring_clock_get(&s->ring, &sample.tsc, &sample.time_ns, &sample.bracket) ||
	    sample.time_ns <= s->last_sample_ns)
		return 0;
	s->last_sample_ns = sample.time_ns;
	return recording_clock(w, s->domain, &sample);
}

/* Of what carries no packet only what a guest's own tasks and polls did, and what was taken
 * from its CPUs; of vCPUs the host tells. */
static bool plausible(const struct strata_event *e)
{
	if (e->time_ns >> 62)
		return false;
	if (e->hop == CONTEXT_TASK_OFF)
		return e->arg64 >> 62 == 0;
	if (e->hop == CONTEXT_VITAL)
		return e->arg32 == VITAL_STEAL;
	return e->hop < HOP_COUNT || e->hop == CONTEXT_NAPI_FULL;
}

/* What the wire's probe in a guest saw; a length that cannot be is no record. */
static int take_record(struct source *s, struct recording_writer *w)
{
	struct strata_wire *wire = &s->record.wire;

	s->record_slots = 0;
	if (wire->captured > WIRE_PAYLOAD_MAX ||
	    wire_slots(wire->captured) > s->record_filled) {
		s->rejected++;
		return 0;
	}
	wire->event.flags &= (__u8)~EVENT_WIRE;
	wire->event.reserved = 0;
	wire->event.domain = s->domain;
	wire->event.vm = s->vm;
	if (recording_wire(w, wire))
		return -1;
	if (s->on_wire)
		s->on_wire(s->ctx, wire);
	return 0;
}

/* Is that slot part of a record, or the first of one? Then it is put to the others. */
static bool gather(struct source *s, const struct strata_event *slot)
{
	if (!s->record_slots) {
		if (!(slot->flags & EVENT_WIRE))
			return false;
		s->record_slots = 1u + slot->reserved;
		s->record_filled = 0;
		if (s->record_slots > WIRE_SLOTS_MAX) {
			s->record_slots = 0;
			s->rejected++;
			return true;
		}
	}
	s->record.slot[s->record_filled++] = *slot;
	return true;
}

/* Whatever it says is compared with what else was seen, and no more. */
static bool is_asked(const struct strata_event *e)
{
	return e->hop == CONTEXT_ASKED && (e->time_ns >> 62) == 0;
}

/* Which way it was going is a number that the tracer counts by. */
static bool is_drop(const struct strata_event *e)
{
	return e->hop == CONTEXT_DROP && e->queue < DIRECTION_COUNT && (e->time_ns >> 62) == 0;
}

static int take_one(struct source *s, struct strata_event *e, struct recording_writer *w)
{
	bool within = s->record_slots != 0;

	if (!within && !plausible(e) && !is_drop(e) && !is_asked(e)) {
		s->rejected++;
		return 0;
	}
	if (gather(s, e))
		return s->record_slots && s->record_filled == s->record_slots
			       ? take_record(s, w)
			       : 0;
	e->domain = s->domain;
	e->vm = s->vm;
	return recording_event(w, e);
}

static int take_lane(struct source *s, uint32_t lane, struct recording_writer *w)
{
	struct strata_event batch[BATCH];
	uint64_t taken = 0;
	size_t n;

	do {
		n = ring_take(&s->ring, lane, batch, BATCH);
		for (size_t i = 0; i < n; i++)
			if (take_one(s, &batch[i], w))
				return -1;
		taken += n;
	} while (n == BATCH && taken < s->ring.capacity);
	return (int)taken;
}

int source_drain(struct source *s, struct recording_writer *w)
{
	uint64_t lost;
	int total = 0;

	channel_turn(&s->channel);
	for (uint32_t lane = 0; lane < s->ring.lanes; lane++) {
		int n = take_lane(s, lane, w);

		if (n < 0)
			return -1;
		total += n;
	}
	lost = ring_lost(&s->ring) + s->rejected;
	s->rejected = 0;
	if ((lost && recording_lost(w, s->stage, lost)) || take_clock(s, w))
		return -1;
	return total;
}

json_t *source_stop(struct source *s, struct recording_writer *w, int timeout_ms)
{
	char text[RING_NOTE_BYTES / 2];
	json_t *answer = NULL;

	ring_stop(&s->ring);
	for (int waited = 0; waited < timeout_ms; waited += STEP_MS) {
		if (source_drain(s, w) < 0)
			return NULL;
		if (ring_state(&s->ring, s->generation, text, sizeof(text)) != RING_RUNNING) {
			answer = json_loads(text, 0, NULL);
			break;
		}
		pause_ms(STEP_MS);
	}
	source_drain(s, w);
	return answer;
}

void source_close(struct source *s)
{
	channel_close(&s->channel);
	s->ring.header = NULL;
}
