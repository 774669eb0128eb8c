/* The interface on the terminal: keys in, cells out, and what is new in between. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/now.h"
#include "tui/export.h"
#include "tui/paint.h"
#include "tui/session.h"

#define PLAY_MS 40   /* between two pictures while playing */
#define IDLE_MS 1000 /* to look whether the tracing process still lives */

/* Into the current folder, under a name that is not taken. */
static void export_screen(struct ui *ui, const struct cells *c)
{
	char name[64];
	FILE *f = NULL;
	int fd = -1, failed;

	for (int n = 1; fd < 0 && n < 1000; n++) {
		snprintf(name, sizeof(name), "strata-%s-%d.%s", view_name(ui->view), n,
			 ui->export_is_json ? "json" : "txt");
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	if (fd < 0 || !(f = fdopen(fd, "w"))) {
		ui_say(ui, "%s: %s", name, strerror(errno));
		return;
	}
	failed = ui->export_is_json ? export_json(ui, c, f) : export_text(c, f);
	if (fclose(f) || failed)
		ui_say(ui, "%s: could not be written whole", name);
	else
		ui_say(ui, "written: %s", name);
}

static int show(struct tui_session *s, bool *again)
{
	struct ui *ui = &s->ui;
	struct cells *c;
	int rows, columns;

	paint_size(&rows, &columns);
	c = cells_create(rows, columns, paint_utf8());
	if (!c)
		return -1;
	ui_draw(ui, c);
	if (ui->wants_export) {
		ui->wants_export = false;
		export_screen(ui, c);
		ui_draw(ui, c);
	}
	paint_show(c, &schemes[ui->scheme], *again || ui->redraw);
	*again = ui->redraw = false;
	cells_free(c);
	return 0;
}

/* All that the terminal has to say. 1: it is gone. */
static int take_input(struct tui_session *s, bool *changed)
{
	struct paint_event e;

	for (paint_event(&e); e.kind != PAINT_NOTHING; paint_event(&e)) {
		*changed = true;
		if (e.kind == PAINT_GONE)
			return 1;
		if (e.kind == PAINT_KEY)
			ui_key(&s->ui, e.key);
		else if (e.kind == PAINT_MOUSE)
			ui_mouse(&s->ui, e.row, e.column, e.wheel);
	}
	return 0;
}

/* Wait for a key, for news, for the next picture. */
static void wait_for_something(const struct tui_session *s)
{
	struct pollfd p[2 + OTHERS_MAX] = {{.fd = STDIN_FILENO, .events = POLLIN}};

	for (int i = 0; i <= OTHERS_MAX; i++)
		p[1 + i] = (struct pollfd){.fd = tui_session_fd(s, i), .events = POLLIN};
	poll(p, 2 + OTHERS_MAX, s->ui.ladder.playing ? PLAY_MS : IDLE_MS);
}

static int loop(struct tui_session *s)
{
	uint64_t last = now_ns();
	bool again = true;

	while (!s->ui.quit && !tui_ended) {
		bool changed = false;
		uint64_t now = now_ns();
		int failed;

		for (int i = 1; i <= OTHERS_MAX; i++)
			if (s->feeds[i])
				(void)feed_taken(s->feeds[i]);
		failed = tui_session_lock(s);
		if (!failed && take_input(s, &changed))
			s->ui.quit = true;
		ui_tick(&s->ui, now - last);
		last = now;
		if (!failed && !s->ui.quit)
			failed = show(s, &again);
		tui_session_unlock(s);
		if (failed)
			return -1;
		if (!s->ui.quit && !tui_ended)
			wait_for_something(s);
	}
	return 0;
}

static int choose_scheme(const struct tui_options *o)
{
	const char *no_colour = getenv("NO_COLOR");

	if (o->scheme >= 0)
		return o->scheme;
	return no_colour && no_colour[0] ? SCHEME_MONO : SCHEME_DARK;
}

int tui_screen(struct tui_session *s)
{
	struct paint_options po = {.ascii = s->options->ascii, .colour = true};
	int failed;

	s->ui.scheme = choose_scheme(s->options);
	if (paint_open(&po))
		return -1;
	failed = loop(s);
	paint_close();
	/* a screen is gone when it ends; what somebody may want to copy is not */
	if (!failed && s->ui.wants_command)
		puts(s->ui.last_command);
	return failed;
}
