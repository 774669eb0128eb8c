/* A screen of our own: see cells.h. */
#include "tui/cells.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

#define TEXT_MAX 1024

struct cells *cells_create(int rows, int columns, bool utf8)
{
	struct cells *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set("out of memory for a screen");
		return NULL;
	}
	c->rows = rows < 1 ? 1 : rows > CELLS_ROWS_MAX ? CELLS_ROWS_MAX : rows;
	c->columns = columns < 1                   ? 1
		     : columns > CELLS_COLUMNS_MAX ? CELLS_COLUMNS_MAX
						   : columns;
	c->utf8 = utf8;
	c->at = malloc((size_t)c->rows * (size_t)c->columns * sizeof(*c->at));
	if (!c->at) {
		err_set("out of memory for a screen of %d x %d", c->columns, c->rows);
		free(c);
		return NULL;
	}
	cells_clear(c);
	return c;
}

void cells_free(struct cells *c)
{
	if (c)
		free(c->at);
	free(c);
}

void cells_clear(struct cells *c)
{
	for (int i = 0; i < c->rows * c->columns; i++)
		c->at[i] = (struct cell){.ch = ' '};
	c->cursor_row = c->cursor_column = -1;
}

static struct cell *cell_at(const struct cells *c, int row, int column)
{
	if (row < 0 || column < 0 || row >= c->rows || column >= c->columns)
		return NULL;
	return &c->at[row * c->columns + column];
}

const struct cell *cells_get(const struct cells *c, int row, int column)
{
	return cell_at(c, row, column);
}

/* ---- characters ---- */

/* What stands in for a character where only ASCII can be shown. */
static uint32_t ascii_of(uint32_t ch)
{
	static const struct {
		uint32_t ch;
		char ascii;
	} table[] = {
		{0x2500, '-'},  {0x2502, '|'}, {0x250c, '.'}, {0x2510, '.'}, {0x2514, '`'},
		{0x2518, '\''}, {0x251c, '+'}, {0x2524, '+'}, {0x253c, '+'}, {0x2550, '='},
		{0x25cf, 'o'},  {0x25cb, '.'}, {0x25b6, '>'}, {0x25c0, '<'}, {0x25b2, '^'},
		{0x25bc, 'v'},  {0x2026, '~'}, {0x2013, '-'}, {0x00b7, '.'}, {0x00d7, 'x'},
		{0x00b1, '~'},  {0x00b5, 'u'}, {0x2192, '>'}, {0x2190, '<'}, {0x21b3, '+'},
		{0x2191, '^'},  {0x2193, 'v'}, {0x2588, '#'}, {0x2713, '*'}, {0x2265, '>'},
		{0x2248, '~'},
	};

	if (ch < 0x80)
		return ch;
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].ch == ch)
			return (uint32_t)table[i].ascii;
	return ch >= 0x2581 && ch <= 0x258f ? '#' : '?';
}

/* Decode one character of at most n > 0 bytes; what is no UTF-8 is one '?'. Returns its length.
 */
static size_t decode(const char *text, size_t n, uint32_t *ch)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;

	*ch = '?';
	if (!len || len > n || s[0] > 0xf4)
		return 1;
	uint32_t code = len == 1 ? s[0] : s[0] & (0xffu >> (len + 1));

	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
		code = code << 6 | (s[i] & 0x3f);
	}
	*ch = code;
	return len;
}

/* Latin letters, and the signs that we draw with, take one column; of the rest nobody is sure.
 */
static bool narrow(uint32_t ch)
{
	return (ch >= 0x20 && ch < 0x7f) || (ch >= 0xa1 && ch < 0x300 && ch != 0xad) ||
	       (ch >= 0x370 && ch < 0x530) || (ch >= 0x2010 && ch <= 0x2027) ||
	       (ch >= 0x2190 && ch <= 0x21ff) || (ch >= 0x2200 && ch <= 0x22ff) ||
	       (ch >= 0x2500 && ch <= 0x25ff) || ch == 0x2713;
}

int cells_encode(uint32_t ch, char text[5])
{
	int n = 0;

	if (ch < 0x80) {
		text[n++] = (char)ch;
	} else if (ch < 0x800) {
		text[n++] = (char)(0xc0 | ch >> 6);
		text[n++] = (char)(0x80 | (ch & 0x3f));
	} else {
		text[n++] = (char)(0xe0 | (ch >> 12 & 0x0f));
		text[n++] = (char)(0x80 | (ch >> 6 & 0x3f));
		text[n++] = (char)(0x80 | (ch & 0x3f));
	}
	text[n] = '\0';
	return n;
}

/* ---- drawing ---- */

static void put(struct cells *c, int row, int column, uint32_t ch, enum style style)
{
	struct cell *cell = cell_at(c, row, column);

	if (!cell)
		return;
	ch = narrow(ch) ? ch : '?';
	cell->ch = c->utf8 ? ch : ascii_of(ch);
	cell->style = (uint8_t)style;
}

static int columns_of(const char *text, size_t bytes)
{
	int n = 0;
	uint32_t ch;

	for (size_t i = 0; i < bytes; n++)
		i += decode(text + i, bytes - i, &ch);
	return n;
}

static int put_text(struct cells *c, int row, int column, int width, enum style style,
		    const char *text, size_t bytes)
{
	int total = columns_of(text, bytes), n = 0;

	for (size_t i = 0; i < bytes && n < width; n++) {
		uint32_t ch;

		i += decode(text + i, bytes - i, &ch);
		put(c, row, column + n, n == width - 1 && total > width ? 0x2026 : ch, style);
	}
	return n;
}

int cells_text(struct cells *c, int row, int column, int width, enum style style,
	       const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return put_text(c, row, column, width, style, text, strlen(text));
}

void cells_right(struct cells *c, int row, int column, int width, enum style style,
		 const char *fmt, ...)
{
	char text[TEXT_MAX];
	va_list args;
	int n;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	n = columns_of(text, strlen(text));
	n = n < width ? n : width;
	put_text(c, row, column + width - n, n, style, text, strlen(text));
}

void cells_fill(struct cells *c, int row, int column, int width, uint32_t ch, enum style style)
{
	for (int i = 0; i < width && column + i < c->columns; i++)
		put(c, row, column + i, ch, style);
}

void cells_bar(struct cells *c, int row, int column, int width, double value, double max,
	       enum style style)
{
	double part = max > 0 && value > 0 ? value / max : 0;
	int eighths = (int)((part > 1 ? 1 : part) * width * 8 + 0.5);

	if (!eighths && part > 0)
		eighths = 1;
	cells_fill(c, row, column, eighths / 8, 0x2588, style);
	if (eighths % 8)
		put(c, row, column + eighths / 8, 0x2590 - (uint32_t)(eighths % 8), style);
}

int cells_paragraph(struct cells *c, int row, int column, int width, int rows, enum style style,
		    const char *text)
{
	int used = 0;

	for (; *text && used < rows && width > 0; used++) {
		size_t n = strlen(text), end = 0;

		if (columns_of(text, n) > width) {
			for (size_t i = 0; i <= n && columns_of(text, i) <= width; i++)
				if (text[i] == ' ')
					end = i;
			n = end ? end : (size_t)width;
		}
		put_text(c, row + used, column, width, style, text, n);
		text += n;
		text += *text == ' ';
	}
	return used;
}

void cells_select(struct cells *c, int row, int column, int width)
{
	for (int i = 0; i < width; i++) {
		struct cell *cell = cell_at(c, row, column + i);

		if (cell)
			cell->selected = true;
	}
}
