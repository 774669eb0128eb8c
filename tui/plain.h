/* The interface line by line, for screen readers and pipes: what a view says, in sentences,
 * with no columns to be looked at and never an escape code. */
#ifndef STRATA_TUI_PLAIN_H
#define STRATA_TUI_PLAIN_H

#include <stdio.h>

#include "tui/ui.h"

/* The view that ui is in. all: every request of the list, every hop of the ladder; else the one
 * under the cursor. -1 with a sentence if the stream failed. */
int plain_view(struct ui *ui, FILE *f, bool all, bool utf8);

/* One request, one line. */
void plain_request(const struct model *m, const struct request *r, FILE *f, bool utf8);

/* What is said whatever the view: losses, what tracing cost. */
void plain_status(const struct ui *ui, FILE *f, bool utf8);

/* How it is done: all of an export's characters, or ASCII's. */
void plain_text(FILE *f, bool utf8, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#endif
