/*
 * Text for people: tables whose columns align whatever alphabet is in them, and what a
 * stream can show (UTF-8, colours).
 */
#ifndef STRATA_LIB_TABLE_H
#define STRATA_LIB_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table_style {
	bool utf8;   /* the locale is UTF-8: box drawing, µ */
	bool colour; /* a terminal, and NO_COLOR is unset or empty (no-color.org) */
};

/* What this stream can show. */
struct table_style table_style_of(FILE *f);

enum table_colour {
	COLOUR_NONE,
	COLOUR_BOLD,
	COLOUR_DIM,
	COLOUR_RED,
	COLOUR_GREEN,
	COLOUR_YELLOW,
	COLOUR_BLUE,
	COLOUR_MAGENTA,
	COLOUR_CYAN,
};

/* The escape sequence that starts a colour, or ends all; "" where there are no colours. */
const char *table_on(struct table_style style, enum table_colour c);
const char *table_off(struct table_style style);

/* Columns that a text takes on a terminal; escape sequences take none. */
size_t table_width(const char *text);

/* Print text padded to width (right: on the left), cut with "…" or "~" if it is wider. */
void table_pad(FILE *f, struct table_style style, const char *text, size_t width, bool right);

/* A bar of at most width columns for value of max, in eighths of a column; bytes must hold 3 *
 * width + 1. */
void table_bar(char *buf, size_t bytes, double value, double max, size_t width, bool utf8);

struct table_column {
	const char *header;
	bool right;    /* numbers */
	size_t shrink; /* the narrowest it may become where the table is too wide; 0: never */
};

struct table;

struct table *table_create(const struct table_column *columns, size_t count);
void table_destroy(struct table *t);

/* The next cell; the row is complete when every column has one. */
void table_cell(struct table *t, enum table_colour c, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A rule under the rows so far. */
void table_rule(struct table *t);

/* Print, no wider than max_width (0: any). -1 with a sentence if memory or the stream failed.
 */
int table_print(struct table *t, FILE *f, struct table_style style, size_t max_width);

#endif
