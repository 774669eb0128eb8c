/* strata export: the requests of a recording, for other tools. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/progress.h"
#include "lib/units.h"
#include "tracer/export/options.h"

#define CHUNK_BYTES (1u << 20)
#define TELL_EVERY  2 /* seconds */

static volatile sig_atomic_t stop;

static void on_signal(int number)
{
	(void)number;
	stop = 1;
}

static void watch_signals(void)
{
	struct sigaction a = {.sa_handler = on_signal};

	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
}

static int go_on(void *ctx)
{
	(void)ctx;
	return stop ? err_set("interrupted") : 0;
}

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

static int read_through(struct analysis *a, struct export *e)
{
	time_t told = 0;
	int more;

	do {
		more = analysis_learn(a, CHUNK_BYTES);
		tell(a, e, &told);
	} while (more > 0 && !go_on(NULL));
	if (more < 0 || stop)
		return -1;
	do {
		more = analysis_join(a, CHUNK_BYTES);
		tell(a, e, &told);
	} while (more > 0 && !go_on(NULL));
	if (more < 0 || stop || analysis_finish(a))
		return -1;
	return export_finish(e, analysis_model(a));
}

static void conclude(const struct export *e)
{
	progress("%s requests (%s partial); %s events of %s were lost",
		 units_count(e->requests).s, units_count(e->partial).s,
		 units_count(model_lost(e->m)).s,
		 units_count(e->m->events + model_lost(e->m)).s);
	if (!e->wall_known)
		progress(
			"the recording does not say what time of day it was: times count from the "
			"host's start");
}

static int run(const struct export_options *o, FILE *out)
{
	struct export e;
	const struct analyse_options ao = {
		.requests_max = 1,
		.on_request = export_on_request,
		.on_wire = export_on_wire,
		.ctx = &e,
	};
	struct analysis *a;
	int result = -1;

	if (export_open(&e, o->format, out))
		return -1;
	e.after_request = go_on;
	a = analysis_open(o->recording, &ao);
	if (a) {
		result = read_through(a, &e);
		if (!result)
			conclude(&e);
	}
	analysis_close(a);
	export_close(&e);
	return result;
}

/* Half an export is none: what was made is taken away. */
static void take_away(const char *path)
{
	struct stat st;

	if (!stat(path, &st) && S_ISREG(st.st_mode))
		unlink(path);
}

static int into_file(const struct export_options *o)
{
	FILE *out = fopen(o->output, "we");
	int result;

	if (!out)
		return err_errno("%s: cannot be written", o->output);
	result = run(o, out);
	if (fclose(out) && !result)
		result = err_errno("%s: cannot be written", o->output);
	if (result)
		take_away(o->output);
	return result;
}

static int onto_stdout(const struct export_options *o)
{
	if (o->format->ways & EXPORT_BINARY && isatty(STDOUT_FILENO))
		return err_set("%s is nothing for a terminal: name a file with -o",
			       o->format->name);
	return run(o, stdout);
}

int main(int argc, char **argv)
{
	struct export_options o;
	int parsed = export_options_parse(&o, argc, argv);

	if (parsed)
		return parsed < 0 ? EXIT_USAGE : EXIT_OK;
	progress_start("export");
	watch_signals();
	if (o.output ? into_file(&o) : onto_stdout(&o)) {
		err_print("strata-export");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
