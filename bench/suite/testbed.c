/* Machines in the testbed: see testbed.h. */
#include "bench/suite/testbed.h"

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
	char list[500];

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
	char list[500];

	if (o->resume && !access(path, R_OK)) {
		words_add(w, "--resume");
		words_add(w, "%s", path);
		return;
	}
	wanted_machines(s, list, sizeof(list));
	words_add(w, "--output=%s", path);
	words_add(w, "--subjects=%s", list);
	words_add(w, "--runs=%u", s->runs);
	words_add(w, "--boots=%u", s->boots);
	words_add(w, "--seed=%llu", (unsigned long long)s->seed);
	if (s->quick)
		words_add(w, "--quick");
	if (s->peers)
		words_add(w, "--peers");
	for (int i = 0; i < s->name_count; i++)
		words_add(w, "%s", s->names[i]);
}

static int run_inside(const struct bench_options *o, const char *path,
		      const volatile bool *stop)
{
	char testbed[PATH_MAX], bench[PATH_MAX];
	struct proc_options opt = PROC_DEFAULTS;
	struct words w = {0};
	int status = 0;
	pid_t pid;

	if (path_program(testbed, sizeof(testbed), "strata-testbed") ||
	    path_program(bench, sizeof(bench), "strata-bench"))
		return -1;
	words_add(&w, "%s", testbed);
	words_split(&w, "run --timeout " TIMEOUT_S " --");
	words_add(&w, "%s", bench);
	add_options(&w, o, path);
	opt.output_path = LOG;
	unlink(LOG);
	opt.death_signal = SIGTERM;
	opt.own_group = true;
	pid = words_argv(&w) ? proc_start(words_argv(&w), &opt) : -1;
	words_free(&w);
	while (pid > 0 && proc_wait(pid, 200, &status) == 1)
		if (*stop) {
			proc_end(pid, SIGTERM, STOP_MS);
			return 0;
		}
	if (pid < 0)
		return -1;
	return status ? err_set("strata bench in the testbed machine %s: %s",
				proc_status_text(status), LOG)
		      : 0;
}

/* ---- and back ---- */

static int merge(const char *into, const char *from, bool interrupted)
{
	json_t *outer = document_read(into), *inner = outer ? document_read(from) : NULL;
	int result = -1;

	if (inner) {
		json_array_extend(json_object_get(outer, "results"),
				  json_object_get(inner, "results"));
		json_object_set(outer, "comparisons", json_object_get(inner, "comparisons"));
		json_object_set(outer, "testbed", json_object_get(inner, "environment"));
		if (interrupted)
			json_object_set_new(outer, "interrupted", json_true());
		result = document_write(outer, into);
	}
	json_decref(inner);
	json_decref(outer);
	return result;
}

int testbed_run(const struct bench_options *o, const volatile bool *stop)
{
	char path[64], report[64];

	if (!o->session.without || *stop)
		return 0;
	inner_path(o, path, sizeof(path));
	if (!o->resume)
		unlink(path);
	progress("machines: in the testbed (" LOG ")");
	if (path_make_folder("out/bench") || run_inside(o, path, stop))
		return -1;
	if (*stop && access(path, R_OK))
		return 0;
	if (merge(o->output, path, *stop))
		return -1;
	if (*stop)
		return 0;
	snprintf(report, sizeof(report), "%.*smd", (int)(strlen(path) - 4), path);
	unlink(path);
	unlink(report);
	return 0;
}
