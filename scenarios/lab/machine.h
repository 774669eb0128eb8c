/* Where an experiment runs: on this machine, or inside the testbed machine. */
#ifndef STRATA_SCENARIOS_LAB_MACHINE_H
#define STRATA_SCENARIOS_LAB_MACHINE_H

#include <stdbool.h>

#include "lib/hop.h"

/*
 * Returns 0 if "strata COMMAND", which needs those places (enum strata_place bits), can run on
 * this machine; containers and bare processes need no KVM: any machine where we are root will
 * do. Else becomes "strata testbed run -- strata COMMAND --here ..." with the same arguments.
 * -1 with a sentence if neither can be. here: do not ask.
 */
int lab_choose_machine(const char *command, unsigned int places, bool here, int argc,
		       char **argv);

#endif
