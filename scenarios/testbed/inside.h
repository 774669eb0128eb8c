/* The half of strata-testbed that runs inside the machine, as its first process. */
#ifndef STRATA_TESTBED_INSIDE_H
#define STRATA_TESTBED_INSIDE_H

/* Take a command from the port, run it in the folder, report. Returns only if it cannot. */
int inside_main(const char *port, const char *folder);

#endif
