/*
 * strata demo: the main job. A client, a wire, a bridge, a VM with nginx; every request
 * traced; one of them shown hop by hop, all of them layer by layer.
 */
#include <stdio.h>

#include "lib/err.h"
#include "lib/progress.h"
#include "scenarios/demo/experiment.h"
#include "scenarios/demo/options.h"
#include "scenarios/lab/machine.h"

int main(int argc, char **argv)
{
	struct demo_options o;
	int parsed = demo_options_parse(&o, argc, argv);

	if (parsed)
		return parsed < 0 ? EXIT_USAGE : EXIT_OK;
	progress_start("demo");
	if (lab_choose_machine("demo", o.place, o.here, argc, argv) || experiment_run(&o)) {
		err_print("strata-demo");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
