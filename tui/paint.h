/* The terminal: the one file that knows ncurses. */
#ifndef STRATA_TUI_PAINT_H
#define STRATA_TUI_PAINT_H

#include <stdbool.h>
#include <stdint.h>

#include "tui/cells.h"
#include "tui/scheme.h"

struct paint_options {
	bool ascii;  /* even if the locale is UTF-8 */
	bool colour; /* unless the terminal has none */
};

struct paint_event {
	enum { PAINT_NOTHING, PAINT_KEY, PAINT_MOUSE, PAINT_RESIZE, PAINT_GONE } kind;
	uint32_t key;
	int row, column, wheel;
};

/* -1 with a sentence; the terminal is as it was then. */
int paint_open(const struct paint_options *options);
void paint_close(void);

void paint_size(int *rows, int *columns);
bool paint_utf8(void);

/* Show it: what differs from what is shown. again: all of it. */
void paint_show(const struct cells *c, const struct scheme *scheme, bool again);

/* What has come from the terminal; does not wait. PAINT_GONE: there is no terminal any more. */
void paint_event(struct paint_event *e);

#endif
