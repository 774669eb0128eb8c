/* The help: every action and its keys, as they are bound. */
#include <stdio.h>
#include <string.h>

#include "tui/lines.h"

void help_lines(const struct keymap *k, struct lines *l)
{
	const char *group = "";

	for (int a = 1; a < ACTIONS; a++) {
		const struct action_info *info = &action_table[a];
		char keys[64];

		if (strcmp(group, info->group)) {
			if (group[0])
				lines_add(l, STYLE_TEXT, "%s", "");
			lines_add(l, STYLE_STRONG, "%s", info->group);
		}
		group = info->group;
		keymap_names(k, (enum action)a, keys, sizeof(keys));
		lines_add(l, STYLE_TEXT, "  %-18s %s", keys[0] ? keys : "(no key)", info->help);
	}
	lines_add(l, STYLE_TEXT, "%s", "");
	lines_add(l, STYLE_DIM,
		  "In the list's bar of layers: e external, h host, y hypervisor, v vm, "
		  "s service, ? unattributed.");
	lines_add(l, STYLE_DIM,
		  "In the ladder: ~ inferred, = moved to its cause, ? unattributed.");
}

void help_draw(struct ui *ui, struct cells *c, struct area a)
{
	static struct lines l; /* large, and of one thread */

	l.count = 0;
	help_lines(&ui->keys, &l);
	lines_draw(&l, ui, c, a);
}
