/* Here or in the testbed: see machine.h. */
#include "scenarios/lab/machine.h"

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

#define DOCTOR_MS 30000
#define TIMEOUT_S "7200"

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
			"it cannot run on this machine (\"strata doctor\" says what to do)");
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
static int delegate(const char *command, int argc, char **argv)
{
	char testbed[PATH_MAX], program[PATH_MAX], name[32];
	const char **words = calloc((size_t)argc + 10, sizeof(*words));
	int n = 0;

	snprintf(name, sizeof(name), "strata-%s", command);
	if (!words || path_program(testbed, sizeof(testbed), "strata-testbed") ||
	    path_program(program, sizeof(program), name))
		return -1;
	words[n++] = testbed;
	words[n++] = "run";
	words[n++] = "--timeout";
	words[n++] = TIMEOUT_S;
	words[n++] = "--";
	words[n++] = program;
	words[n++] = "--here";
	for (int i = 1; i < argc; i++)
		words[n++] = argv[i];
	execv(testbed, (char *const *)words);
	return err_errno("start %s", testbed);
}

int lab_choose_machine(const char *command, unsigned int places, bool here, int argc,
		       char **argv)
{
	struct verdict v = {.run = "testbed", .why = "not here: tracing needs root"};

	if (here || (!(places & PLACE_VM) && geteuid() == 0))
		return 0;
	if ((places & PLACE_VM) && ask_doctor(&v))
		return -1;
	if (!strcmp(v.run, "here"))
		return 0;
	if (strcmp(v.run, "testbed"))
		return err_set(
			"strata %s cannot run on this machine, nor in a testbed on it: %s",
			command, v.why);
	progress("%s", v.why);
	progress("so it runs inside the testbed machine, which is started now");
	return delegate(command, argc, argv);
}
