/* The verdict: see verdict.h. */
#include "scenarios/doctor/verdict.h"

#include <stdio.h>
#include <string.h>

const char *where_name(enum where w)
{
	static const char *const names[] = {
		[WHERE_HERE] = "here",
		[WHERE_TESTBED] = "testbed",
		[WHERE_NO] = "no",
	};

	return names[w];
}

/* The first finding that stands in the way; -1 if none does. Rights come last, because all else
 * that is denied follows from them. */
static int obstacle(const struct finding findings[CHECK_COUNT], enum need job)
{
	int denied = -1;

	for (int i = CHECK_COUNT - 1; i >= 0; i--)
		if ((checks[i].needed & job) && findings[i].state == STATE_DENIED)
			denied = i;
	for (int i = 0; i < CHECK_COUNT; i++)
		if ((checks[i].needed & job) &&
		    (findings[i].state == STATE_MISSING || findings[i].state == STATE_SLOW))
			return denied >= 0 && i > CHECK_PRIVILEGES &&
					       findings[CHECK_PRIVILEGES].state == STATE_DENIED
				       ? denied
				       : i;
	return denied;
}

struct verdict doctor_verdict(const struct finding findings[CHECK_COUNT], enum need job)
{
	struct verdict v = {.where = WHERE_HERE};
	int here = obstacle(findings, job), testbed = obstacle(findings, NEED_TESTBED);

	if (here < 0) {
		snprintf(v.why, sizeof(v.why), "this machine has all that it needs");
		return v;
	}
	v.where = testbed < 0 ? WHERE_TESTBED : WHERE_NO;
	snprintf(v.why, sizeof(v.why), "not here: %s: %s", checks[here].name,
		 findings[here].detail);
	if (testbed >= 0) {
		size_t len = strlen(v.why);

		snprintf(v.why + len, sizeof(v.why) - len,
			 "; nor in the testbed machine: %s: %s", checks[testbed].name,
			 findings[testbed].detail);
	}
	return v;
}
