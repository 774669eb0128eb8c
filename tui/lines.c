/* A text of lines: see lines.h. */
#include "tui/lines.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lines_add(struct lines *l, enum style style, const char *fmt, ...)
{
	va_list args;

	if (l->count == LINES_MAX)
		return;
	l->at[l->count].style = style;
	va_start(args, fmt);
	vsnprintf(l->at[l->count++].text, LINE_BYTES, fmt, args);
	va_end(args);
}

void lines_split(struct lines *l, enum style style, const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		lines_add(l, style, "%.*s", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

void lines_paragraph(struct lines *l, enum style style, int indent, int columns,
		     const char *text)
{
	int room = columns - indent > 10 ? columns - indent : 10;

	room = room < LINE_BYTES / 2 ? room : LINE_BYTES / 2;
	while (*text) {
		int n = (int)strlen(text), end = 0;

		for (int i = 0; n > room && i <= room; i++)
			end = text[i] == ' ' ? i : end;
		n = n <= room ? n : end ? end : room;
		lines_add(l, style, "%*s%.*s", indent, "", n, text);
		text += n;
		text += strspn(text, " ");
	}
}

void lines_printed(struct lines *l, char *text)
{
	if (text)
		lines_split(l, STYLE_TEXT, text);
	else
		lines_add(l, STYLE_BAD, "out of memory");
	free(text);
}

void lines_draw(const struct lines *l, struct ui *ui, struct cells *c, struct area a)
{
	int from = view_scrolled(ui, l->count, a.rows);

	for (int i = 0; i < a.rows && from + i < l->count; i++)
		cells_text(c, a.row + i, 1, a.columns - 2, l->at[from + i].style, "%s",
			   l->at[from + i].text);
	if (from + a.rows < l->count)
		cells_right(c, a.row + a.rows - 1, a.columns - 8, 7, STYLE_KEY, " more ▼");
}
