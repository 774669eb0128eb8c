/* A session's collector: events of all sources into the recording, as they come. */
#include <stdio.h>
#include <sys/eventfd.h>
#include <time.h>

#include "lib/clock.h"
#include "lib/err.h"
#include "lib/now.h"
#include "tracer/session_state.h"

#define POLL_NS        4000000L
#define CLOCK_EVERY_NS 100000000ULL
#define FLUSH_EVERY_NS 1000000000ULL
#define COST_EVERY_NS  3000000000ULL

void session_fail(struct session *s)
{
	if (!s->failed)
		snprintf(s->why, sizeof(s->why), "%s", err_text());
	s->failed = true;
	eventfd_write(s->failed_fd, 1);
}

void session_on_events(void *ctx, const struct strata_event *e, size_t count)
{
	struct session *s = ctx;

	s->events += count;
	rivals_see(s->rivals, e, count);
	if (!s->failed && recording_events(s->recording, e, count))
		session_fail(s);
}

/* In the thread that looks at the VMs. */
void session_on_vital(void *ctx, const struct strata_event *e)
{
	struct session *s = ctx;

	pthread_mutex_lock(&s->lock);
	session_on_events(s, e, 1);
	pthread_mutex_unlock(&s->lock);
}

void session_look_at_wire(void *ctx, const struct strata_wire *w)
{
	struct session *s = ctx;

	if (s->flight && !s->failed && flight_wire(s->flight, w))
		session_fail(s);
}

void session_on_wire(void *ctx, const struct strata_wire *w)
{
	struct session *s = ctx;

	if (!s->failed && recording_wire(s->recording, w))
		session_fail(s);
	session_look_at_wire(s, w);
}

static int note_lost(struct session *s)
{
	uint64_t now = watch_lost(&s->watch), lost = now - s->watch_lost;

	s->watch_lost = now;
	return lost ? recording_lost(s->recording, LOST_HOST_PROBES, lost) : 0;
}

/* What is known by now, for those who read on in the recording. A flight recorder keeps all of
 * META for ever: it is told at the end alone. */
static int note(struct session *s, const char *key, json_t *known)
{
	json_t *meta = json_pack("{s:o}", key, known);
	int result = recording_meta(s->recording, meta);

	json_decref(meta);
	return result;
}

void session_collect(struct session *s)
{
	uint64_t now = now_ns();

	if (s->flight && !s->failed && flight_until(s->flight, now))
		session_fail(s);
	if (watch_poll(&s->watch))
		session_fail(s);
	for (unsigned int i = 0; i < s->source_count && !s->failed; i++) {
		int n = source_drain(&s->sources[i], s->recording);

		if (n < 0)
			session_fail(s);
		else
			s->events += (uint64_t)n;
	}
	if (!s->failed && note_lost(s))
		session_fail(s);
	if (!s->failed && now - s->last_clock_ns >= CLOCK_EVERY_NS) {
		struct clock_sample sample = clock_sample_now();

		s->last_clock_ns = now;
		if (recording_clock(s->recording, 0, &sample))
			session_fail(s);
	}
	if (!s->failed && s->options.stats && !s->options.flight_bytes &&
	    now - s->last_cost_ns >= COST_EVERY_NS) {
		s->last_cost_ns = now;
		if (note(s, "probes", watch_probes_meta(&s->watch)))
			session_fail(s);
	}
	if (!s->failed && now - s->last_flush_ns >= FLUSH_EVERY_NS) {
		s->last_flush_ns = now;
		if (!s->options.flight_bytes && rivals_news(s->rivals) &&
		    note(s, "rivals", rivals_meta(s->rivals)))
			session_fail(s);
		if (recording_flush(s->recording))
			session_fail(s);
	}
}

void *session_collector(void *session)
{
	struct session *s = session;
	struct timespec pause = {.tv_nsec = POLL_NS};

	while (!atomic_load(&s->stop)) {
		pthread_mutex_lock(&s->lock);
		session_collect(s);
		pthread_mutex_unlock(&s->lock);
		nanosleep(&pause, NULL);
	}
	return NULL;
}
