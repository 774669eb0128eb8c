/* The views: each draws its part of a model into some rows of a screen. */
#ifndef STRATA_TUI_VIEW_H
#define STRATA_TUI_VIEW_H

#include "tui/ui.h"

/* Rows of the screen that a view has. */
struct area {
	int row, rows, columns;
};

struct view_info {
	const char *name, *title;
	void (*draw)(struct ui *ui, struct cells *c, struct area a);
	/* What an action does here; false: nothing of its own. */
	bool (*act)(struct ui *ui, enum action a);
	/* A click on that row of the area. NULL: nothing happens. */
	void (*click)(struct ui *ui, int row, int column);
};

extern const struct view_info view_list, view_ladder, view_layers, view_why, view_vm,
	view_compare, view_facts, view_bench;
extern const struct view_info *const view_table[VIEWS];

/* All actions and their keys. */
void help_draw(struct ui *ui, struct cells *c, struct area a);

/* The two lines at the bottom and the one on top. */
void frame_draw(struct ui *ui, struct cells *c);

/* What tracing cost, in a few words; or that nobody measured it. */
void frame_cost(const struct model *m, char *text, size_t bytes);

/* Which view is named at that column of the top line; -1: none. */
int frame_view_at(const struct ui *ui, int column);

/* For a view that only scrolls: its first line, within what there is. */
int view_scrolled(struct ui *ui, int lines, int rows);

/* Tell that there is nothing to show, and why. */
void view_empty(const struct ui *ui, struct cells *c, struct area a);

#endif
