/* A tracing session: see session.h. */
#include "tracer/session.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/now.h"
#include "tracer/session_state.h"

static int start_all(struct session *s)
{
	struct probes_callbacks callbacks = {
		.events = session_on_events, .wire = session_on_wire, .ctx = s};
	struct probes_config config;
	int error;

	if (session_start_sources(s))
		return -1;
	session_config(s, &config);
	if (s->options.pcap ? watch_open_capture(&s->watch, &s->topology, config.wire_device,
						 &s->filter, &callbacks)
			    : watch_open_probes(&s->watch, &config, &callbacks))
		return -1;
	if (session_await_agents(s) || session_write_start(s))
		return -1;
	if (s->topology.vm_count && !s->options.pcap) {
		s->vitals = vitals_start(&s->topology, session_on_vital, s);
		if (!s->vitals)
			return -1;
	}
	error = pthread_create(&s->thread, NULL, session_collector, s);
	if (error) {
		errno = error;
		return err_errno("start the collector thread");
	}
	s->running = true;
	return 0;
}

/* Whatever was started, stopped. */
static void detach(struct session *s)
{
	vitals_stop(s->vitals);
	s->vitals = NULL;
	for (unsigned int i = 0; i < s->source_count; i++) {
		if (s->sources[i].ring.header)
			ring_stop(&s->sources[i].ring);
		source_close(&s->sources[i]);
	}
	s->source_count = 0;
	watch_close(&s->watch);
}

static void release(struct session *s)
{
	detach(s);
	flight_destroy(s->flight);
	rivals_destroy(s->rivals);
	json_decref(s->answers);
	pthread_mutex_destroy(&s->lock);
	if (s->failed_fd >= 0)
		close(s->failed_fd);
	free(s);
}

static int start_flight(struct session *s)
{
	int protocol =
		s->options.protocol ? protocol_by_name(s->options.protocol) : PROTOCOL_HTTP;

	if (!s->options.flight_bytes)
		return 0;
	if (recording_bound(s->recording, s->options.flight_bytes))
		return -1;
	if (!filter_asks_requests(&s->filter))
		return 0; /* the latest of all */
	s->flight = flight_create(&s->filter, (enum protocol)protocol, s->recording);
	return s->flight ? 0 : -1;
}

struct session *session_start(const struct topology *t, const struct session_options *options)
{
	struct session *s = calloc(1, sizeof(*s));

	if (!s) {
		err_set("start a trace: out of memory");
		return NULL;
	}
	s->topology = *t;
	s->options = *options;
	if (options->filter)
		s->filter = *options->filter;
	s->asked_ns = now_ns();
	s->answers = json_object();
	s->rivals = rivals_create(&s->topology);
	pthread_mutex_init(&s->lock, NULL);
	s->failed_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->failed_fd < 0)
		err_errno("start a trace");
	else if (!s->rivals)
		err_set("start a trace: out of memory");
	else
		s->recording = recording_create(options->recording_path);
	if (s->recording && !start_flight(s) && !start_all(s))
		return s;
	if (s->recording) {
		char why[512];

		snprintf(why, sizeof(why), "%s", err_text());
		detach(s);
		recording_close(s->recording);
		unlink(options->recording_path);
		err_set("%s", why);
	}
	release(s);
	return NULL;
}

int session_meta(struct session *s, const json_t *meta)
{
	int result;

	pthread_mutex_lock(&s->lock);
	result = recording_meta(s->recording, meta);
	pthread_mutex_unlock(&s->lock);
	return result;
}

int session_failed_fd(const struct session *s)
{
	return s->failed_fd;
}

static int switch_to(struct session *s, struct recording_writer *next)
{
	struct clock_sample now = clock_sample_now();

	session_collect(s);
	if (s->failed)
		return err_set("%s", s->why);
	s->recording = next;
	s->last_flush_ns = s->last_clock_ns = now_ns();
	return session_write_start(s) || recording_clock(next, 0, &now) ? -1 : 0;
}

int session_next(struct session *s, const char *recording_path)
{
	struct recording_writer *next, *last = s->recording;
	int result;

	if (s->flight)
		return err_set("a flight recorder has one recording");
	next = recording_create(recording_path);
	if (!next)
		return -1;
	pthread_mutex_lock(&s->lock);
	result = switch_to(s, next);
	pthread_mutex_unlock(&s->lock);
	if (s->recording == last) {
		recording_close(next);
		return -1;
	}
	return recording_close(last) || result ? -1 : 0;
}

uint64_t session_events(const struct session *s)
{
	return s->events;
}

int session_stop(struct session *s)
{
	uint64_t ended_ns = now_ns();
	json_t *meta;

	if (!s->running)
		return s->failed ? err_set("%s", s->why) : 0;
	s->running = false;
	vitals_stop(s->vitals);
	s->vitals = NULL;
	atomic_store(&s->stop, true);
	pthread_join(s->thread, NULL);
	s->last_clock_ns = 0;
	if (watch_poll_last(&s->watch))
		session_fail(s);
	session_collect(s);
	session_stop_sources(s);
	meta = json_pack("{s:o,s:o}", "probes", watch_probes_meta(&s->watch), "drops",
			 watch_drops_meta(&s->watch));
	detach(s);
	if (!s->failed && session_write_end(s, meta, ended_ns))
		session_fail(s);
	json_decref(meta);
	return s->failed ? err_set("%s", s->why) : 0;
}

int session_close(struct session *s)
{
	char why[512];
	int result = session_stop(s);

	snprintf(why, sizeof(why), "%s", err_text());
	if (recording_close(s->recording) && !result)
		result = -1;
	else if (result)
		err_set("%s", why);
	release(s);
	return result;
}
