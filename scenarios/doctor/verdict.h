/* What follows from the findings: where can the main job run, and where tracing alone? */
#ifndef STRATA_DOCTOR_VERDICT_H
#define STRATA_DOCTOR_VERDICT_H

#include "scenarios/doctor/check.h"

enum where {
	WHERE_HERE,
	WHERE_TESTBED,
	WHERE_NO,
};

struct verdict {
	enum where where;
	char why[512]; /* a sentence */
};

const char *where_name(enum where w); /* "here", "testbed", "no" */

/* job: NEED_VM for the main job, NEED_TRACE for tracing a container or a bare server. */
struct verdict doctor_verdict(const struct finding findings[CHECK_COUNT], enum need job);

#endif
