/*
 * strata demo: the main job. A client, a wire, a bridge, a VM with nginx; every request
 * traced; one of them shown hop by hop, all of them layer by layer.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/environment.h"
#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"
#include "lib/progress.h"
#include "scenarios/demo/delay.h"
#include "scenarios/demo/experiment.h"
#include "scenarios/demo/options.h"

#define DOCTOR_MS 30000

/* Where does "strata doctor" say the main job can run? "here", "testbed" or "no". */
static int ask_doctor(char *where, size_t bytes)
{
	char doctor[PATH_MAX], *text;
	const char *argv[] = {doctor, "--where", NULL};

	if (path_program(doctor, sizeof(doctor), "strata-doctor"))
		return -1;
	if (proc_run(argv, NULL, DOCTOR_MS, &text))
		return err_add("find out what this machine can do");
	snprintf(where, bytes, "%s", text);
	where[strcspn(where, "\n")] = '\0';
	free(text);
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
	char where[32] = "here";

	if (o->here)
		return 0;
	if (o->place == PLACE_VM || geteuid() != 0) {
		if (o->place != PLACE_VM)
			snprintf(where, sizeof(where), "testbed");
		else if (ask_doctor(where, sizeof(where)))
			return -1;
	}
	if (!strcmp(where, "here"))
		return 0;
	if (!strcmp(where, "testbed")) {
		progress(
			"this machine cannot run it itself (\"strata doctor\" says why): starting the testbed machine");
		return delegate(argc, argv);
	}
	return err_set(
		"neither this machine nor a testbed on it can run the demonstration; \"strata doctor\" says what to do");
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
