/*
 * A command line under construction: words added one by one or by format, ready for
 * proc_start().
 *
 * Memory that runs short makes the whole list unusable, told once by words_argv().
 */
#ifndef STRATA_LIB_WORDS_H
#define STRATA_LIB_WORDS_H

#include <stdbool.h>

#define WORDS_MAX 128

struct words {
	char *argv[WORDS_MAX + 1];
	int count;
	bool failed;
};

/* One word, by format. */
void words_add(struct words *w, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* All words of a text, separated by spaces. */
void words_split(struct words *w, const char *text);

/* NULL-terminated, owned by w. NULL with a sentence if they could not all be kept. */
const char *const *words_argv(struct words *w);

void words_free(struct words *w);

#endif
