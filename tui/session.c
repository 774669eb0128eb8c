/* What is shown, and where it comes from: see session.h. */
#include "tui/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "tui/command.h"

volatile sig_atomic_t tui_ended;

static int find_sample(struct tui_session *s)
{
	static const char *const samples[] = {"tui/sample.strata", "tui/sample-emulated.strata",
					      "tui/sample-vhost.strata",
					      "tui/sample-passthrough.strata"};

	for (size_t i = 0; i < sizeof(samples) / sizeof(samples[0]); i++)
		if (path_built(s->paths[i], sizeof(s->paths[i]), samples[i], "all"))
			return -1;
	return 0;
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
	if (s->options->sample)
		snprintf(words, sizeof(words), " --sample");
	for (int i = 0; !s->options->sample && i < s->named; i++)
		command_word(words, sizeof(words), s->paths[i]);
	if (s->options->document)
		command_word(words, sizeof(words), s->options->document);
	snprintf(source->name, sizeof(source->name), "%.200s",
		 s->options->sample ? "sample"
				    : base_name(s->named ? s->paths[0] : s->options->document));
	snprintf(source->arguments, sizeof(source->arguments), "%s", words + (words[0] == ' '));
}

/* Recordings of a demonstration's other modes, in the same folder: as they are called there. */
static void find_modes(struct tui_session *s)
{
	static const char *const modes[OTHERS_MAX] = {"emulated",    "virtio",    "vhost",
						      "passthrough", "container", "bare"};
	int folder = (int)(base_name(s->paths[0]) - s->paths[0]);

	for (int i = 0; i < OTHERS_MAX; i++) {
		char *path = s->paths[1 + i];
		int n = snprintf(path, sizeof(s->paths[0]), "%.*s%s.strata", folder,
				 s->paths[0], modes[i]);

		if (n >= (int)sizeof(s->paths[0]) || !strcmp(path, s->paths[0]) ||
		    access(path, R_OK))
			path[0] = '\0';
	}
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
		s->named = 1;
		return 0;
	}
	s->named = o->recording_count;
	for (int i = 0; i < o->recording_count; i++) {
		int n = snprintf(s->paths[i], sizeof(s->paths[i]), "%s", o->recordings[i]);

		if (n < 0 || (size_t)n >= sizeof(s->paths[i]))
			return err_set("%s: a path that is too long", o->recordings[i]);
	}
	if (s->named == 1 && !o->follow)
		find_modes(s);
	return 0;
}

static int open_feed(struct tui_session *s, int i, const struct feed_options *o)
{
	s->feeds[i] = feed_open(s->paths[i], o);
	return s->feeds[i] ? 0 : -1;
}

int tui_session_open(struct tui_session *s, const struct tui_options *o)
{
	struct feed_options fo = {.growing = o->live || o->follow};

	memset(s, 0, sizeof(*s));
	s->options = o;
	s->live = o->live || o->follow;
	s->document.named = o->document;
	ui_init(&s->ui);
	if (keymap_load(&s->ui.keys) || find_paths(s))
		return -1;
	fo.throw_away = o->live && !s->child.kept;
	name_source(s);
	s->ui.follow = s->live;
	s->ui.source.none = !s->paths[0][0];
	if (s->ui.source.none)
		s->ui.view = VIEW_BENCH;
	return s->paths[0][0] ? open_feed(s, 0, &fo) : 0;
}

void tui_session_close(struct tui_session *s)
{
	trace_child_stop(&s->child);
	for (int i = 0; i <= OTHERS_MAX; i++)
		feed_close(s->feeds[i]);
	ui_free(&s->ui);
}

/* ---- others to compare with: read when they are wanted, and kept no longer than that ---- */

static int compare_with(struct tui_session *s, int i, struct model *other)
{
	bool found = i >= s->named; /* ... by us: the same mode once more is not wanted */
	char names[2][128];
	struct versus *v;

	s->compared[i] = true;
	if (!other || (found && other->place == s->ui.model->place))
		return 0;
	snprintf(names[0], sizeof(names[0]), "%.100s", base_name(s->paths[0]));
	snprintf(names[1], sizeof(names[1]), "%.100s", base_name(s->paths[i]));
	v = versus_create(s->ui.model, names[0], other, names[1]);
	if (v)
		s->ui.versus[s->ui.versus_count++] = v;
	return v ? 0 : -1;
}

static int take_other(struct tui_session *s, int i)
{
	static const struct feed_options all = {.growing = false};
	struct model *other;
	int result = 0;

	if (!s->feeds[i] && open_feed(s, i, &all))
		return -1;
	other = feed_lock(s->feeds[i]);
	if (!feed_loading(s->feeds[i])) {
		if (feed_error(s->feeds[i])[0])
			ui_say(&s->ui, "%s", feed_error(s->feeds[i]));
		result = compare_with(s, i, other);
	}
	feed_unlock(s->feeds[i]);
	if (s->compared[i]) {
		feed_close(s->feeds[i]);
		s->feeds[i] = NULL;
	}
	return result;
}

/* Once the first is whole. */
static int compare(struct tui_session *s)
{
	int coming = 0;

	if (s->ui.view != VIEW_COMPARE || !s->ui.model || s->live || feed_loading(s->feeds[0]))
		return 0;
	for (int i = 1; i <= OTHERS_MAX; i++) {
		if (!s->paths[i][0] || s->compared[i])
			continue;
		if (take_other(s, i))
			return -1;
		coming += !s->compared[i];
	}
	s->ui.others_coming = coming;
	return 0;
}

/* ---- what is new ---- */

static void take_news(struct tui_session *s)
{
	struct ui_source *source = &s->ui.source;

	source->loading = feed_loading(s->feeds[0]) && !s->live;
	source->part = feed_part(s->feeds[0]);
	snprintf(source->error, sizeof(source->error), "%s", feed_error(s->feeds[0]));
	if (s->options->live && !source->error[0])
		(void)trace_child_ended(&s->child, source->error, sizeof(source->error));
}

/* Into the interface, and the screen that the options ask for. */
static int take_model(struct tui_session *s)
{
	bool news = feed_taken(s->feeds[0]);
	struct model *m = feed_lock(s->feeds[0]);

	if (news || m != s->ui.model)
		take_news(s);
	return (news || m != s->ui.model) && ui_model(&s->ui, m) ? -1 : 0;
}

static int apply(struct tui_session *s)
{
	bool ready = s->feeds[0] ? s->ui.model && (s->live || !s->ui.source.loading) : true;

	if (!ready || s->applied)
		return 0;
	s->applied = true;
	return tui_options_apply(s->options, &s->ui);
}

int tui_session_lock(struct tui_session *s)
{
	if ((s->feeds[0] && take_model(s)) || apply(s))
		return -1;
	if (s->ui.view == VIEW_BENCH)
		(void)bench_file_look(&s->document, &s->ui.bench, s->ui.bench_error,
				      sizeof(s->ui.bench_error));
	return compare(s);
}

void tui_session_unlock(struct tui_session *s)
{
	if (!s->feeds[0])
		return;
	feed_unlock(s->feeds[0]);
	feed_freeze(s->feeds[0], s->ui.frozen);
}

int tui_session_wait(struct tui_session *s)
{
	int result;

	if (s->feeds[0] && feed_wait(s->feeds[0]))
		return -1;
	do { /* which others are needed shows when the options were applied */
		result = tui_session_lock(s);
		tui_session_unlock(s);
		for (int i = 1; !result && i <= OTHERS_MAX; i++)
			if (s->feeds[i])
				result = feed_wait(s->feeds[i]);
	} while (!result && s->ui.others_coming);
	return result;
}

int tui_session_fd(const struct tui_session *s, int feed)
{
	return s->feeds[feed] ? feed_fd(s->feeds[feed]) : -1;
}
