/* What is known of one hop of one request, in words. */
#ifndef STRATA_TUI_HOP_TEXT_H
#define STRATA_TUI_HOP_TEXT_H

#include "tracer/model.h"
#include "tui/cells.h"

struct hop_area {
	int row, column, rows, width;
};

#define HOP_LINES_MAX 24
#define HOP_LINE_MAX  1024

/* Each a paragraph; the first names the hop, the last explains it. */
struct hop_lines {
	int count;
	char at[HOP_LINES_MAX][HOP_LINE_MAX];
};

void hop_lines(const struct model *m, const struct request *r, const struct rung *rungs,
	       int count, int step, struct hop_lines *out);

void hop_text_draw(const struct model *m, const struct request *r, const struct rung *rungs,
		   int count, int step, struct cells *c, struct hop_area a);

#endif
