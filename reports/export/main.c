/* strata export: the requests of a recording, for other tools. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/progress.h"
#include "reports/export/feed.h"
#include "reports/export/options.h"
#include "reports/export/post.h"
#include "reports/export/serve.h"
#include "lib/stop.h"

#define IDLE_MS 200

static int go_on(void *ctx)
{
	(void)ctx;
	return stop_check();
}

/* ---- to a file ---- */

static int run(const struct export_options *o, FILE *out)
{
	struct export e;
	int result;

	if (export_open(&e, o->format, out))
		return -1;
	e.filter = &o->filter;
	e.after_request = go_on;
	result = feed_whole(&e, o->recording);
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

/* ---- to a collector ---- */

static int to_collector(const struct export_options *o)
{
	struct post *p = post_open(o->url, o->format->content_type);
	struct export e;
	int result;

	if (!p)
		return -1;
	if (export_open(&e, o->format, post_stream(p))) {
		post_close(p);
		return -1;
	}
	e.filter = &o->filter;
	e.after_request = post_send;
	e.ctx = p;
	result = feed_whole(&e, o->recording);
	if (!result)
		result = post_send(p); /* what the end wrote */
	if (!result)
		progress("sent to %s in %lu documents", o->url, post_count(p));
	export_close(&e);
	post_close(p);
	return result;
}

/* ---- served ---- */

static int render(void *ctx, FILE *f)
{
	struct export *e = ctx;
	int result;

	if (e->m->place == PLACE_NONE) /* the recording's first block is not written yet */
		return fputs("# EOF\n", f) == EOF ? err_errno("out of memory") : 0;
	e->out = f;
	result = export_finish(e, e->m);
	e->out = NULL;
	return result;
}

static int answer(void *ctx, bool idle)
{
	return serve_for(ctx, idle ? IDLE_MS : 0);
}

static int serve(const struct export_options *o)
{
	struct serve *s;
	struct export e;
	int result = -1;

	if (export_open(&e, o->format, NULL))
		return -1;
	e.filter = &o->filter;
	s = serve_open(o->listen, o->format->content_type, render, &e);
	if (s) {
		progress("serving %s; Ctrl-C stops", serve_url(s));
		result = feed_growing(&e, o->recording, answer, s);
	}
	serve_close(s);
	export_close(&e);
	return result;
}

static int export(const struct export_options *o)
{
	if (o->url)
		return to_collector(o);
	if (o->listen)
		return serve(o);
	return o->output ? into_file(o) : onto_stdout(o);
}

int main(int argc, char **argv)
{
	struct export_options o;
	int parsed = export_options_parse(&o, argc, argv);

	if (parsed)
		return parsed < 0 ? EXIT_USAGE : EXIT_OK;
	progress_start("export");
	stop_on_signals();
	if (export(&o)) {
		err_print("strata-export");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
