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
	if (ui->selected) {
		snprintf(value, sizeof(value), "%llu", (unsigned long long)ui->selected);
		option(text, bytes, "--request", value);
	}
}

static void ladder_options(const struct ui *ui, char *text, size_t bytes)
{
	struct rung rungs[HOP_COUNT];
	char value[24];
	int count;

	if (!ui->ladder.chosen || !ui->model)
		return;
	count = (int)request_ladder(ui->model, &ui->ladder.request, rungs);
	snprintf(value, sizeof(value), "%llu", (unsigned long long)ui->ladder.request.number);
	option(text, bytes, "--request", value);
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
}

void ui_command(const struct ui *ui, char *text, size_t bytes)
{
	char size[32];

	snprintf(text, bytes, "strata tui --export text");
	snprintf(size, sizeof(size), "%dx%d", ui->columns, ui->rows_total);
	option(text, bytes, "--size", size);
	if (ui->help) {
		command_word(text, bytes, "--keys");
		return;
	}
	option(text, bytes, "--view", view_name(ui->view));
	if (ui->view == VIEW_LIST)
		list_options(ui, text, bytes);
	else if (ui->view == VIEW_LADDER)
		ladder_options(ui, text, bytes);
	else if (ui->view == VIEW_LAYERS)
		layers_options(ui, text, bytes);
	snprintf(text + strlen(text), bytes - strlen(text), " %s", ui->source.arguments);
}
