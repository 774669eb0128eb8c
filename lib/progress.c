/* Progress lines: see progress.h. */
#include "lib/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <time.h>

static const char *name = "strata";
static struct timespec begin;

void progress_start(const char *program)
{
	name = program;
	clock_gettime(CLOCK_MONOTONIC, &begin);
}

void progress(const char *fmt, ...)
{
	struct timespec now;
	va_list ap;
	char text[512];

	clock_gettime(CLOCK_MONOTONIC, &now);
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fprintf(stderr, "%s %6.1f s  %s\n", name,
		(double)(now.tv_sec - begin.tv_sec) +
			(double)(now.tv_nsec - begin.tv_nsec) / 1e9,
		text);
}
