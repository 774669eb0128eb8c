/* The agent's service: see service.h. */
#include "probes/agent/service.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/threads.h"
#include "lib/vital.h"

enum {
	IDLE_MIN_US = 20000,
	IDLE_MAX_US = 320000,
	PAUSE_MIN_US = 2000,
	PAUSE_MAX_US = 20000,
	EVENTS_MIN = 64,
};

#define CLOCK_EVERY_NS   100000000ull
#define STEAL_EVERY_NS   1000000000ull
#define ABANDONED_NS     10000000000ull /* a ring full for so long has no reader */
#define ANSWER_BYTES_MAX (RING_NOTE_BYTES / 2)

static uint64_t clock_read(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (uint64_t)ts.tv_sec * 1000000000ull + (uint64_t)ts.tv_nsec;
}

int service_create(struct service *s, void *memory, size_t bytes)
{
	uint32_t capacity = ring_capacity_for(bytes, 1);

	memset(s, 0, sizeof(*s));
	if (capacity < EVENTS_MIN)
		return err_set("the shared memory has %zu bytes, too few for events: it needs "
			       "at least %zu",
			       bytes, ring_bytes(1, EVENTS_MIN));
	return ring_create(&s->ring, memory, bytes, 1, capacity);
}

/* An answer must fit; what is longest goes first. */
static void answer(struct service *s, enum ring_state state, json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);

	if (text && strlen(text) >= ANSWER_BYTES_MAX) {
		free(text);
		json_object_del(json, "missing");
		json_object_del(json, "devices");
		text = json_dumps(json, JSON_COMPACT);
	}
	ring_answer(&s->ring, state, s->generation, text);
	free(text);
	json_decref(json);
}

static void add_hops(const struct service *s, json_t *json)
{
	json_t *hops = json_array(), *guesses = json_array();

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		bool inferred;

		if (!watch_marks(&s->watch, (enum strata_hop)hop, &inferred))
			continue;
		json_array_append_new(hops, json_string(hop_table[hop].name));
		if (inferred)
			json_array_append_new(guesses, json_string(hop_table[hop].name));
	}
	json_object_set_new(json, "hops", hops);
	json_object_set_new(json, "inferred", guesses);
}

static json_t *answer_running(struct service *s)
{
	const struct probe_report *r;
	size_t n = watch_report(&s->watch, &r), attached = 0;
	json_t *json = json_object(), *missing = json_array(), *devices = json_array();
	struct utsname u;

	uname(&u);
	json_object_set_new(json, "release", json_string(u.release));
	add_hops(s, json);
	for (size_t i = 0; i < n; i++) {
		attached += r[i].attached;
		if (!r[i].attached)
			json_array_append_new(missing, json_string(r[i].name));
	}
	for (unsigned int i = 0; i < s->survey.config.device_count; i++)
		json_array_append_new(devices, json_string(s->survey.config.devices[i].name));
	json_object_set_new(json, "probes", json_integer((json_int_t)attached));
	json_object_set_new(json, "missing", missing);
	json_object_set_new(json, "nginx",
			    s->survey.nginx_path[0] ? json_string(s->survey.nginx_path)
						    : json_null());
	json_object_set_new(json, "plaintext", json_boolean(watch_plaintext(&s->watch)));
	json_object_set_new(json, "devices", devices);
	json_object_set_new(json, "ksoftirqd", threads_ksoftirqd());
	return json;
}

static json_t *answer_idle(struct service *s)
{
	const struct probe_report *r;
	size_t n = watch_report(&s->watch, &r);
	uint64_t runs = 0, run_time_ns = 0;

	for (size_t i = 0; i < n; i++) {
		runs += r[i].runs;
		run_time_ns += r[i].run_time_ns;
	}
	return json_pack(
		"{s:o,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "drops", watch_drops_meta(&s->watch),
		"steal_ms", (json_int_t)(threads_steal_ms() - s->steal_ms), "events",
		(json_int_t)s->events, "lost", (json_int_t)watch_lost(&s->watch),
		"agent_cpu_ns", (json_int_t)(clock_read(CLOCK_PROCESS_CPUTIME_ID) - s->cpu_ns),
		"wall_ns", (json_int_t)(clock_read(CLOCK_MONOTONIC) - s->started_ns),
		"bpf_runs", (json_int_t)runs, "bpf_run_time_ns", (json_int_t)run_time_ns);
}

static void forward(void *ctx, const struct strata_event *e, size_t count)
{
	struct service *s = ctx;

	s->events += count;
	for (size_t i = 0; i < count; i++)
		s->has_room |= ring_put(&s->ring, 0, &e[i]);
}

static void forward_wire(void *ctx, const struct strata_wire *w)
{
	struct service *s = ctx;
	uint32_t slots = wire_slots(w->captured);
	union {
		struct strata_wire wire;
		struct strata_event slot[WIRE_SLOTS_MAX];
	} record = {.slot = {{0}}};

	memcpy(&record.wire, w, sizeof(*w) - WIRE_PAYLOAD_MAX + w->captured);
	record.wire.event.flags |= EVENT_WIRE;
	record.wire.event.reserved = (uint16_t)(slots - 1);
	ring_put_record(&s->ring, 0, &record, slots);
}

static void leave_clock(struct service *s, uint64_t now)
{
	struct clock_sample sample;

	if (now - s->clock_ns < CLOCK_EVERY_NS)
		return;
	sample = clock_sample_now();
	ring_clock_put(&s->ring, sample.tsc, sample.time_ns, sample.bracket);
	s->clock_ns = now;
}

/* What the hypervisor took from our CPUs. */
static void leave_steal(struct service *s, uint64_t now)
{
	uint64_t ns[VITAL_VCPUS_MAX];
	size_t cpus;

	if (now - s->steal_told_ns < STEAL_EVERY_NS)
		return;
	s->steal_told_ns = now;
	cpus = threads_steal_each(ns, VITAL_VCPUS_MAX);
	for (size_t cpu = 0; cpu < cpus; cpu++) {
		const struct strata_event e = {.time_ns = now,
					       .hop = CONTEXT_VITAL,
					       .flags = EVENT_CONTEXT,
					       .queue = (uint16_t)cpu,
					       .arg32 = VITAL_STEAL,
					       .arg64 = ns[cpu]};

		forward(s, &e, 1);
	}
}

static int drain(struct service *s)
{
	int n = watch_poll(&s->watch);

	atomic_store_explicit(&s->ring.header->upstream_lost,
			      s->lost_before + watch_lost(&s->watch), memory_order_relaxed);
	return n;
}

static int start(struct service *s)
{
	struct probes_callbacks callbacks = {.events = forward, .wire = forward_wire, .ctx = s};
	char request[sizeof(s->ring.header->request)];

	s->started_ns = s->put_ns = clock_read(CLOCK_MONOTONIC);
	s->cpu_ns = clock_read(CLOCK_PROCESS_CPUTIME_ID);
	s->steal_ms = threads_steal_ms();
	s->clock_ns = s->steal_told_ns = 0;
	s->events = 0;
	s->pause_us = PAUSE_MIN_US;
	memcpy(request, s->ring.header->request, sizeof(request));
	request[sizeof(request) - 1] = '\0';
	if (survey_request(&s->survey, request) || survey_devices(&s->survey))
		return -1;
	survey_nginx(&s->survey);
	leave_clock(s, s->started_ns);
	return watch_open(&s->watch, &s->survey, &callbacks);
}

static void stop(struct service *s)
{
	json_t *json;

	drain(s);
	s->steal_told_ns = 0;
	leave_steal(s, clock_read(CLOCK_MONOTONIC));
	json = answer_idle(s);
	s->lost_before += watch_lost(&s->watch);
	leave_clock(s, s->clock_ns + CLOCK_EVERY_NS);
	answer(s, RING_IDLE, json);
	watch_close(&s->watch);
}

static void take_up(struct service *s, uint32_t wanted)
{
	s->generation = wanted;
	ring_answer(&s->ring, RING_STARTING, wanted, "{}");
	if (start(s)) {
		err_print("strata-agent");
		answer(s, RING_FAILED, json_pack("{s:s}", "error", err_text()));
		return;
	}
	answer(s, RING_RUNNING, answer_running(s));
}

/* Each look wakes a processor of a guest that sleeps: the longer nobody wants anything, the
 * fewer. */
static unsigned int idle_turn(struct service *s)
{
	s->pause_us *= 2;
	if (s->pause_us < IDLE_MIN_US)
		s->pause_us = IDLE_MIN_US;
	if (s->pause_us > IDLE_MAX_US)
		s->pause_us = IDLE_MAX_US;
	return s->pause_us;
}

static unsigned int forward_turn(struct service *s)
{
	uint64_t now = clock_read(CLOCK_MONOTONIC);
	int n;

	s->has_room = false;
	n = drain(s);
	leave_clock(s, now);
	leave_steal(s, now);
	if (n <= 0 || s->has_room)
		s->put_ns = now;
	if (now - s->put_ns > ABANDONED_NS) {
		err_set("nobody reads the events: probes off until they are wanted again");
		err_print("strata-agent");
		stop(s);
		return idle_turn(s);
	}
	s->pause_us = n > 0 ? s->pause_us / 2 : s->pause_us * 2;
	if (s->pause_us < PAUSE_MIN_US)
		s->pause_us = PAUSE_MIN_US;
	if (s->pause_us > PAUSE_MAX_US)
		s->pause_us = PAUSE_MAX_US;
	return s->pause_us;
}

unsigned int service_turn(struct service *s)
{
	/* pairs with the consumer's release: its request stands before it is wanted */
	uint32_t wanted = atomic_load_explicit(&s->ring.header->wanted, memory_order_acquire);

	if (watch_is_open(&s->watch) && (!wanted || wanted != s->generation))
		stop(s);
	if (wanted && wanted != s->generation)
		take_up(s, wanted);
	return watch_is_open(&s->watch) ? forward_turn(s) : idle_turn(s);
}

void service_end(struct service *s)
{
	if (watch_is_open(&s->watch))
		stop(s);
}
