/* strata tui: the path on screen. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "tui/export.h"
#include "tui/lines.h"
#include "tui/session.h"

static void ended(int signal)
{
	(void)signal;
	tui_ended = 1;
}

/* The terminal went away, or somebody said stop. */
static void watch_signals(void)
{
	struct sigaction a = {.sa_handler = ended};

	sigaction(SIGHUP, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	sigaction(SIGINT, &a, NULL);
}

static int print_keys(void)
{
	static struct lines l;
	struct keymap keys;

	keymap_init(&keys);
	if (keymap_load(&keys))
		return -1;
	for (int a = 1; a < ACTIONS; a++) {
		char names[64];

		keymap_names(&keys, (enum action)a, names, sizeof(names));
		lines_add(&l, STYLE_TEXT, "%-12s %-18s # %s", action_table[a].name, names,
			  action_table[a].help);
	}
	for (int i = 0; i < l.count; i++)
		puts(l.at[i].text);
	return fflush(stdout) || ferror(stdout) ? err_errno("write the keys") : 0;
}

static int export_one(struct tui_session *s)
{
	const struct tui_options *o = s->options;
	struct cells *c = cells_create(o->rows, o->columns, !o->ascii);
	int failed = c ? 0 : -1;

	if (!failed)
		failed = tui_session_wait(s);
	if (!failed) {
		failed = tui_session_lock(s);
		if (!failed) {
			ui_draw(&s->ui, c);
			failed = o->export == EXPORT_JSON ? export_json(&s->ui, c, stdout)
							  : export_text(c, stdout);
		}
		tui_session_unlock(s);
	}
	cells_free(c);
	return failed;
}

static bool wants_plain(const struct tui_options *o)
{
	const char *term = getenv("TERM");

	return o->plain || !isatty(STDOUT_FILENO) || !isatty(STDIN_FILENO) ||
	       (term && !strcmp(term, "dumb"));
}

static int run(const struct tui_options *o)
{
	static struct tui_session s; /* large */
	int failed = tui_session_open(&s, o);

	if (!failed)
		failed = o->export        ? export_one(&s)
			 : wants_plain(o) ? tui_plain(&s)
					  : tui_screen(&s);
	tui_session_close(&s);
	return failed;
}

int main(int argc, char **argv)
{
	struct tui_options o;
	int parsed = tui_options_parse(&o, argc, argv);

	if (parsed)
		return parsed < 0 ? EXIT_USAGE : EXIT_OK;
	watch_signals();
	if (o.keys ? print_keys() : run(&o)) {
		err_print("strata-tui");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
