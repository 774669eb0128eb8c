/* Errors with context: one text per thread, built from the inside out. */
#include "lib/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static _Thread_local char text[1024];

int err_set(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return -1;
}

int err_errno(const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	size_t n;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	snprintf(text + n, sizeof(text) - n, ": %s", strerror(saved));
	errno = saved;
	return -1;
}

int err_add(const char *fmt, ...)
{
	char inner[sizeof(text)];
	va_list ap;
	size_t n;

	memcpy(inner, text, sizeof(inner));
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	n = strlen(text);
	snprintf(text + n, sizeof(text) - n, ": %s", inner);
	return -1;
}

const char *err_text(void)
{
	return text;
}

void err_print(const char *program)
{
	fprintf(stderr, "%s: %s\n", program, text[0] ? text : "failed without saying why");
}

int err_usage(const char *name)
{
	fprintf(stderr, "strata-%s: %s; try \"strata %s --help\"\n", name, text, name);
	return -1;
}
