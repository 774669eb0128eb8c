/* The interface without a terminal: see ui.h. */
#include "tui/ui.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "tracer/summary.h"
#include "tui/command.h"
#include "tui/scheme.h"
#include "tui/view.h"

#define STRETCH 8192.0

const struct view_info *const view_table[VIEWS] = {
	[VIEW_LIST] = &view_list,     [VIEW_LADDER] = &view_ladder,
	[VIEW_LAYERS] = &view_layers, [VIEW_WHY] = &view_why,
	[VIEW_VM] = &view_vm,         [VIEW_COMPARE] = &view_compare,
	[VIEW_FACTS] = &view_facts,   [VIEW_BENCH] = &view_bench,
};

const char *view_name(enum view v)
{
	return view_table[v]->name;
}

int view_by_name(const char *name)
{
	for (int i = 0; i < VIEWS; i++)
		if (!strcmp(view_table[i]->name, name))
			return i;
	return -1;
}

void ui_init(struct ui *ui)
{
	memset(ui, 0, sizeof(*ui));
	keymap_init(&ui->keys);
	ui->scheme = SCHEME_DARK;
	ui->ladder.stretch = STRETCH;
	ui->page = 1;
}

void ui_free(struct ui *ui)
{
	rows_free(&ui->rows);
	while (ui->versus_count)
		versus_free(ui->versus[--ui->versus_count]);
	bench_free(ui->bench);
	ui->bench = NULL;
	free(ui->why);
	ui->why = NULL;
}

void ui_say(struct ui *ui, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(ui->message, sizeof(ui->message), fmt, args);
	va_end(args);
}

/* ---- the list's cursor ---- */

void ui_select(struct ui *ui, size_t position)
{
	ui->selected = 0;
	ui->position = 0;
	if (!ui->rows.count)
		return;
	ui->position = position < ui->rows.count ? position : ui->rows.count - 1;
	ui->selected = ui->model->requests[ui->rows.at[ui->position]].number;
}

int ui_rebuild(struct ui *ui)
{
	size_t on_screen = ui->position - ui->top, at;

	if (!ui->model)
		return 0;
	if (rows_build(&ui->rows, ui->model, &ui->choice))
		return -1;
	at = rows_find(&ui->rows, ui->model, ui->selected);
	if (ui->follow && ui->rows.count) {
		ui_select(ui, ui->choice.descending ? 0 : ui->rows.count - 1);
		return 0;
	}
	ui_select(ui, at == SIZE_MAX ? ui->position : at);
	ui->top = ui->position > on_screen ? ui->position - on_screen : 0;
	return 0;
}

int ui_model(struct ui *ui, struct model *m)
{
	ui->model = m;
	if (ui_rebuild(ui))
		return -1;
	/* the ladder opens on the request that shows best how they all went */
	if (m && !ui->ladder.chosen) {
		const struct request *r = summary_typical(m);

		if (r)
			ui_choose(ui, r->number);
	}
	return 0;
}

bool ui_choose(struct ui *ui, uint64_t number)
{
	for (size_t i = 0; ui->model && i < ui->model->request_count; i++) {
		const struct request *r = &ui->model->requests[i];

		if (r->number != number)
			continue;
		ui->ladder.request = *r;
		ui->ladder.chosen = true;
		ui->ladder.step = 0;
		ui->ladder.top = 0;
		ui->ladder.play_ns = 0;
		ui->ladder.playing = false;
		return true;
	}
	return false;
}

int ui_filter(struct ui *ui, const char *text)
{
	struct filter parsed = {.sample = 0};

	if (filter_parse(&parsed, text))
		return -1;
	ui->choice.filter = parsed;
	snprintf(ui->choice.filter_text, sizeof(ui->choice.filter_text), "%s", text);
	return ui_rebuild(ui);
}

int ui_search(struct ui *ui, const char *text)
{
	if (strlen(text) >= sizeof(ui->choice.search))
		return err_set("a text of %d bytes at most can be searched for",
			       SEARCH_MAX - 1);
	strcpy(ui->choice.search, text);
	return ui_rebuild(ui);
}

/* ---- a line that is being typed ---- */

static void prompt_open(struct ui *ui, enum prompt prompt)
{
	ui->prompt = prompt;
	snprintf(ui->line, sizeof(ui->line), "%s",
		 prompt == PROMPT_FILTER ? ui->choice.filter_text : ui->choice.search);
	ui->message[0] = '\0';
}

static void prompt_end(struct ui *ui)
{
	enum prompt prompt = ui->prompt;

	ui->prompt = PROMPT_NONE;
	if (prompt == PROMPT_FILTER ? ui_filter(ui, ui->line) : ui_search(ui, ui->line)) {
		ui->prompt = prompt; /* to be put right */
		ui_say(ui, "%s", err_text());
		return;
	}
	ui->view = VIEW_LIST;
}

static void prompt_erase(struct ui *ui)
{
	size_t n = strlen(ui->line);

	while (n && ((unsigned char)ui->line[n - 1] & 0xc0) == 0x80)
		n--;
	ui->line[n ? n - 1 : 0] = '\0';
}

static void prompt_key(struct ui *ui, uint32_t key)
{
	char text[5];
	size_t n = strlen(ui->line);

	if (key == KEY_ENTER_CODE || key == '\n')
		prompt_end(ui);
	else if (key == KEY_ESCAPE_CODE || key == 3 /* Ctrl-c */)
		ui->prompt = PROMPT_NONE;
	else if (key == KEY_CODE_BACKSPACE || key == 8 || key == 127)
		prompt_erase(ui);
	else if (key == 21) /* Ctrl-u, as in a shell */
		ui->line[0] = '\0';
	else if (key >= ' ' && key < 0x10000 && !(key >= 0xd800 && key < 0xe000) &&
		 n + (size_t)cells_encode(key, text) < sizeof(ui->line))
		snprintf(ui->line + n, sizeof(ui->line) - n, "%s", text);
}

/* ---- actions that are the same in every view ---- */

static void open_view(struct ui *ui, enum view v)
{
	ui->help = false;
	ui->scroll = 0;
	ui->view = v;
	ui->ladder.playing = false;
}

static void next_in_list(struct ui *ui, int by)
{
	size_t to = ui->position + (size_t)by;

	if (!ui->rows.count || to >= ui->rows.count) /* and below 0, too */
		return;
	ui->follow = false;
	ui_select(ui, to);
	ui_choose(ui, ui->selected);
}

static void back(struct ui *ui)
{
	if (ui->help)
		ui->help = false;
	else if (ui->view != VIEW_LIST)
		open_view(ui, VIEW_LIST);
	else
		ui_action(ui, ACTION_CLEAR);
}

static void clear(struct ui *ui)
{
	ui->choice.bucket.set = false;
	ui->choice.search[0] = '\0';
	if (ui_filter(ui, ""))
		ui_say(ui, "%s", err_text());
}

static void sort_next(struct ui *ui)
{
	ui->choice.sort = (enum column)((ui->choice.sort + 1) % COLUMNS_COUNT);
	if (ui_rebuild(ui))
		ui_say(ui, "%s", err_text());
}

static void reverse(struct ui *ui)
{
	ui->choice.descending = !ui->choice.descending;
	if (ui_rebuild(ui))
		ui_say(ui, "%s", err_text());
}

static void freeze(struct ui *ui)
{
	ui->frozen = !ui->frozen;
	if (!ui->source.live)
		ui_say(ui, "this is a recording: it holds still anyway");
	ui->frozen = ui->frozen && ui->source.live;
}

static void follow(struct ui *ui)
{
	ui->follow = !ui->follow;
	if (ui->follow && ui_rebuild(ui))
		ui_say(ui, "%s", err_text());
}

static void general(struct ui *ui, enum action a)
{
	switch (a) {
	case ACTION_LIST:
	case ACTION_LADDER:
	case ACTION_LAYERS:
	case ACTION_WHY:
	case ACTION_VM:
	case ACTION_COMPARE:
	case ACTION_FACTS:
	case ACTION_BENCH:
		open_view(ui, (enum view)(VIEW_LIST + (a - ACTION_LIST)));
		break;
	case ACTION_NEXT_VIEW:
		open_view(ui, (enum view)((ui->view + 1) % VIEWS));
		break;
	case ACTION_HELP:
		ui->help = !ui->help;
		ui->scroll = 0;
		break;
	case ACTION_BACK:
		back(ui);
		break;
	case ACTION_NEXT:
	case ACTION_PREVIOUS:
		next_in_list(ui, a == ACTION_NEXT ? 1 : -1);
		break;
	case ACTION_SORT:
		sort_next(ui);
		break;
	case ACTION_REVERSE:
		reverse(ui);
		break;
	case ACTION_SEARCH:
	case ACTION_FILTER:
		prompt_open(ui, a == ACTION_SEARCH ? PROMPT_SEARCH : PROMPT_FILTER);
		break;
	case ACTION_CLEAR:
		clear(ui);
		break;
	case ACTION_FREEZE:
		freeze(ui);
		break;
	case ACTION_FOLLOW:
		follow(ui);
		break;
	case ACTION_EXPORT_TEXT:
	case ACTION_EXPORT_JSON:
		ui->wants_export = true;
		ui->export_is_json = a == ACTION_EXPORT_JSON;
		break;
	case ACTION_COMMAND:
		ui_command(ui, ui->last_command, sizeof(ui->last_command));
		ui_say(ui, "%s", ui->last_command);
		ui->wants_command = true;
		break;
	case ACTION_SCHEME:
		ui->scheme = (ui->scheme + 1) % scheme_count;
		ui_say(ui, "colours: %s, %s", schemes[ui->scheme].name,
		       schemes[ui->scheme].title);
		break;
	case ACTION_REDRAW:
		ui->redraw = true;
		break;
	case ACTION_QUIT:
		ui->quit = true;
		break;
	default:
		break;
	}
}

bool ui_scroll(struct ui *ui, enum action a)
{
	int by = a == ACTION_UP          ? -1
		 : a == ACTION_DOWN      ? 1
		 : a == ACTION_PAGE_UP   ? -ui->page
		 : a == ACTION_PAGE_DOWN ? ui->page
		 : a == ACTION_FIRST     ? -1000000
		 : a == ACTION_LAST      ? 1000000
					 : 0;

	ui->scroll += by;
	ui->scroll = ui->scroll < 0 ? 0 : ui->scroll;
	return by != 0;
}

void ui_action(struct ui *ui, enum action a)
{
	const struct view_info *v = view_table[ui->view];

	if (!ui->help && v->act && v->act(ui, a))
		return;
	if ((ui->help || !v->act) && ui_scroll(ui, a))
		return;
	general(ui, a);
}

void ui_key(struct ui *ui, uint32_t key)
{
	enum action a;

	if (ui->prompt) {
		prompt_key(ui, key);
		return;
	}
	a = keymap_action(&ui->keys, key == '\n' ? KEY_ENTER_CODE : key);
	ui->message[0] = '\0';
	if (a)
		ui_action(ui, a);
}

void ui_mouse(struct ui *ui, int row, int column, int wheel)
{
	const struct view_info *v = view_table[ui->view];

	if (ui->prompt)
		return;
	if (wheel) {
		for (int i = 0; i < 3; i++)
			ui_action(ui, wheel < 0 ? ACTION_UP : ACTION_DOWN);
	} else if (!row) {
		int view = frame_view_at(ui, column);

		if (view >= 0)
			open_view(ui, (enum view)view);
	} else if (!ui->help && ui->model && v->click) {
		v->click(ui, row - 1, column);
	}
}

void ui_draw(struct ui *ui, struct cells *c)
{
	struct area a = {.row = 1, .rows = c->rows - 3, .columns = c->columns};

	cells_clear(c);
	ui->columns = c->columns;
	ui->rows_total = c->rows;
	if (c->rows < UI_ROWS_MIN || c->columns < UI_COLUMNS_MIN) {
		cells_text(c, 0, 0, c->columns, STYLE_STRONG, "too small");
		cells_text(c, 1, 0, c->columns, STYLE_TEXT, "%dx%d of %dx%d", c->columns,
			   c->rows, UI_COLUMNS_MIN, UI_ROWS_MIN);
		return;
	}
	ui->page = a.rows > 2 ? a.rows - 2 : 1;
	if (ui->help)
		help_draw(ui, c, a);
	else if (!ui->model && ui->view != VIEW_COMPARE && ui->view != VIEW_BENCH)
		view_empty(ui, c, a);
	else
		view_table[ui->view]->draw(ui, c, a);
	frame_draw(ui, c);
}
