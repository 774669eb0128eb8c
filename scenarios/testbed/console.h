/* The end of what the machine's console said, kept for the day the machine fails. */
#ifndef STRATA_TESTBED_CONSOLE_H
#define STRATA_TESTBED_CONSOLE_H

#include <stddef.h>

#define CONSOLE_KEEP_BYTES 32768

struct console {
	char text[CONSOLE_KEEP_BYTES + 1];
	size_t len;
};

/* Keep what one read gives. Returns the bytes read; 0 when there will be no more. */
size_t console_take(struct console *c, int fd, int show);

/* Print to stderr what the console has to say about a failure. */
void console_explain(struct console *c);

#endif
