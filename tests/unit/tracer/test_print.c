/*
 * What people and programs see, against texts that were looked at once and found good.
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
#include "tracer/json.h"
#include "tracer/print.h"
#include "tracer/summary.h"

static const struct synthetic_options good = {.seed = 1,
					      .place = PLACE_VIRTIO,
					      .requests = 300,
					      .connections = 4,
					      .per_connection = 10,
					      .reply_bytes = 615,
					      .guest_offset_ns = -123456789,
					      .guest_drift = 1e-5};

static const struct synthetic_options bad = {.seed = 2,
					     .place = PLACE_VIRTIO,
					     .requests = 200,
					     .ipv6 = true,
					     .reply_bytes = 20000,
					     .remote_client = true,
					     .lose_permille = 10,
					     .poll_permille = 600,
					     .duplicate_permille = 50,
					     .misalign_ns = 40000};

/* What differs between the modes is the mode alone. */
#define ONE_AT_A_TIME .requests = 100, .per_connection = 10, .reply_bytes = 615

static const struct synthetic_options emulated = {
	.seed = 4, .place = PLACE_EMULATED, ONE_AT_A_TIME};
static const struct synthetic_options vhost = {.seed = 4, .place = PLACE_VHOST, ONE_AT_A_TIME};
static const struct synthetic_options passthrough = {
	.seed = 4, .place = PLACE_PASSTHROUGH, ONE_AT_A_TIME};
static const struct synthetic_options passthrough_remote = {
	.seed = 4, .place = PLACE_PASSTHROUGH, ONE_AT_A_TIME, .remote_client = true};

static const struct synthetic_options container = {
	.seed = 3, .place = PLACE_CONTAINER, .requests = 100, .connections = 2};

/* What held it up takes more words than a line has room for: no word of it is cut. */
static const struct synthetic_options held_up = {.seed = 5,
						 .place = PLACE_VIRTIO,
						 ONE_AT_A_TIME,
						 .delay_hop = HOP_PORT_XMIT,
						 .delay_ns = 20000000,
						 .delay_permille = 1000,
						 .delay_told = true,
						 .delay_off = OFF_VMM};

static char *report(struct model *m)
{
	char *text;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	assert_int_equal(print_report(m, f), 0);
	fclose(f);
	return text;
}

static void check_report(const char *name, const struct synthetic_options *o)
{
	struct model *m = synthetic_model(o);
	char *text = report(m);

	assert_null(strchr(text, '\033'));
	golden_compare(name, text);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		if (line[0] == ' ') /* rows of the ladder and the tables */
			assert_in_range(table_width(line), 1, PRINT_COLUMNS);
	free(text);
	model_free(m);
}

static void test_reports(void **state)
{
	(void)state;
	setenv("LC_ALL", "C.UTF-8", 1);
	check_report("trace-virtio.txt", &good);
	check_report("trace-emulated.txt", &emulated);
	check_report("trace-vhost.txt", &vhost);
	check_report("trace-passthrough.txt", &passthrough);
	check_report("trace-passthrough-remote.txt", &passthrough_remote);
	check_report("trace-container.txt", &container);
	check_report("trace-losses.txt", &bad);
	check_report("trace-held-up.txt", &held_up);
}

static void test_ascii(void **state)
{
	struct model *m = synthetic_model(&good);
	char *text;

	(void)state;
	setenv("LC_ALL", "C", 1);
	text = report(m);
	for (const char *c = text; *c; c++)
		assert_true((unsigned char)*c < 0x80);
	golden_compare("trace-virtio-ascii.txt", text);
	free(text);
	model_free(m);
}

static void test_colours(void **state)
{
	struct model *m = synthetic_model(&good);
	const struct table_style style = {.utf8 = true, .colour = true};
	char *text;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	(void)state;
	print_ladder(m, summary_typical(m), f, style);
	fclose(f);
	/* all that is switched on is switched off before the line ends */
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned int on = 0, off = 0;

		for (const char *c = line; (c = strchr(c, '\033')); c++)
			*(strncmp(c, "\033[0m", 4) ? &on : &off) += 1;
		assert_true((on > 0) == (off > 0));
		assert_in_range(table_width(line), 0, PRINT_COLUMNS);
	}
	free(text);
	model_free(m);
}

static void test_json(void **state)
{
	struct model *m = synthetic_model(&good);
	char *text;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	(void)state;
	assert_int_equal(json_report(m, NULL, f), 0);
	fclose(f);
	golden_compare("trace-virtio.json", text);
	free(text);
	model_free(m);
}

/* The keys of the schema, in their order. */
static void test_json_schema(void **state)
{
	static const char *const keys[] = {
		"schema",          "mode",     "switch",        "testbed", "requests",
		"events",          "clock",    "end_to_end_ns", "layers",  "hops",
		"unattributed_ns", "overhead", "environment"};
	const struct json_options with_requests = {.requests = true};
	struct model *m = synthetic_model(&bad);
	json_t *doc = json_document(m, &with_requests), *value;
	const char *key;
	size_t next = 0;

	(void)state;
	json_object_foreach (doc, key, value)
		if (next < 13 && !strcmp(key, keys[next]))
			next++;
	assert_int_equal(next, 13);
	assert_int_equal(json_array_size(json_object_get(doc, "requests_list")), 200);
	/* what was not measured is null, not 0 */
	assert_true(json_is_null(json_object_get(doc, "overhead")));
	json_decref(doc);
	model_free(m);
}

/* Who asked gave up: whatever was seen of it may not be all. */
static void test_command_failed(void **state)
{
	struct synthetic_options o = {.place = PLACE_VIRTIO, .requests = 5};
	struct model *m = synthetic_model(&o);
	char *text;
	json_t *doc;

	(void)state;
	json_object_set_new(m->meta, "command_failed",
			    json_string("exited with \x1b"
					"1"));
	text = report(m);
	doc = json_document(m, NULL);
	assert_non_null(strstr(text, "exited with ?1: it may not have asked all"));
	assert_string_equal(json_string_value(json_object_get(doc, "command_failed")),
			    "exited with \x1b"
			    "1");
	assert_null(json_object_get(json_object_get(doc, "requests"), "why_none"));
	free(text);
	json_decref(doc);
	model_free(m);
}

/* Nothing was traced: no figure is made up. */
static void test_nothing(void **state)
{
	struct synthetic_options o = {.place = PLACE_VIRTIO};
	struct model *m = synthetic_model(&o);
	json_t *doc = json_document(m, NULL);
	char *text = report(m);

	(void)state;
	assert_non_null(strstr(text, "No request was seen on the wire: nothing was sent"));
	assert_non_null(strstr(json_string_value(json_object_get(
				       json_object_get(doc, "requests"), "why_none")),
			       "nothing was sent"));
	assert_true(json_is_null(json_object_get(doc, "command_failed")));
	assert_true(
		json_is_null(json_object_get(json_object_get(doc, "end_to_end_ns"), "p50")));
	assert_null(summary_typical(m));
	free(text);
	json_decref(doc);
	model_free(m);
}

static void test_stream_fails(void **state)
{
	struct model *m = synthetic_model(&good);
	FILE *f = fopen("/dev/full", "w");

	(void)state;
	assert_int_equal(print_report(m, f), -1);
	fclose(f);
	f = fopen("/dev/full", "w");
	assert_int_equal(json_report(m, NULL, f), -1);
	fclose(f);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reports),        cmocka_unit_test(test_ascii),
		cmocka_unit_test(test_colours),        cmocka_unit_test(test_json),
		cmocka_unit_test(test_json_schema),    cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_command_failed), cmocka_unit_test(test_stream_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
