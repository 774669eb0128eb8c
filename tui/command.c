/* The command line that yields a screen: see command.h. */
#include "tui/command.h"

#include <stdio.h>
#include <string.h>

#include "tracer/attribution.h"

static bool safe(const char *word)
{
	return *word &&
	       !word[strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				  "0123456789_-./:,+=@%")];
}

void command_word(char *text, size_t bytes, const char *word)
{
	size_t out = strlen(text);

	if (safe(word)) {
		snprintf(text + out, bytes - out, " %s", word);
		return;
	}
	out += (size_t)snprintf(text + out, bytes - out, " '");
	for (; *word && out + 8 < bytes; word++) {
		const char *as = *word == '\'' ? "'\\''" : (char[2]){*word, '\0'};

		out += (size_t)snprintf(text + out, bytes - out, "%s", as);
	}
	if (out + 1 < bytes)
		snprintf(text + out, bytes - out, "'");
}

static void option(char *text, size_t bytes, const char *name, const char *value)
{
	command_word(text, bytes, name);
	command_word(text, bytes, value);
}

static void number(char *text, size_t bytes, const char *name, unsigned long long value)
{
	char digits[24];

	snprintf(digits, sizeof(digits), "%llu", value);
	option(text, bytes, name, digits);
}

/* The row or line that the screen begins with. */
static unsigned long long first_shown(const struct ui *ui)
{
	if (ui->help)
		return (unsigned long long)ui->scroll;
	return ui->view == VIEW_LIST     ? ui->top
	       : ui->view == VIEW_LADDER ? (unsigned long long)ui->ladder.top
	       : ui->view == VIEW_LAYERS ? (unsigned long long)ui->layers.top
					 : (unsigned long long)ui->scroll;
}

static void marks(const struct ui *ui, char *text, size_t bytes)
{
	char value[MARKS_MAX * 21] = "";
	size_t at = 0;

	for (int i = 0; i < ui->mark_count; i++)
		at += (size_t)snprintf(value + at, sizeof(value) - at, "%s%llu", i ? "," : "",
				       (unsigned long long)ui->marks[i]);
	if (ui->mark_count)
		option(text, bytes, "--mark", value);
}

static void list_options(const struct ui *ui, char *text, size_t bytes)
{
	const struct row_choice *c = &ui->choice;
	char value[96];

	if (c->sort != COLUMN_TIME)
		option(text, bytes, "--sort", column_name(c->sort));
	if (c->descending)
		command_word(text, bytes, "--reverse");
	if (c->filter_text[0])
		option(text, bytes, "--filter", c->filter_text);
	if (c->search[0])
		option(text, bytes, "--search", c->search);
	if (c->bucket.set) {
		snprintf(value, sizeof(value), "%s:%llu-%llu", measure_name(&c->bucket.what).s,
			 (unsigned long long)c->bucket.from_ns,
			 (unsigned long long)c->bucket.to_ns);
		option(text, bytes, "--bucket", value);
	}
	marks(ui, text, bytes);
	if (ui->selected)
		number(text, bytes, "--request", ui->selected);
}

static void ladder_options(const struct ui *ui, char *text, size_t bytes)
{
	struct rung rungs[HOP_COUNT];
	int count;

	if (!ui->ladder.chosen || !ui->model)
		return;
	count = (int)request_ladder(ui->model, &ui->ladder.request, rungs);
	number(text, bytes, "--request", ui->ladder.request.number);
	if (ui->ladder.step < count)
		option(text, bytes, "--hop", hop_table[rungs[ui->ladder.step].hop].name);
}

static void layers_options(const struct ui *ui, char *text, size_t bytes)
{
	struct measure list[MEASURES_MAX];
	int count;

	if (!ui->model)
		return;
	count = ui->layers.hops ? measure_hops(ui->model, list)
				: measure_layers(ui->model, list);
	if (ui->layers.row < count)
		option(text, bytes, "--row", measure_name(&list[ui->layers.row]).s);
	if (ui->layers.in_buckets)
		number(text, bytes, "--bar", (unsigned long long)ui->layers.bucket + 1);
}

void ui_command(const struct ui *ui, char *text, size_t bytes)
{
	char size[32];

	snprintf(text, bytes, "strata tui --export text");
	snprintf(size, sizeof(size), "%dx%d", ui->columns, ui->rows_total);
	option(text, bytes, "--size", size);
	option(text, bytes, "--view", ui->help ? "help" : view_name(ui->view));
	if (ui->help)
		;
	else if (ui->view == VIEW_LIST)
		list_options(ui, text, bytes);
	else if (ui->view == VIEW_LADDER)
		ladder_options(ui, text, bytes);
	else if (ui->view == VIEW_LAYERS)
		layers_options(ui, text, bytes);
	else if (ui->view == VIEW_COMPARE && ui->versus_shown)
		number(text, bytes, "--with", (unsigned long long)ui->versus_shown);
	if (first_shown(ui))
		number(text, bytes, "--top", first_shown(ui));
	snprintf(text + strlen(text), bytes - strlen(text), " %s", ui->source.arguments);
}
