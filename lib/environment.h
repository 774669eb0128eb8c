/*
 * The environment a figure was measured in, whole enough that someone else can judge
 * whether theirs is alike: machine, kernel, clock, what virtualizes what, our own version.
 */
#ifndef STRATA_LIB_ENVIRONMENT_H
#define STRATA_LIB_ENVIRONMENT_H

#include <stdbool.h>

#include <jansson.h>

/* Capture it now. The caller's reference. What cannot be found out is null. */
json_t *environment_capture(void);

/* Are we inside the emulated testbed machine (STRATA_TESTBED is set there)? */
bool environment_is_testbed(void);

#endif
