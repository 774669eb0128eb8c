/* A session from its options to its document and report: see run.h. */
#include "bench/suite/run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/peers/cpus.h"
#include "bench/suite/document.h"
#include "bench/suite/kvm_kind.h"
#include "bench/suite/markdown.h"
#include "bench/suite/settings.h"
#include "bench/suite/testbed.h"
#include "lib/environment.h"
#include "lib/err.h"
#include "lib/paths.h"
#include "lib/progress.h"
#include "lib/stop.h"

static bool is_run(const struct session_options *o, const struct bench *b)
{
	for (unsigned int k = 0; k < subject_count; k++)
		if (b->kinds & subjects[k].kind && session_has(o, &subjects[k]))
			return true;
	return false;
}

int bench_list(const struct session_options *o)
{
	bool any = false;
	char label[48];

	if (subjects_load(&o->sources))
		return -1;
	for (size_t i = 0; benches[i]; i++) {
		const struct bench *b = benches[i];

		if (!session_wants(o, b->name) || !is_run(o, b))
			continue;
		any = true;
		printf("%-24s %s, %s is better: %s\n%24s ", b->name, b->unit,
		       b->higher ? "more" : "less", b->shows, "");
		for (unsigned int k = 0; k < subject_count; k++)
			if (b->kinds & subjects[k].kind && session_has(o, &subjects[k]))
				printf(" %s", subject_label(&subjects[k], label));
		printf("; from: %s\n", b->source);
	}
	return any ? 0 : err_set("no benchmark has such a name; --list tells them all");
}

/* ---- what is kept ---- */

#define TELL_S 1

static struct keeping {
	const char *path;
	json_t *environment;
	json_t *document; /* as it was last written */
	time_t told_s;    /* ... and when */
} keeping;

static int keep(struct session *s)
{
	json_t *document = document_make(s, keeping.environment);
	int result = document ? document_write(document, keeping.path) : -1;

	json_decref(keeping.document);
	keeping.document = document;
	keeping.told_s = time(NULL);
	return result;
}

/* What is at work now. To judge all samples anew each time would take its time from what is
 * measured next. */
static void tell(struct session *s)
{
	time_t now = time(NULL);

	if (now - keeping.told_s < TELL_S)
		return;
	keeping.told_s = now;
	if (!keeping.document) {
		(void)keep(s); /* who cannot write is told after the round */
		return;
	}
	json_object_set_new(keeping.document, "progress", document_progress(s));
	(void)document_write(keeping.document, keeping.path);
}

/* "X.json" into "X.md". */
static void report_path(char *path, size_t bytes, const char *document)
{
	size_t n = strlen(document);

	if (n > 5 && !strcmp(document + n - 5, ".json"))
		n -= 5;
	snprintf(path, bytes, "%.*s.md", (int)n, document);
}

static int write_report(json_t *document, const char *path)
{
	FILE *f = fopen(path, "we");
	int result;

	if (!f)
		return err_errno("write %s", path);
	result = markdown_report(document, f);
	return fclose(f) ? err_errno("write %s", path) : result;
}

static int show(const struct bench_options *o)
{
	json_t *document = document_read(o->output);
	char report[PATH_MAX];
	int result = document ? 0 : -1;

	report_path(report, sizeof(report), o->output);
	if (!result)
		result = write_report(document, report);
	if (!result && o->json)
		result = json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	else if (!result)
		result = markdown_report(document, stdout);
	if (!result)
		progress("%s, %s%s%s", o->output, report,
			 stop_asked ? "; go on with: strata bench --resume " : "",
			 stop_asked ? o->output : "");
	json_decref(document);
	return result;
}

/* ---- running ---- */

static int make_folder_of(const char *output)
{
	const char *slash = strrchr(output, '/');
	char folder[PATH_MAX];

	snprintf(folder, sizeof(folder), "%.*s", slash ? (int)(slash - output) : 1,
		 slash ? output : ".");
	return path_make_folder(folder);
}

static int run_session(struct session *s, struct bench_options *o, json_t *before)
{
	struct settings settings = {0};
	int result;

	if (make_folder_of(o->output) ||
	    (before && document_resume(before, s, keeping.environment)))
		return -1;
	progress("seed %llu", (unsigned long long)o->session.seed);
	if (o->tune)
		settings_apply(&settings, "");
	s->settings = settings.changed;
	s->tell = tell;
	result = session_run(s, keep);
	settings_restore(&settings);
	if (!result)
		result = keep(s);
	settings_free(&settings);
	return result;
}

static void capture_environment(const struct session_options *o)
{
	keeping.environment = environment_capture();
	json_object_set_new(keeping.environment, "kvm", kvm_kind());
	json_object_set_new(keeping.environment, "programs", program_versions());
	json_object_set_new(keeping.environment, "pinned", cpus_json());
	if (o->peers)
		json_object_set_new(keeping.environment, "monitors", subjects_versions());
}

/* What there is, is shown, also if the rest failed. */
static int run_elsewhere(const struct bench_options *o)
{
	char why[500];
	int result = testbed_run(o, &stop_asked);

	snprintf(why, sizeof(why), "%s", err_text());
	if (show(o))
		return -1;
	return result ? err_set("%s; go on with: strata bench --resume %s", why, o->output) : 0;
}

int bench_run(struct bench_options *o)
{
	struct session s = {0};
	json_t *before = NULL;
	char **names = NULL;
	int result = EXIT_OK;

	stop_on_signals();
	keeping.path = o->output;
	if (o->resume) {
		before = document_read(o->resume);
		if (!before || document_options(before, &o->session, &names))
			result = EXIT_FAILED;
	}
	if (!result && subjects_load(&o->session.sources))
		result = EXIT_FAILED;
	if (!result && !o->here)
		testbed_choose(o);
	if (!result && session_plan(&s, &o->session, &stop_asked))
		result = EXIT_USAGE;
	if (!result) {
		capture_environment(&o->session);
		if (run_session(&s, o, before) || run_elsewhere(o))
			result = EXIT_FAILED;
	}
	session_free(&s);
	json_decref(before);
	json_decref(keeping.environment);
	json_decref(keeping.document);
	free(names);
	return result;
}
