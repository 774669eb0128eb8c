/* What is to be known of how far the figures can be trusted: what the report of strata trace
 * ends with. */
#include <stdio.h>
#include <string.h>

#include "tracer/print.h"
#include "tui/lines.h"

void facts_lines(struct model *m, struct lines *l)
{
	const struct table_style plain = {.utf8 = true};
	size_t bytes;
	char *text = NULL;
	FILE *f = open_memstream(&text, &bytes);

	if (f) {
		print_facts(m, f, plain);
		fclose(f);
	}
	lines_printed(l, text);
}

/* Paragraphs: here a line may be wider than the screen. */
static void draw(struct ui *ui, struct cells *c, struct area a)
{
	static struct lines l; /* large, and of one thread */
	int row = 0, from;

	l.count = 0;
	facts_lines(ui->model, &l);
	from = view_scrolled(ui, l.count, 1);
	for (int i = from; i < l.count && row < a.rows; i++) {
		/* "name        what is to be said" */
		cells_text(c, a.row + row, 1, 12, STYLE_STRONG, "%.12s", l.at[i].text);
		row += cells_paragraph(c, a.row + row, 13, a.columns - 14, a.rows - row,
				       l.at[i].style,
				       strlen(l.at[i].text) > 12 ? l.at[i].text + 12 : " ");
	}
}

const struct view_info view_facts = {.name = "facts", .title = "what to know", .draw = draw};
