/*
 * Every view as a screen, against screens that were looked at once and found good; no terminal
 * is needed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/offcpu.h"
#include "tests/unit/golden.h"
#include "tests/unit/synthetic_model.h"
#include "tui/export.h"
#include "tui/scheme.h"
#include "tui/ui.h"

static struct model *virtio, *vhost, *bad, *slow;
static struct versus *modes[3]; /* virtio beside emulated, vhost, passthrough */

static struct versus *beside(struct synthetic_options *o, enum strata_place place,
			     const char *name)
{
	struct model *other;
	struct versus *v;

	o->place = place;
	other = synthetic_model(o);
	v = versus_create(virtio, "a.strata", other, name);
	model_free(other);
	assert_non_null(v);
	return v;
}

static int make_models(void **state)
{
	struct synthetic_options o = {.seed = 1,
				      .place = PLACE_VIRTIO,
				      .requests = 240,
				      .connections = 4,
				      .per_connection = 10,
				      .reply_bytes = 615,
				      .guest_offset_ns = -123456789,
				      .vitals = true};
	const struct synthetic_options other = {.seed = 2,
						.place = PLACE_VHOST,
						.requests = 240,
						.connections = 4,
						.per_connection = 10,
						.reply_bytes = 615};
	const struct synthetic_options losing = {.seed = 2,
						 .place = PLACE_VIRTIO,
						 .requests = 60,
						 .ipv6 = true,
						 .reply_bytes = 20000,
						 .remote_client = true,
						 .lose_permille = 60,
						 .poll_permille = 600,
						 .misalign_ns = 40000};

	/* in one of fifty the VMM waits for a CPU */
	const struct synthetic_options delayed = {.seed = 5,
						  .place = PLACE_VIRTIO,
						  .requests = 1000,
						  .connections = 2,
						  .delay_hop = HOP_PORT_XMIT,
						  .delay_ns = 20000000,
						  .delay_permille = 20,
						  .delay_told = true,
						  .delay_off = OFF_VMM};

	(void)state;
	slow = synthetic_model(&delayed);
	virtio = synthetic_model(&o);
	vhost = synthetic_model(&other);
	bad = synthetic_model(&losing);
	o.vitals = false;
	modes[0] = beside(&o, PLACE_EMULATED, "emulated.strata");
	modes[1] = versus_create(virtio, "a.strata", vhost, "b.strata");
	modes[2] = beside(&o, PLACE_PASSTHROUGH, "passthrough.strata");
	return modes[1] ? 0 : -1;
}

static int free_models(void **state)
{
	(void)state;
	for (int i = 0; i < 3; i++)
		versus_free(modes[i]);
	model_free(virtio);
	model_free(vhost);
	model_free(bad);
	model_free(slow);
	return 0;
}

static void open_ui(struct ui *ui, struct model *m)
{
	ui_init(ui);
	snprintf(ui->source.name, sizeof(ui->source.name), "trace.strata");
	snprintf(ui->source.arguments, sizeof(ui->source.arguments), "trace.strata");
	assert_int_equal(ui_model(ui, m), 0);
}

/* Comparing takes its time: it is done once. */
static void put_beside(struct ui *ui, int from, int count)
{
	for (int i = 0; i < count; i++)
		ui->versus[ui->versus_count++] = modes[from + i];
}

static void close_ui(struct ui *ui)
{
	ui->versus_count = 0;
	ui_free(ui);
}

static struct bench *bench_at(const char *file)
{
	struct bench *b = bench_read(file);

	if (!b)
		fail_msg("%s", err_text());
	return b;
}

/* Keys as in tests of text editors: a character is a key. */
static void type(struct ui *ui, const char *keys)
{
	for (; *keys; keys++)
		ui_key(ui, (uint32_t)*keys);
}

enum looks { PLAIN, COLOUR, MONO };

static char *screen(struct ui *ui, int rows, int columns, bool utf8, enum looks looks)
{
	struct cells *c = cells_create(rows, columns, utf8);
	char *text;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	ui_draw(ui, c);
	if (looks == PLAIN)
		assert_int_equal(export_text(c, f), 0);
	else
		assert_int_equal(
			export_looks(c, &schemes[looks == MONO ? SCHEME_MONO : SCHEME_DARK], f),
			0);
	fclose(f);
	cells_free(c);
	return text;
}

static void compare(const char *name, const char *got)
{
	char file[128];

	snprintf(file, sizeof(file), "tui/%s.txt", name);
	golden_compare(file, got);
}

/* The keys that lead to each screen. */
static const struct {
	const char *name, *keys;
} screens[] = {
	{"list", "1jj"},      {"list-sorted", "1sssssSmjm"},
	{"ladder", "2jjjjj"}, {"ladder-slowest", "2x"},
	{"layers", "3j"},     {"layers-bucket", "3Glll"},
	{"hops", "3tjjj"},    {"vm", "5"},
	{"compare", "6"},     {"facts", "7"},
	{"bench", "8"},       {"help", "?"},
};

static void check_all(const char *suffix, int rows, int columns, bool utf8, enum looks looks)
{
	for (size_t i = 0; i < sizeof(screens) / sizeof(screens[0]); i++) {
		struct ui ui;
		char name[64], *text;

		open_ui(&ui, virtio);
		put_beside(&ui, 1, 1);
		ui.bench = bench_at("tests/golden/tui/bench.json");
		ui.bench->age_s = 2;
		free(screen(&ui, rows, columns, utf8, PLAIN)); /* keys follow what was seen */
		type(&ui, screens[i].keys);
		text = screen(&ui, rows, columns, utf8, looks);
		snprintf(name, sizeof(name), "%s-%s", screens[i].name, suffix);
		compare(name, text);
		free(text);
		close_ui(&ui);
	}
}

static void test_usual(void **state)
{
	(void)state;
	check_all("80x24", 24, 80, true, PLAIN);
}

static void test_wide(void **state)
{
	(void)state;
	check_all("200x60", 60, 200, true, PLAIN);
}

static void test_narrow(void **state)
{
	(void)state;
	check_all("40x10", 10, 40, true, PLAIN);
}

static void test_ascii(void **state)
{
	struct ui ui;

	(void)state;
	check_all("ascii", 24, 80, false, PLAIN);
	for (const char *view = "12345678?"; *view; view++) {
		char keys[] = {*view, '\0'}, *text;

		open_ui(&ui, virtio);
		type(&ui, keys);
		text = screen(&ui, 24, 80, false, PLAIN);
		for (const char *c = text; *c; c++)
			assert_true((unsigned char)*c < 0x80 && (*c >= ' ' || *c == '\n'));
		free(text);
		ui_free(&ui);
	}
}

static void test_colour(void **state)
{
	(void)state;
	check_all("colour", 24, 80, true, COLOUR);
}

static void test_mono(void **state)
{
	(void)state;
	check_all("mono", 24, 80, true, MONO);
}

/* Why it was slow: in all, and at the hop of one request. */
static void test_causes(void **state)
{
	static const struct {
		const char *name;
		int rows, columns;
	} sizes[] = {{"why-80x24", 24, 80}, {"why-40x10", 10, 40}, {"why-200x60", 60, 200}};
	const struct request *worst = &slow->requests[0];
	struct ui ui;
	char *text;

	(void)state;
	open_ui(&ui, slow);
	type(&ui, "4");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		text = screen(&ui, sizes[i].rows, sizes[i].columns, true, PLAIN);
		compare(sizes[i].name, text);
		free(text);
	}
	text = screen(&ui, 24, 80, true, COLOUR);
	compare("why-colour", text);
	free(text);
	text = screen(&ui, 24, 80, false, MONO);
	compare("why-mono-ascii", text);
	free(text);
	for (size_t i = 0; i < slow->request_count; i++)
		if (slow->requests[i].end_to_end_ns > worst->end_to_end_ns)
			worst = &slow->requests[i];
	assert_true(ui_choose(&ui, worst->number));
	assert_true(ui_step_to(&ui, HOP_PORT_XMIT));
	type(&ui, "2");
	text = screen(&ui, 50, 100, true, PLAIN);
	assert_non_null(strstr(text, "waiting for a CPU, which hog"));
	compare("why-ladder", text);
	free(text);
	type(&ui, "5");
	text = screen(&ui, 50, 100, true, PLAIN);
	compare("why-vm", text);
	free(text);
	ui_free(&ui);
}

/* One mode beside all others, in sizes; and one by one. */
static void test_modes(void **state)
{
	static const struct {
		const char *name, *keys;
		int rows, columns;
		bool utf8;
		enum looks looks;
	} sizes[] = {{"modes-80x24", "", 24, 80, true, PLAIN},
		     {"modes-40x10", "", 10, 40, true, PLAIN},
		     {"modes-200x60", "", 60, 200, true, PLAIN},
		     {"modes-colour", "", 24, 80, true, COLOUR},
		     {"modes-mono-ascii", "", 24, 80, false, MONO},
		     {"modes-second", "ll", 24, 100, true, PLAIN}};
	struct ui ui;

	(void)state;
	open_ui(&ui, virtio);
	put_beside(&ui, 0, 3);
	type(&ui, "6");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		char *text;

		type(&ui, sizes[i].keys);
		text = screen(&ui, sizes[i].rows, sizes[i].columns, sizes[i].utf8,
			      sizes[i].looks);
		compare(sizes[i].name, text);
		free(text);
	}
	close_ui(&ui);
}

/* A scenario that is over; a document alone, without a recording; one that is none. */
static void test_documents(void **state)
{
	struct ui ui;
	char *text;

	(void)state;
	ui_init(&ui);
	type(&ui, "8");
	text = screen(&ui, 24, 80, true, PLAIN);
	assert_non_null(strstr(text, "strata bench"));
	free(text);
	ui.bench = bench_at("tests/golden/tui/scenario.json");
	text = screen(&ui, 24, 80, true, PLAIN);
	compare("scenario-80x24", text);
	free(text);
	ui.bench->interrupted = true;
	text = screen(&ui, 24, 80, true, PLAIN);
	assert_non_null(strstr(text, "interrupted: "));
	free(text);
	ui_free(&ui);
	assert_null(bench_read("tests/golden/tui/list-80x24.txt"));
	assert_null(bench_read("tests/golden/tui"));
	assert_null(bench_read("/dev/zero"));
}

/* Losses, doubts and what nobody knows: in sight, and never a 0 that was not measured. */
static void test_losses(void **state)
{
	struct ui ui;
	char *text;

	(void)state;
	open_ui(&ui, bad);
	text = screen(&ui, 24, 80, true, PLAIN);
	assert_non_null(strstr(text, "tracing's cost: no data"));
	compare("losses-list", text);
	free(text);
	type(&ui, "j");
	ui_key(&ui, '\r');
	text = screen(&ui, 40, 80, true, PLAIN);
	compare("losses-ladder", text);
	free(text);
	type(&ui, "5");
	text = screen(&ui, 30, 80, true, PLAIN);
	assert_non_null(strstr(text, "no data"));
	free(text);
	ui_free(&ui);
}

static void test_too_small(void **state)
{
	struct ui ui;
	char *text;

	(void)state;
	open_ui(&ui, virtio);
	text = screen(&ui, 9, 39, true, PLAIN);
	assert_true(!strncmp(text, "too small\n39x9 of 40x10\n", 24));
	free(text);
	for (int rows = 1; rows < 30; rows += 3) /* any size at all */
		for (int columns = 1; columns < 220; columns += 9)
			for (const char *view = "12345678?"; *view; view++) {
				char keys[] = {*view, '\0'};

				type(&ui, keys);
				free(screen(&ui, rows, columns, true, PLAIN));
			}
	ui_free(&ui);
}

static void test_nothing(void **state)
{
	struct ui ui;
	char *text;

	(void)state;
	ui_init(&ui);
	snprintf(ui.source.error, sizeof(ui.source.error), "x.strata: not a strata recording");
	for (const char *keys = "12345678?\t\rjklhxn p+-/a\rfb\r"; *keys; keys++) {
		ui_key(&ui, (uint32_t)*keys);
		free(screen(&ui, 24, 80, true, PLAIN));
	}
	ui.view = VIEW_LIST;
	ui.help = false;
	text = screen(&ui, 24, 80, true, PLAIN);
	assert_non_null(strstr(text, "not a strata recording"));
	free(text);
	ui_free(&ui);
}

/* Every view's figures; doc->view and its lines are the screen's. */
static void test_json(void **state)
{
	static const char types[VIEWS] = {
		[VIEW_LIST] = 'a',  [VIEW_LADDER] = 'o', [VIEW_LAYERS] = 'o',
		[VIEW_WHY] = 'o',   [VIEW_VM] = 'o',     [VIEW_COMPARE] = 'a',
		[VIEW_FACTS] = 'o', [VIEW_BENCH] = 'o'};
	struct cells *c = cells_create(24, 80, true);
	struct ui ui;

	(void)state;
	open_ui(&ui, virtio);
	put_beside(&ui, 1, 1);
	ui.bench = bench_at("tests/golden/tui/bench.json");
	for (int view = 0; view < VIEWS; view++) {
		char *text;
		size_t bytes;
		FILE *f = open_memstream(&text, &bytes);
		json_t *doc, *data;

		ui.view = (enum view)view;
		ui_draw(&ui, c);
		assert_int_equal(export_json(&ui, c, f), 0);
		fclose(f);
		doc = json_loads(text, 0, NULL);
		assert_string_equal(json_string_value(json_object_get(doc, "schema")),
				    "strata.screen/1");
		assert_string_equal(json_string_value(json_object_get(doc, "view")),
				    view_name((enum view)view));
		assert_int_equal(json_array_size(json_object_get(doc, "lines")), 24);
		data = json_object_get(doc, "data");
		assert_true(types[view] == 'a' ? json_array_size(data) > 0
					       : json_object_size(data) > 0);
		json_decref(doc);
		free(text);
	}
	cells_free(c);
	close_ui(&ui);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_usual),     cmocka_unit_test(test_wide),
		cmocka_unit_test(test_narrow),    cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_colour),    cmocka_unit_test(test_mono),
		cmocka_unit_test(test_causes),    cmocka_unit_test(test_losses),
		cmocka_unit_test(test_too_small), cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_modes),     cmocka_unit_test(test_documents),
		cmocka_unit_test(test_json),
	};

	return cmocka_run_group_tests(tests, make_models, free_models);
}
