/*
 * A screen of our own: views draw into it, whatever shows it copies it (the terminal, an
 * export, a test). Nothing here knows of a terminal, so all that is seen can be tested without
 * one.
 *
 * Everything is clipped: drawing outside does nothing. Text is UTF-8; where the screen cannot
 * show that, each character is replaced by one of ASCII as it is drawn, so columns stay. A
 * character that does not take exactly one column, or that a terminal would obey, becomes '?'.
 */
#ifndef STRATA_TUI_CELLS_H
#define STRATA_TUI_CELLS_H

#include <stdbool.h>
#include <stdint.h>

/* What a cell means; colours are given to meanings by a scheme (tui/scheme.h). */
enum style {
	STYLE_TEXT,
	STYLE_DIM,
	STYLE_STRONG,
	STYLE_FRAME,
	STYLE_KEY,
	STYLE_GOOD,
	STYLE_BAD,
	STYLE_EXTERNAL, /* the layers, in the order of enum strata_layer */
	STYLE_HOST,
	STYLE_HYPERVISOR,
	STYLE_VM,
	STYLE_SERVICE,
	STYLE_UNATTRIBUTED,
	STYLES
};

struct cell {
	uint32_t ch;
	uint8_t style;
	bool selected; /* shown in reverse */
};

struct cells {
	int rows, columns;
	int cursor_row, cursor_column; /* where the hardware cursor stands; -1: nowhere */
	bool utf8;
	struct cell *at;
};

#define CELLS_ROWS_MAX    1000
#define CELLS_COLUMNS_MAX 1000

/* NULL with a sentence. Larger than the maximum is cut to it. */
struct cells *cells_create(int rows, int columns, bool utf8);
void cells_free(struct cells *c);

/* All blank, no cursor. */
void cells_clear(struct cells *c);

/* At most width columns; "…" for what is cut. Returns the columns taken. */
int cells_text(struct cells *c, int row, int column, int width, enum style style,
	       const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* The same, ending at column + width. */
void cells_right(struct cells *c, int row, int column, int width, enum style style,
		 const char *fmt, ...) __attribute__((format(printf, 6, 7)));

/* One character, so often. */
void cells_fill(struct cells *c, int row, int column, int width, uint32_t ch, enum style style);

/* A bar of at most width columns for value of max; something is never drawn as nothing. */
void cells_bar(struct cells *c, int row, int column, int width, double value, double max,
	       enum style style);

/* A paragraph broken at blanks, in at most rows rows. Returns how many it took. */
int cells_paragraph(struct cells *c, int row, int column, int width, int rows, enum style style,
		    const char *text);

void cells_select(struct cells *c, int row, int column, int width);

/* NULL outside. */
const struct cell *cells_get(const struct cells *c, int row, int column);

/* One character as UTF-8, NUL-terminated. Returns its bytes. */
int cells_encode(uint32_t ch, char text[5]);

#endif
