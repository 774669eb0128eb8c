/*
 * strata run: an experiment with virtual machines, from the file that describes it to the
 * expectations that hold or do not. scenario.h is what a file says, run.h how it is carried
 * out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/progress.h"
#include "lib/stop.h"
#include "scenarios/lab/machine.h"
#include "scenarios/run/lock.h"
#include "scenarios/run/run.h"
#include "scenarios/run/settings.h"

static int show(struct run *r)
{
	json_t *document = run_document(r);
	int result;

	if (!document)
		return -1;
	result = run_publish(r, document);
	if (!result && r->o->json)
		result = json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	else if (!result)
		result = run_report(r, stdout);
	json_decref(document);
	return result || fflush(stdout) ? -1 : 0;
}

/* What was interrupted says so, and is not taken for what is still at work. */
static void leave_unfinished(struct run *r)
{
	char why[1024];
	json_t *document;

	if (!r->now.cells)
		return;
	snprintf(why, sizeof(why), "%s", err_text());
	r->now.variant = NULL;
	document = run_document(r);
	if (document)
		run_publish(r, document);
	json_decref(document);
	err_set("%s", why);
}

/* With the lock held. */
static int carry_out(const struct scenario *s, const struct run_options *o)
{
	struct run r = {.s = s, .o = o};
	int code = EXIT_FAILED;

	if (study_run(&r)) {
		leave_unfinished(&r);
	} else if (!show(&r)) {
		code = run_failures(&r) ? EXIT_FAILED : EXIT_OK;
		if (code)
			err_set("%u of %u expectations do not hold", run_failures(&r),
				s->expects);
	}
	free(r.variant);
	json_decref(r.environment);
	return code;
}

static int run(const struct scenario *s, struct run_options *o)
{
	char folder[200];
	int lock, code;

	if (host_check(s))
		return EXIT_SKIPPED;
	snprintf(folder, sizeof(folder), "out/run/%s", s->name);
	o->folder = o->folder ? o->folder : folder;
	o->rounds = o->rounds ? o->rounds : s->rounds;
	if (geteuid()) {
		err_set("it needs root: network namespaces, eBPF, cgroups");
		return EXIT_FAILED;
	}
	lock = lock_take(stderr);
	if (lock < 0)
		return EXIT_FAILED;
	code = path_make_folder(o->folder) || lock_note(lock, s->name, o->folder)
		       ? EXIT_FAILED
		       : carry_out(s, o);
	lock_release(lock);
	return code;
}

static int clean_up(void)
{
	int lock = lock_take(stdout);

	if (lock < 0)
		return EXIT_FAILED;
	lock_release(lock);
	return EXIT_OK;
}

static int list_measures(void)
{
	for (int i = 0; i < MEASURES; i++)
		printf("%-12s %s\n", measure_table[i].name, measure_table[i].help);
	return EXIT_OK;
}

static int do_run(struct run_options *o, int argc, char **argv)
{
	static struct scenario s;

	if (scenario_read(&s, o->file) || settings_check(&s, o->file))
		return EXIT_USAGE;
	if (o->dry_run) {
		scenario_print(&s, stdout);
		return EXIT_OK;
	}
	if (lab_choose_machine("run", s.vm[0].place, o->here, argc, argv))
		return EXIT_FAILED;
	return run(&s, o);
}

int main(int argc, char **argv)
{
	struct run_options o;
	int parsed = run_options_parse(&o, argc, argv), code;

	if (parsed)
		return parsed < 0 ? EXIT_USAGE : EXIT_OK;
	progress_start("run");
	stop_on_signals();
	code = o.cleanup ? clean_up() : o.measures ? list_measures() : do_run(&o, argc, argv);
	if (code)
		err_print("strata-run");
	return code;
}
