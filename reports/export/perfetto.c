/*
 * The Trace Event Format (JSON) of Chrome, which Perfetto's and other viewers read: a slice per
 * request, in it one per visit to a layer, in those one per hop.
 *
 * Slices of a track must nest, so requests that overlap go to different tracks: the first that
 * has been free since before the request began. Their number is that of requests at one time.
 * Times are microseconds since the recording began, as decimal fractions: no double holds the
 * nanoseconds of today's date.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "lib/err.h"
#include "lib/version.h"
#include "tracer/attribution.h"
#include "tracer/cause.h"
#include "reports/export/formats.h"
#include "reports/export/text.h"

#define PROCESS 1

struct perfetto {
	uint64_t *free_from_ns; /* by track */
	size_t tracks, capacity;
	uint64_t origin_ns;
};

static int begin(struct export *e)
{
	struct perfetto *p = e->state;

	p->origin_ns = (uint64_t)json_integer_value(json_object_get(e->m->meta, "started_ns"));
	fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n", e->out);
	fprintf(e->out,
		"{\"ph\":\"M\",\"cat\":\"__metadata\",\"ts\":0,\"pid\":%d,"
		"\"name\":\"process_name\",\"args\":{\"name\":"
		"\"requests\"}}",
		PROCESS);
	return 0;
}

/* ---- tracks ---- */

static int new_track(struct export *e)
{
	struct perfetto *p = e->state;

	if (p->tracks == p->capacity) {
		size_t capacity = p->capacity ? 2 * p->capacity : 16;
		uint64_t *t = realloc(p->free_from_ns, capacity * sizeof(*t));

		if (!t)
			return err_set("out of memory for %zu tracks", capacity);
		p->free_from_ns = t;
		p->capacity = capacity;
	}
	p->tracks++;
	fprintf(e->out,
		",\n{\"ph\":\"M\",\"cat\":\"__metadata\",\"ts\":0,\"pid\":%d,\"tid\":%zu,"
		"\"name\":\"thread_name\",\"args\":{"
		"\"name\":\"track %zu\"}}",
		PROCESS, p->tracks, p->tracks);
	return 0;
}

/* -1: memory is short. */
static int track_for(struct export *e, uint64_t begin_ns, uint64_t end_ns)
{
	struct perfetto *p = e->state;
	size_t i = 0;

	while (i < p->tracks && p->free_from_ns[i] > begin_ns)
		i++;
	if (i == p->tracks && new_track(e))
		return -1;
	p->free_from_ns[i] = end_ns;
	return (int)i + 1;
}

/* ---- slices ---- */

/* Up to the arguments; the caller writes these and closes. */
static void slice(const struct export *e, int track, const char *category, const char *name,
		  uint64_t begin_ns, uint64_t took_ns)
{
	const struct perfetto *p = e->state;
	bool before = begin_ns < p->origin_ns;
	uint64_t since_ns = before ? p->origin_ns - begin_ns : begin_ns - p->origin_ns;

	fprintf(e->out,
		",\n{\"ph\":\"X\",\"pid\":%d,\"tid\":%d,\"cat\":\"%s\",\"name\":", PROCESS,
		track, category);
	text_json(e->out, name);
	fprintf(e->out, ",\"ts\":%s%s,\"dur\":%s,\"args\":{", before ? "-" : "",
		text_fraction(since_ns, 3).s, text_fraction(took_ns, 3).s);
}

static void request_slice(const struct export *e, int track, const struct request *r,
			  uint64_t begin_ns, uint64_t took_ns)
{
	slice(e, track, "request", export_request_name(r).s, begin_ns, took_ns);
	fprintf(e->out, "\"request\":%" PRIu64 ",\"complete\":%s", r->number,
		r->complete ? "true" : "false");
	if (r->http.answered)
		fprintf(e->out, ",\"reply_bytes\":%" PRIu64, r->http.reply_bytes);
	if (r->http.answered && r->http.protocol == PROTOCOL_HTTP)
		fprintf(e->out, ",\"status\":%u", r->http.status);
	if (r->measured)
		fprintf(e->out, ",\"unattributed_ns\":%" PRIu64,
			r->unattributed_ns[DIRECTION_REQUEST] +
				r->unattributed_ns[DIRECTION_REPLY]);
	if (e->wall_known)
		fprintf(e->out, ",\"time\":\"%s\"", text_time(export_wall_ns(e, begin_ns)).s);
	fputs("}}", e->out);
}

static const char *owner(const struct rung *rung)
{
	return rung->unattributed ? "unattributed" : layer_name(hop_table[rung->hop].layer);
}

static bool same_owner(const struct rung *a, const struct rung *b)
{
	return a->unattributed == b->unattributed &&
	       (a->unattributed || hop_table[a->hop].layer == hop_table[b->hop].layer);
}

/* How many rungs from the first on have one owner. */
static size_t visit(const struct rung *rungs, size_t n)
{
	size_t i = 1;

	while (i < n && same_owner(&rungs[i], &rungs[0]))
		i++;
	return i;
}

/* What the hop's time was made of. */
static void causes(const struct export *e, const struct request *r, enum strata_hop hop)
{
	for (uint8_t i = 0, any = 0; i < r->causes.count; i++) {
		char text[256];

		if (r->causes.at[i].hop != hop)
			continue;
		cause_text(&e->m->actors, &r->causes.at[i], text, sizeof(text));
		fprintf(e->out, ",\"cause%u\":", ++any);
		text_json(e->out, text);
		fprintf(e->out, ",\"cause%u_ns\":%" PRIu64, any, r->causes.at[i].ns);
	}
}

static void hop_slice(const struct export *e, int track, const struct request *r,
		      const struct rung *rung, uint64_t begin_ns)
{
	const struct hop_seen *seen = &r->hops[rung->hop];

	slice(e, track, "hop", hop_table[rung->hop].name, begin_ns, rung->took_ns);
	fputs("\"what\":", e->out);
	text_json(e->out, hop_table[rung->hop].title);
	fprintf(e->out, ",\"direction\":\"%s\",\"cpu\":%u,\"tid\":%u,\"clock\":",
		direction_name(hop_table[rung->hop].direction), seen->cpu, seen->tid);
	text_json(e->out, e->m->domains[seen->domain].name);
	if (rung->outside_ns)
		fprintf(e->out, ",\"vcpu_outside_ns\":%" PRIu64, rung->outside_ns);
	if (seen->flags & HOP_INFERRED)
		fputs(",\"inferred\":true", e->out);
	if (seen->flags & HOP_CLAMPED)
		fputs(",\"clamped\":true", e->out);
	causes(e, r, rung->hop);
	fputs("}}", e->out);
}

static void layer_slices(const struct export *e, int track, const struct request *r,
			 const struct rung *rungs, size_t n, uint64_t begin_ns)
{
	for (size_t i = 0, count; i + 1 < n; i += count) {
		/* the last rung is the end, and takes nothing */
		count = visit(rungs + i, n - 1 - i);
		slice(e, track, "layer", owner(&rungs[i]), begin_ns + rungs[i].time_ns,
		      rungs[i + count].time_ns - rungs[i].time_ns);
		fputs("}}", e->out);
		for (size_t k = i; k < i + count; k++)
			hop_slice(e, track, r, &rungs[k], begin_ns + rungs[k].time_ns);
	}
}

static int request(struct export *e, const struct request *r)
{
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(e->m, r, rungs);
	uint64_t begin_ns, took_ns;
	int track;

	if (n < 2)
		return 0;
	begin_ns = r->hops[rungs[0].hop].time_ns;
	took_ns = rungs[n - 1].time_ns;
	track = track_for(e, begin_ns, begin_ns + took_ns);
	if (track < 0)
		return -1;
	request_slice(e, track, r, begin_ns, took_ns);
	layer_slices(e, track, r, rungs, n, begin_ns);
	return 0;
}

static int end(struct export *e)
{
	const struct perfetto *p = e->state;

	fprintf(e->out,
		"\n],\"otherData\":{\"program\":\"strata %s\",\"events\":\"%" PRIu64
		"\",\"events_lost\":\"%" PRIu64 "\",\"requests\":\"%" PRIu64
		"\",\"requests_partial\":\"%" PRIu64 "\",\"mode\":",
		STRATA_VERSION, e->m->events, model_lost(e->m), e->requests, e->partial);
	text_json(e->out, e->m->mode);
	if (e->wall_known)
		fprintf(e->out, ",\"origin\":\"%s\"",
			text_time(export_wall_ns(e, p->origin_ns)).s);
	fputs("}}\n", e->out);
	return 0;
}

static void free_state(struct export *e)
{
	free(((struct perfetto *)e->state)->free_from_ns);
}

const struct export_format export_perfetto = {
	.name = "perfetto",
	.title = "slices for ui.perfetto.dev, chrome://tracing and others (Trace Event Format)",
	.state_bytes = sizeof(struct perfetto),
	.begin = begin,
	.request = request,
	.end = end,
	.free = free_state,
};
