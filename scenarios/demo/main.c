/*
 * strata demo: the main job. A client, a wire, a bridge, a VM with nginx; every request
 * traced; one of them shown hop by hop, all of them layer by layer.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <jansson.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"
#include "lib/progress.h"
#include "scenarios/demo/delay.h"
#include "scenarios/demo/experiment.h"
#include "scenarios/demo/options.h"

#define DOCTOR_MS 30000

/* Where "strata doctor" says that the main job can run: "here", "testbed" or "no"; and why not
 * here. */
struct verdict {
	char run[16], why[256];
};

static int ask_doctor(struct verdict *v)
{
	char doctor[PATH_MAX], *text;
	const char *argv[] = {doctor, "--json", NULL}, *run, *why;
	json_t *document, *verdict;

	if (path_program(doctor, sizeof(doctor), "strata-doctor"))
		return -1;
	if (proc_run(argv, NULL, DOCTOR_MS, &text))
		return err_add(
			"the demonstration cannot run on this machine (\"strata doctor\" says what to do)");
	document = json_loads(text, 0, NULL);
	free(text);
	verdict = json_object_get(document, "verdict");
	run = json_string_value(json_object_get(verdict, "run"));
	why = json_string_value(json_object_get(verdict, "why"));
	snprintf(v->run, sizeof(v->run), "%s", run ? run : "no");
	snprintf(v->why, sizeof(v->why), "%s", why ? why : "strata doctor does not say why");
	json_decref(document);
	return 0;
}

/* The same command, inside the testbed machine. Returns only if that fails. */
static int delegate(int argc, char **argv)
{
	char testbed[PATH_MAX], demo[PATH_MAX];
	const char **words = calloc((size_t)argc + 8, sizeof(*words));
	int n = 0;

	if (!words || path_program(testbed, sizeof(testbed), "strata-testbed") ||
	    path_program(demo, sizeof(demo), "strata-demo"))
		return -1;
	words[n++] = testbed;
	words[n++] = "run";
	words[n++] = "--";
	words[n++] = demo;
	words[n++] = "--here";
	for (int i = 1; i < argc; i++)
		words[n++] = argv[i];
	execv(testbed, (char *const *)words);
	return err_errno("start %s", testbed);
}

/* Containers and bare processes need no KVM: any machine where we are root will do. */
static int choose_machine(const struct demo_options *o, int argc, char **argv)
{
	struct verdict v = {.run = "testbed", .why = "not here: tracing needs root"};

	if (o->here || (!place_is_vm(o->place) && geteuid() == 0))
		return 0;
	if (place_is_vm(o->place) && ask_doctor(&v))
		return -1;
	if (!strcmp(v.run, "here"))
		return 0;
	if (strcmp(v.run, "testbed"))
		return err_set(
			"the demonstration cannot run on this machine, nor in a testbed on it: %s",
			v.why);
	progress("%s", v.why);
	progress("so it runs inside the testbed machine, which is started now");
	return delegate(argc, argv);
}

int main(int argc, char **argv)
{
	struct demo_options o;
	int parsed = demo_options_parse(&o, argc, argv);

	if (parsed)
		return parsed < 0 ? EXIT_USAGE : EXIT_OK;
	progress_start("demo");
	if (choose_machine(&o, argc, argv) || experiment_run(&o)) {
		err_print("strata-demo");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
