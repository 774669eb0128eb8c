/* Machines in the testbed: see testbed.h. */
#include "bench/suite/testbed.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/suite/document.h"
#include "lib/environment.h"
#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"
#include "lib/progress.h"
#include "lib/words.h"
#include "scenarios/doctor/speed.h"

#define DOCTOR_MS 30000
#define TIMEOUT_S "7200"
#define STOP_MS   30000
#define LOG       "out/bench/testbed.log"

#define LIST_BYTES 1500

static bool is_machine_wanted(const struct session_options *o, const struct subject *s)
{
	if (!(s->kind & SUBJECT_MACHINE) || !session_has(o, s))
		return false;
	for (size_t i = 0; benches[i]; i++)
		if (benches[i]->kinds & s->kind && session_wants(o, benches[i]->name))
			return true;
	return false;
}

/* "strata:none,strata:virtio"; how many. */
static unsigned int wanted_machines(const struct session_options *o, char *list, size_t bytes)
{
	unsigned int n = 0;
	char label[48];

	*list = '\0';
	for (unsigned int i = 0; i < subject_count; i++) {
		size_t used = strlen(list);

		if (is_machine_wanted(o, &subjects[i]))
			snprintf(list + used, bytes - used, "%s%s", n++ ? "," : "",
				 subject_label(&subjects[i], label));
	}
	return n;
}

static bool doctor_says_testbed(void)
{
	char doctor[PATH_MAX], *text = NULL;
	const char *const argv[] = {doctor, "--where", NULL};
	bool yes = !path_program(doctor, sizeof(doctor), "strata-doctor") &&
		   !proc_run(argv, NULL, DOCTOR_MS, &text) && !strncmp(text, "testbed", 7);

	free(text);
	return yes;
}

void testbed_choose(struct bench_options *o)
{
	char list[LIST_BYTES];

	if (!environment_is_testbed() && wanted_machines(&o->session, list, sizeof(list)) &&
	    kvm_speed()->verdict != SPEED_FULL && doctor_says_testbed())
		o->session.without = SUBJECT_MACHINE;
}

/* ---- there ---- */

/* What is written outside out/ vanishes with the testbed machine. */
static void inner_path(const struct bench_options *o, char *path, size_t bytes)
{
	snprintf(path, bytes, "out/bench/testbed-%llu.json",
		 (unsigned long long)o->session.seed);
}

static void add_options(struct words *w, const struct bench_options *o, const char *path)
{
	const struct session_options *s = &o->session;
	char list[LIST_BYTES];

	for (unsigned int i = 0; i < s->sources.monitors; i++)
		words_add(w, "--monitor=%s", s->sources.monitor[i]);
	if (!access(path, R_OK)) {
		words_add(w, "--resume=%s", path);
		return;
	}
	wanted_machines(s, list, sizeof(list));
	words_add(w, "--output=%s", path);
	words_add(w, "--subjects=%s", list);
	words_add(w, "--runs=%u", s->runs);
	words_add(w, "--boots=%u", s->boots);
	words_add(w, "--seed=%llu", (unsigned long long)s->seed);
	if (s->turns)
		words_add(w, "--turns=%u", s->turns);
	if (s->quick)
		words_add(w, "--quick");
	if (s->peers)
		words_add(w, "--peers");
	for (int i = 0; i < s->name_count; i++)
		words_add(w, "%s", s->names[i]);
}

/* Its progress is ours; its report is put into ours, and its own goes to a log. */
static pid_t start_inside(const struct bench_options *o, const char *path)
{
	char testbed[PATH_MAX], bench[PATH_MAX];
	struct proc_options opt = PROC_DEFAULTS;
	struct words w = {0};
	pid_t pid = -1;

	if (path_program(testbed, sizeof(testbed), "strata-testbed") ||
	    path_program(bench, sizeof(bench), "strata-bench"))
		return -1;
	opt.stdout_fd = open(LOG, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (opt.stdout_fd < 0)
		return err_errno("write " LOG);
	words_add(&w, "%s", testbed);
	words_split(&w, "run --timeout " TIMEOUT_S " --");
	words_add(&w, "%s", bench);
	add_options(&w, o, path);
	opt.death_signal = SIGTERM;
	opt.own_group = true;
	if (words_argv(&w))
		pid = proc_start(words_argv(&w), &opt);
	words_free(&w);
	close(opt.stdout_fd);
	return pid;
}

/* Once. 0 also if it was to end. */
static int run_once(const struct bench_options *o, const char *path, const volatile bool *stop)
{
	pid_t pid = start_inside(o, path);
	int status = 0;

	while (pid > 0 && proc_wait(pid, 200, &status) == 1)
		if (*stop) {
			proc_end(pid, SIGTERM, STOP_MS);
			return 0;
		}
	if (pid < 0)
		return -1;
	return status ? err_set("strata bench in the testbed machine %s",
				proc_status_text(status))
		      : 0;
}

/* Rounds that are done and kept; -1: there is no document. */
static json_int_t rounds_done(const char *path)
{
	json_t *document = access(path, R_OK) ? NULL : document_read(path);
	json_int_t n =
		document ? json_integer_value(json_object_get(document, "rounds_done")) : -1;

	json_decref(document);
	return n;
}

/* An emulated machine may fail under its load: it goes on from where it was, as long as it gets
 * further each time. */
static int run_inside(const struct bench_options *o, const char *path,
		      const volatile bool *stop)
{
	json_int_t before;
	int result;

	do {
		before = rounds_done(path);
		result = run_once(o, path, stop);
		if (result && rounds_done(path) > before)
			progress("%s; it goes on", err_text());
	} while (result && !*stop && rounds_done(path) > before);
	return result;
}

/* ---- and back ---- */

/* Say in the document where it is told how far that is. */
static int point_to(const char *document, const char *path)
{
	json_t *o = document_read(document);
	int result = -1;

	if (o) {
		json_object_set_new(o, "progress", json_pack("{s:s}", "document", path));
		result = document_write(o, document);
	}
	json_decref(o);
	return result;
}

/* What there is of it. */
static int merge(const char *into, const char *from, bool whole)
{
	json_t *outer = document_read(into), *inner = NULL;
	int result = outer ? 0 : -1;

	if (!result && !access(from, R_OK)) {
		inner = document_read(from);
		result = inner ? 0 : -1;
	}
	if (inner) {
		json_array_extend(json_object_get(outer, "results"),
				  json_object_get(inner, "results"));
		json_object_set(outer, "comparisons", json_object_get(inner, "comparisons"));
		json_object_set(outer, "testbed", json_object_get(inner, "environment"));
	}
	if (!result && !whole)
		json_object_set_new(outer, "interrupted", json_true());
	if (outer)
		json_object_set_new(outer, "progress", json_null());
	if (!result)
		result = document_write(outer, into);
	json_decref(inner);
	json_decref(outer);
	return result;
}

static void forget(const char *path)
{
	char report[64];

	snprintf(report, sizeof(report), "%.*smd", (int)(strlen(path) - 4), path);
	unlink(path);
	unlink(report);
}

int testbed_run(const struct bench_options *o, const volatile bool *stop)
{
	char path[64], why[500];
	int result = 0;

	if (!o->session.without)
		return 0;
	inner_path(o, path, sizeof(path));
	if (!o->resume)
		forget(path);
	if (!*stop) {
		progress("machines: in the testbed");
		result = path_make_folder("out/bench") || point_to(o->output, path) ||
					 run_inside(o, path, stop)
				 ? -1
				 : 0;
	}
	snprintf(why, sizeof(why), "%s", err_text());
	if (merge(o->output, path, !result && !*stop))
		return -1;
	if (!result && !*stop)
		forget(path);
	return result ? err_set("%s", why) : 0;
}
