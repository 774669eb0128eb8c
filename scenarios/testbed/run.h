/* One command run in the testbed machine, seen from outside. */
#ifndef STRATA_TESTBED_RUN_H
#define STRATA_TESTBED_RUN_H

#include <stdbool.h>

#include "scenarios/testbed/machine.h"

struct run_config {
	struct machine_config machine;
	unsigned int timeout_s; /* for the command, from when the machine is up */
	bool verbose;           /* the machine's console on stderr */
	char **argv;
};

/*
 * Boot the machine, run the command in it, end the machine. Returns the command's exit code, or
 * -1 with the error text set. A machine that fails before the command has written anything to
 * stdout is started again, twice at most.
 */
int testbed_run(const struct run_config *c);

#endif
