/* What is shown, and where it comes from: see session.h. */
#include "tui/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "tui/command.h"

volatile sig_atomic_t tui_ended;

static int find_sample(struct tui_session *s)
{
	return path_built(s->paths[0], sizeof(s->paths[0]), "tui/sample.strata", "all") ||
	       path_built(s->paths[1], sizeof(s->paths[1]), "tui/sample-vhost.strata", "all");
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* What a command line has to name to show the same. */
static void name_source(struct tui_session *s)
{
	struct ui_source *source = &s->ui.source;
	char words[sizeof(source->arguments)] = "";

	source->live = s->live;
	if (s->options->sample) {
		snprintf(source->name, sizeof(source->name), "sample");
		snprintf(source->arguments, sizeof(source->arguments), "--sample");
		return;
	}
	snprintf(source->name, sizeof(source->name), "%.200s", base_name(s->paths[0]));
	for (int i = 0; i < 2 && s->paths[i][0]; i++)
		command_word(words, sizeof(words), s->paths[i]);
	snprintf(source->arguments, sizeof(source->arguments), "%s", words + (words[0] == ' '));
}

static int find_paths(struct tui_session *s)
{
	const struct tui_options *o = s->options;

	if (o->sample)
		return find_sample(s);
	if (o->live) {
		if (trace_child_start(&s->child, o->live))
			return -1;
		snprintf(s->paths[0], sizeof(s->paths[0]), "%s", s->child.recording);
		return 0;
	}
	for (int i = 0; i < o->recording_count; i++) {
		int n = snprintf(s->paths[i], sizeof(s->paths[i]), "%s", o->recordings[i]);

		if (n < 0 || (size_t)n >= sizeof(s->paths[i]))
			return err_set("%s: a path that is too long", o->recordings[i]);
	}
	return 0;
}

int tui_session_open(struct tui_session *s, const struct tui_options *o)
{
	struct feed_options fo = {.growing = o->live || o->follow};

	memset(s, 0, sizeof(*s));
	s->options = o;
	s->live = o->live || o->follow;
	ui_init(&s->ui);
	if (keymap_load(&s->ui.keys) || find_paths(s))
		return -1;
	fo.throw_away = o->live && !s->child.kept;
	name_source(s);
	s->ui.follow = s->live;
	for (int i = 0; i < 2 && s->paths[i][0]; i++) {
		s->feeds[i] = feed_open(s->paths[i], &fo);
		if (!s->feeds[i])
			return -1;
	}
	return 0;
}

void tui_session_close(struct tui_session *s)
{
	trace_child_stop(&s->child);
	for (int i = 0; i < 2; i++)
		feed_close(s->feeds[i]);
	ui_free(&s->ui);
}

/* Once both are whole. */
static int compare(struct tui_session *s)
{
	struct model *other;
	char names[2][128];

	if (!s->feeds[1] || s->compared || feed_loading(s->feeds[0]))
		return 0;
	other = feed_lock(s->feeds[1]);
	if (other && !feed_loading(s->feeds[1])) {
		s->compared = true;
		for (int i = 0; i < 2; i++)
			snprintf(names[i], sizeof(names[i]), "%.100s", base_name(s->paths[i]));
		s->ui.versus = versus_create(s->ui.model, names[0], other, names[1]);
	}
	feed_unlock(s->feeds[1]);
	return s->compared && !s->ui.versus ? -1 : 0;
}

static void take_news(struct tui_session *s)
{
	struct ui_source *source = &s->ui.source;

	source->loading = feed_loading(s->feeds[0]) && !s->live;
	source->part = feed_part(s->feeds[0]);
	snprintf(source->error, sizeof(source->error), "%s", feed_error(s->feeds[0]));
	if (s->options->live && !source->error[0])
		(void)trace_child_ended(&s->child, source->error, sizeof(source->error));
}

int tui_session_lock(struct tui_session *s)
{
	bool news = feed_taken(s->feeds[0]);
	struct model *m = feed_lock(s->feeds[0]);

	if (news || m != s->ui.model)
		take_news(s);
	if ((news || m != s->ui.model) && ui_model(&s->ui, m))
		return -1;
	if (!m)
		return 0;
	if (!s->applied && (s->live || !s->ui.source.loading)) {
		s->applied = true;
		if (tui_options_apply(s->options, &s->ui))
			return -1;
	}
	return compare(s);
}

void tui_session_unlock(struct tui_session *s)
{
	feed_unlock(s->feeds[0]);
	feed_freeze(s->feeds[0], s->ui.frozen);
}
