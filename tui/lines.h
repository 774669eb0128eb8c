/* A text of lines, each with its style: views that are read rather than walked through, and
 * what the linear mode prints of them. */
#ifndef STRATA_TUI_LINES_H
#define STRATA_TUI_LINES_H

#include "tui/view.h"

#define LINES_MAX  1000
#define LINE_BYTES 256

struct lines {
	int count;
	struct {
		enum style style;
		char text[LINE_BYTES];
	} at[LINES_MAX];
};

void lines_add(struct lines *l, enum style style, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* A text with line ends in it. */
void lines_split(struct lines *l, enum style style, const char *text);

/* A paragraph, broken at blanks, indented by so many. */
void lines_paragraph(struct lines *l, enum style style, int indent, int columns,
		     const char *text);

/* What was printed into a text, a line each; frees the text. NULL: there was no memory for it.
 */
void lines_printed(struct lines *l, char *text);

/* As many as fit, from ui->scroll on. */
void lines_draw(const struct lines *l, struct ui *ui, struct cells *c, struct area a);

/* What the views that are made of lines say. */
void why_lines(struct ui *ui, struct lines *l);
void vm_lines(struct model *m, bool live, struct lines *l);
void vcpu_lines(struct vm_vitals *v, bool live, struct lines *l);
void facts_lines(struct model *m, struct lines *l);
void compare_lines(const struct ui *ui, int columns, struct lines *l);
void bench_view_lines(const struct ui *ui, int columns, struct lines *l);
void help_lines(const struct keymap *k, struct lines *l);

#endif
