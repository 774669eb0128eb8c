/* A recording's way through an export: see feed.h. */
#include "reports/export/feed.h"

#include <time.h>

#include "lib/err.h"
#include "lib/progress.h"
#include "lib/units.h"
#include "lib/stop.h"

#define CHUNK_BYTES (1u << 20)
#define TELL_EVERY  2 /* seconds */

/* How far both passes are, every other second. */
static void tell(const struct analysis *a, const struct export *e, time_t *told)
{
	struct analysis_progress p;
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!*told)
		*told = now.tv_sec;
	if (now.tv_sec < *told + TELL_EVERY)
		return;
	*told = now.tv_sec;
	analysis_progress(a, &p);
	progress("%.0f %%, %s requests so far",
		 p.size ? 50.0 * (double)(p.learnt + p.joined) / (double)p.size : 0,
		 units_count(e->requests).s);
}

static void conclude(const struct export *e)
{
	progress("%s requests (%s partial); %s events of %s were lost",
		 units_count(e->requests).s, units_count(e->partial).s,
		 units_count(model_lost(e->m)).s,
		 units_count(e->m->events + model_lost(e->m)).s);
	if (e->m->filtered)
		progress("%s more were not wanted", units_count(e->m->filtered).s);
	if (!e->wall_known)
		progress(
			"the recording does not say what time of day it was: times count from the "
			"host's start");
}

static int whole(struct analysis *a, struct export *e)
{
	time_t told = 0;
	int more;

	do {
		more = analysis_learn(a, CHUNK_BYTES);
		tell(a, e, &told);
	} while (more > 0 && !stop_check());
	if (more < 0 || stop_check())
		return -1;
	do {
		more = analysis_join(a, CHUNK_BYTES);
		tell(a, e, &told);
	} while (more > 0 && !stop_check());
	if (more < 0 || stop_check() || analysis_finish(a) ||
	    export_finish(e, analysis_model(a)))
		return -1;
	return 0;
}

static struct analysis *open_for(struct export *e, const char *recording, bool growing)
{
	const struct analyse_options o = {
		.requests_max = 1, /* they go by, none stays */
		.growing = growing,
		.filter = e->filter,
		.on_request = export_on_request,
		.on_wire = export_on_wire,
		.ctx = e,
	};

	struct analysis *a = analysis_open(recording, &o);

	if (a)
		e->m = analysis_model(a);
	return a;
}

int feed_whole(struct export *e, const char *recording)
{
	struct analysis *a = open_for(e, recording, false);
	int result = a ? whole(a, e) : -1;

	if (!result)
		conclude(e);
	analysis_close(a);
	return result;
}

/* Nobody ends it but a signal, and that is no failure. Once the recording was closed, nothing
 * follows, and what waited for more need not. */
static int growing(struct analysis *a, struct export *e, int (*meanwhile)(void *ctx, bool idle),
		   void *ctx)
{
	bool over = false;

	while (!stop_asked) {
		int more = over ? 0 : analysis_step(a, CHUNK_BYTES);

		if (more < 0 || (!over && analysis_until_now(a)))
			return -1;
		if (!more && !over && analysis_model(a)->recording.complete) {
			over = true;
			if (analysis_finish(a))
				return -1;
		}
		if (meanwhile(ctx, !more))
			return -1;
	}
	conclude(e);
	return 0;
}

int feed_growing(struct export *e, const char *recording,
		 int (*meanwhile)(void *ctx, bool idle), void *ctx)
{
	struct analysis *a = open_for(e, recording, true);
	int result = a ? growing(a, e, meanwhile, ctx) : -1;

	analysis_close(a);
	return result;
}
