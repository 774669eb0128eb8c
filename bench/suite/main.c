/* strata bench: what virtualization costs on this machine. See session.h for how it is
 * measured, judge.h for what is made of it. */
#include <string.h>

#include "bench/suite/compare.h"
#include "bench/suite/run.h"
#include "lib/environment.h"
#include "lib/err.h"
#include "lib/progress.h"

int main(int argc, char **argv)
{
	struct bench_options o;
	int result;

	if (argc > 1 && !strcmp(argv[1], "compare"))
		return compare_main(argc - 1, argv + 1);
	result = bench_options_parse(&o, argc, argv);
	if (result)
		return result < 0 ? EXIT_USAGE : EXIT_OK;
	progress_start(environment_is_testbed() ? "bench (testbed)" : "bench");
	if (o.list)
		result = bench_list(&o.session) ? EXIT_USAGE : EXIT_OK;
	else
		result = bench_run(&o);
	if (result)
		err_print("strata-bench");
	return result;
}
