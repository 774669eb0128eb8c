/* A command line under construction: see words.h. */
#include "lib/words.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

void words_add(struct words *w, const char *fmt, ...)
{
	va_list ap;

	if (w->count == WORDS_MAX) {
		w->failed = true;
		return;
	}
	va_start(ap, fmt);
	if (vasprintf(&w->argv[w->count], fmt, ap) >= 0)
		w->argv[++w->count] = NULL;
	else
		w->failed = true;
	va_end(ap);
}

void words_split(struct words *w, const char *text)
{
	while (*(text += strspn(text, " "))) {
		size_t length = strcspn(text, " ");

		words_add(w, "%.*s", (int)length, text);
		text += length;
	}
}

const char *const *words_argv(struct words *w)
{
	if (w->failed) {
		err_set("a command line of more than %d words, or no memory for it", WORDS_MAX);
		return NULL;
	}
	return (const char *const *)w->argv;
}

void words_free(struct words *w)
{
	while (w->count)
		free(w->argv[--w->count]);
	*w = (struct words){0};
}
