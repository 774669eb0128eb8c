/* A screen for files and pipes: see export.h. */
#include "tui/export.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "tui/command.h"
#include "tui/export_data.h"

#define LINE_BYTES (4 * CELLS_COLUMNS_MAX + 1)

static void line_text(const struct cells *c, int row, char text[LINE_BYTES])
{
	size_t out = 0;

	for (int i = 0; i < c->columns; i++)
		out += (size_t)cells_encode(cells_get(c, row, i)->ch, text + out);
	while (out && text[out - 1] == ' ')
		out--;
	text[out] = '\0';
}

static int written(FILE *f)
{
	return fflush(f) || ferror(f) ? err_errno("write the screen") : 0;
}

int export_text(const struct cells *c, FILE *f)
{
	char text[LINE_BYTES];

	for (int row = 0; row < c->rows; row++) {
		line_text(c, row, text);
		fprintf(f, "%s\n", text);
	}
	return written(f);
}

int export_json(const struct ui *ui, const struct cells *c, FILE *f)
{
	json_t *lines = json_array(), *doc;
	char text[LINE_BYTES], command[2048];
	int failed;

	for (int row = 0; row < c->rows; row++) {
		line_text(c, row, text);
		json_array_append_new(lines, json_string(text));
	}
	ui_command(ui, command, sizeof(command));
	doc = json_pack("{s:s,s:s,s:i,s:i,s:s,s:o,s:o}", "schema", "strata.screen/1", "view",
			ui->help ? "help" : view_name(ui->view), "columns", c->columns, "rows",
			c->rows, "command", command, "lines", lines, "data", export_data(ui));
	if (!doc)
		return err_set("out of memory for the screen");
	failed = json_dumpf(doc, f, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	json_decref(doc);
	fputc('\n', f);
	return failed ? err_errno("write the screen") : written(f);
}

static char look(const struct cell *cell, const struct scheme *s)
{
	const struct scheme_style *style = &s->style[cell->style];

	if (cell->selected)
		return '#';
	if (style->colour >= 0)
		return (style->attributes & ATTRIBUTE_BOLD ? "KRGYBMCW"
							   : "krgybmcw")[style->colour & 7];
	return style->attributes & ATTRIBUTE_UNDERLINE ? '_'
	       : style->attributes & ATTRIBUTE_BOLD    ? '*'
	       : style->attributes & ATTRIBUTE_DIM     ? '.'
						       : ' ';
}

int export_looks(const struct cells *c, const struct scheme *s, FILE *f)
{
	char text[LINE_BYTES];

	for (int row = 0; row < c->rows; row++) {
		size_t n = (size_t)c->columns;

		line_text(c, row, text);
		fprintf(f, "%s\n", text);
		for (int i = 0; i < c->columns; i++) {
			const struct cell *cell = cells_get(c, row, i);

			text[i] = cell->ch == ' ' && !cell->selected ? ' ' : look(cell, s);
		}
		while (n && text[n - 1] == ' ')
			n--;
		fprintf(f, "%.*s\n", (int)n, text);
	}
	return written(f);
}
