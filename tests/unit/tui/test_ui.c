/* What keys do: tables of keys and bindings, the filter box, the list's cursor, playing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/unit/synthetic_model.h"
#include "tui/command.h"
#include "tui/ui.h"

static struct model *m;

static int make_model(void **state)
{
	const struct synthetic_options o = {
		.seed = 3, .place = PLACE_VIRTIO, .requests = 100, .connections = 4};

	(void)state;
	m = synthetic_model(&o);
	return 0;
}

static int free_model(void **state)
{
	(void)state;
	model_free(m);
	return 0;
}

static void open_ui(struct ui *ui)
{
	struct cells *c = cells_create(24, 80, true);

	ui_init(ui);
	snprintf(ui->source.arguments, sizeof(ui->source.arguments), "x");
	assert_int_equal(ui_model(ui, m), 0);
	ui_draw(ui, c);
	cells_free(c);
}

static void type(struct ui *ui, const char *keys)
{
	for (; *keys; keys++)
		ui_key(ui, (uint32_t)*keys);
}

/* Every action has a key of its own, by default, and a name. */
static void test_keys(void **state)
{
	struct keymap k;

	(void)state;
	keymap_init(&k);
	for (int a = 1; a < ACTIONS; a++) {
		char names[64];

		assert_true(k.keys[a][0] != 0);
		for (int i = 0; k.keys[a][i]; i++)
			assert_int_equal(keymap_action(&k, k.keys[a][i]), a);
		keymap_names(&k, (enum action)a, names, sizeof(names));
		assert_string_equal(names, action_table[a].keys);
	}
	assert_int_equal(keymap_action(&k, 0), ACTION_NONE);
}

static void test_bindings(void **state)
{
	struct keymap k;

	(void)state;
	keymap_init(&k);
	assert_int_equal(keymap_read(&k, "# mine\nup w Up\n\nsearch\nquit F10 # end\n", "keys"),
			 0);
	assert_int_equal(keymap_action(&k, 'w'), ACTION_UP);
	assert_int_equal(keymap_action(&k, 'k'), ACTION_NONE);
	assert_int_equal(keymap_action(&k, '/'), ACTION_NONE);
	assert_int_equal(keymap_action(&k, key_by_name("F10")), ACTION_QUIT);
	/* a key that is given away is given */
	assert_int_equal(keymap_read(&k, "down w", "keys"), 0);
	assert_int_equal(keymap_action(&k, 'w'), ACTION_DOWN);
	assert_int_equal(keymap_read(&k, "up Up\nfly x", "keys"), -1);
	assert_non_null(strstr(err_text(), "keys:2"));
	assert_int_equal(keymap_read(&k, "up Hyper-x", "keys"), -1);
	assert_int_equal(keymap_read(&k, "up \xc3\xa4", "keys"), 0);
	assert_int_equal(keymap_action(&k, 0xe4), ACTION_UP);
}

static uint64_t median_ns(void)
{
	return quantile_at(&m->end_to_end, 0.5);
}

/* The box: what it lets through, what it refuses, and that the cursor stays on its request. */
static void test_filter_box(void **state)
{
	struct ui ui;
	char keys[64];

	(void)state;
	open_ui(&ui);
	snprintf(keys, sizeof(keys), "f--slower-than %lluns\r",
		 (unsigned long long)median_ns());
	type(&ui, keys);
	assert_in_range(ui.rows.count, 40, 60);
	for (size_t i = 0; i < ui.rows.count; i++)
		assert_true(m->requests[ui.rows.at[i]].end_to_end_ns > median_ns());
	type(&ui, "u");
	assert_int_equal(ui.rows.count, 100);
	type(&ui, "f--nonsense\r");
	assert_int_equal(ui.prompt, PROMPT_FILTER);
	assert_true(ui.message[0] != '\0');
	ui_key(&ui, KEY_ESCAPE_CODE);
	assert_int_equal(ui.rows.count, 100);
	type(&ui, "/ITEM/3?\r");
	assert_int_equal(ui.rows.count, 4);
	ui_free(&ui);
}

static void test_cursor_stays(void **state)
{
	struct ui ui;
	uint64_t selected;
	size_t on_screen;

	(void)state;
	open_ui(&ui);
	type(&ui, "jjjjjjjjjjjjjjjjjjjjjjjjjjjjjj");
	selected = ui.selected;
	type(&ui, "ssss"); /* by total */
	assert_int_equal(ui.choice.sort, COLUMN_TOTAL);
	assert_int_equal(ui.selected, selected);
	type(&ui, "S");
	assert_int_equal(ui.selected, selected);
	on_screen = ui.position - ui.top;
	assert_int_equal(ui_model(&ui, m), 0);
	assert_int_equal(ui.position - ui.top, on_screen);
	for (size_t i = 1; i < ui.rows.count; i++)
		assert_true(m->requests[ui.rows.at[i - 1]].end_to_end_ns >=
			    m->requests[ui.rows.at[i]].end_to_end_ns);
	ui_free(&ui);
}

/* A bucket's requests are those that its bar counted. */
static void test_bucket(void **state)
{
	struct ui ui;
	size_t all = 0;

	(void)state;
	open_ui(&ui);
	for (int bucket = 0; bucket < 64; bucket++) {
		type(&ui, "3G");
		for (int i = 0; i <= bucket; i++)
			type(&ui, "l");
		ui_key(&ui, '\r');
		if (ui.choice.bucket.from_ns > quantile_at(&m->end_to_end, 1))
			break;
		if (bucket && ui.layers.bucket < bucket)
			break; /* that was the last one again */
		all += ui.rows.count;
		assert_int_equal(ui.view, VIEW_LIST);
		type(&ui, "u");
	}
	assert_int_equal(all, 100);
	ui_free(&ui);
}

static void test_playing(void **state)
{
	struct ui ui;
	int steps = 0;

	(void)state;
	open_ui(&ui);
	type(&ui, "2 ");
	assert_true(ui.ladder.playing);
	for (; ui.ladder.playing && steps < 100000; steps++)
		assert_true(ui_tick(&ui, 10000000)); /* 10 ms */
	assert_true(steps > 10 && steps < 100000);
	assert_int_equal(ui.ladder.step, 32);
	type(&ui, " ++++"); /* again, sixteen times as fast */
	assert_int_equal(ui.ladder.step, 0);
	for (int fast = 0; ui.ladder.playing; fast++)
		assert_true(fast < steps / 8 && ui_tick(&ui, 10000000));
	type(&ui, "x");
	for (int step = 0; step < 33; step++)
		assert_true(ui.ladder.step >= 0);
	ui_free(&ui);
}

static void test_command(void **state)
{
	struct ui ui;
	char text[2048];

	(void)state;
	open_ui(&ui);
	type(&ui, "f--path '/item/1*'\r");
	type(&ui, "S");
	ui_command(&ui, text, sizeof(text));
	assert_non_null(strstr(text,
			       "--view list --reverse --filter '--path '\\''/item/1*'\\''' "
			       "--request "));
	assert_true(!strcmp(text + strlen(text) - 2, " x"));
	ui_free(&ui);
}

static void test_live_manners(void **state)
{
	struct ui ui;

	(void)state;
	open_ui(&ui);
	type(&ui, "z");
	assert_false(ui.frozen); /* a recording holds still anyway */
	ui.source.live = true;
	type(&ui, "z");
	assert_true(ui.frozen);
	type(&ui, "F");
	assert_true(ui.follow);
	assert_int_equal(ui.position, ui.rows.count - 1);
	type(&ui, "k");
	assert_false(ui.follow);
	type(&ui, "mjm");
	assert_int_equal(ui.mark_count, 2);
	type(&ui, "g'");
	assert_int_equal(ui.position, ui.rows.count - 2);
	type(&ui, "m");
	assert_int_equal(ui.mark_count, 1);
	ui_free(&ui);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keys),       cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_filter_box), cmocka_unit_test(test_cursor_stays),
		cmocka_unit_test(test_bucket),     cmocka_unit_test(test_playing),
		cmocka_unit_test(test_command),    cmocka_unit_test(test_live_manners),
	};

	return cmocka_run_group_tests(tests, make_model, free_model);
}
