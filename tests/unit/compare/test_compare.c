/* What strata compare makes of its command line and of its samples. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <math.h>

#include "scenarios/compare/judge.h"
#include "scenarios/compare/report.h"

/* ---- options ---- */

static int parse(struct compare_options *o, const char *line)
{
	static char words[256];
	char *argv[32] = {"strata-compare"}, *save = NULL;
	int argc = 1, result, err = dup(2);

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	assert_non_null(freopen("/dev/null", "w", stderr));
	optind = 0;
	result = compare_options_parse(o, argc, argv);
	fflush(stderr);
	dup2(err, 2);
	close(err);
	return result;
}

static void test_options(void **state)
{
	struct compare_options o;

	(void)state;
	assert_int_equal(parse(&o, ""), 0);
	assert_int_equal(o.mode_count, 4);
	assert_int_equal(o.baseline, PLACE_EMULATED);
	assert_int_equal(parse(&o, "virtio bare --baseline bare --seed 0x10 --no-twin"), 0);
	assert_int_equal(o.mode_count, 2);
	assert_int_equal(o.baseline, PLACE_BARE);
	assert_int_equal(o.seed, 16);
	assert_false(o.twin);
	assert_int_equal(parse(&o, "--quick virtio bare"), 0);
	assert_int_equal(o.rounds, 6);
}

static void test_options_refused(void **state)
{
	static const char *const lines[] = {
		"virtio",
		"virtio virtio",
		"virtio sideways",
		"virtio bare --baseline vhost",
		"virtio bare --rounds 1",
		"virtio bare --rounds 101",
		"virtio bare --requests x",
		"virtio bare --seed -1",
		"virtio bare --path slow",
		"virtio bare --sideways",
	};
	struct compare_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (parse(&o, lines[i]) != -1)
			fail_msg("taken: %s", lines[i]);
}

/* ---- samples ---- */

static const char trace[] =
	"{\"layers\":[{\"layer\":\"vm\",\"direction\":\"request\"}],\"requests_list\":["
	"{\"end_to_end_ns\":100,\"unattributed_ns\":1,\"layers_ns\":{\"vm\":{\"request\":10,"
	"\"reply\":3}},\"exits\":{\"msr\":2,\"halt\":1},\"interrupts\":1},"
	"{\"end_to_end_ns\":null,\"unattributed_ns\":null,\"layers_ns\":null},"
	"{\"end_to_end_ns\":300,\"unattributed_ns\":0,\"layers_ns\":{\"vm\":{\"request\":30,"
	"\"reply\":4}},\"exits\":{},\"interrupts\":2}]}";

static const struct row *row_named(const char *name)
{
	for (int i = 0; i < ROWS; i++)
		if (!strcmp(compare_rows[i].name, name))
			return &compare_rows[i];
	fail_msg("no row %s", name);
	return NULL;
}

static void expect_row(const char *name, size_t n, double figure)
{
	json_t *document = json_loads(trace, 0, NULL);
	struct sample_set s;

	assert_int_equal(row_from_trace(row_named(name), document, &s), 0);
	assert_int_equal(s.n, n);
	if (n)
		assert_true(row_figure(row_named(name), &s) == figure);
	else
		assert_true(isnan(row_figure(row_named(name), &s)));
	samples_free(&s);
	json_decref(document);
}

static void test_rows(void **state)
{
	(void)state;
	expect_row("request_vm", 2, 20); /* a median of two */
	expect_row("reply_vm", 0, 0);    /* that layer is not here: none, not zero */
	expect_row("request_hypervisor", 0, 0);
	expect_row("end_to_end", 2, 200);
	expect_row("unattributed", 2, 0.5);
	expect_row("exits", 2, 1.5); /* a mean of 3 and 0 */
	expect_row("interrupts", 2, 1.5);
}

/* ---- judgement ---- */

/* A study of two modes and a twin; every block of arm a gives base[a] and a little more. */
static struct study *make_study(const struct compare_options *o, const double *base)
{
	struct study *s = malloc(sizeof(*s));

	study_plan(s, o, NULL);
	s->rounds = o->rounds;
	for (int i = 0; i < s->arms; i++) {
		s->arm[i].requests = 1;
		for (int round = 0; round < s->rounds; round++)
			for (int row = 0; row < ROWS - 1; row++)
				assert_int_equal(row_single(base[i] + (round * 7 + i) % 5,
							    &s->arm[i].samples[row][round]),
						 0);
	}
	return s;
}

static void test_judge(void **state)
{
	/* the second is slower, its twin as slow as the first's */
	const double base[] = {1000, 1200, 1001};
	struct judgements *j = malloc(sizeof(*j));
	struct compare_options o;
	struct study *s;

	(void)state;
	assert_int_equal(parse(&o, "virtio vhost --seed 1 --rounds 8"), 0);
	s = make_study(&o, base);
	assert_int_equal(s->arms, 3);
	assert_int_equal(s->arm[2].twin_of, 0);
	judge(j, s);
	assert_int_equal(j->of[0][0].verdict, VERDICT_NONE);
	assert_int_equal(j->of[1][0].verdict, VERDICT_MORE);
	assert_int_equal(j->of[2][0].verdict, VERDICT_SAME);
	assert_true(j->of[1][0].p_holm >= j->of[1][0].p && j->of[1][0].p_holm < 0.05);
	assert_true(j->of[1][0].ratio > 1.19 && j->of[1][0].ratio < 1.21);
	assert_true(j->of[0][0].interval.low <= j->of[0][0].median &&
		    j->of[0][0].median <= j->of[0][0].interval.high);
	assert_int_equal(j->twin_rows, ROWS - 1);
	assert_int_equal(j->twin_rows_differing, 0);
	/* the last row has no samples: nothing is said of it */
	assert_int_equal(j->of[1][ROWS - 1].verdict, VERDICT_NONE);
	assert_true(isnan(j->of[1][ROWS - 1].median));
	study_free(s);
	free(s);
	free(j);
}

/* However sure, a difference no larger than that of twins is none. */
static void test_judge_twins(void **state)
{
	const double base[] = {1000, 1200, 1250};
	struct judgements *j = malloc(sizeof(*j));
	struct compare_options o;
	struct study *s;

	(void)state;
	assert_int_equal(parse(&o, "virtio vhost --seed 1 --rounds 8"), 0);
	s = make_study(&o, base);
	judge(j, s);
	assert_int_equal(j->of[1][0].verdict, VERDICT_SAME);
	assert_true(j->of[1][0].p_holm < 0.05);
	assert_true(j->of[1][0].floor > 240);
	/* but the twins themselves are told apart, which is said */
	assert_int_equal(j->twin_rows_differing, ROWS - 1);
	study_free(s);
	free(s);
	free(j);
}

/* Too few blocks to tell anything. */
static void test_judge_two_rounds(void **state)
{
	const double base[] = {1000, 5000, 1000};
	struct judgements *j = malloc(sizeof(*j));
	struct compare_options o;
	struct study *s;

	(void)state;
	assert_int_equal(parse(&o, "virtio vhost --seed 1 --rounds 2"), 0);
	s = make_study(&o, base);
	judge(j, s);
	assert_int_equal(j->of[1][0].verdict, VERDICT_SAME);
	assert_true(j->of[1][0].p > 0.3);
	study_free(s);
	free(s);
	free(j);
}

static void test_document(void **state)
{
	const double base[] = {1000, 1200, 1001};
	struct judgements *j = malloc(sizeof(*j));
	struct compare_options o;
	json_t *document, *row, *cell;
	struct study *s;

	(void)state;
	assert_int_equal(parse(&o, "virtio vhost --seed 1 --rounds 8"), 0);
	s = make_study(&o, base);
	judge(j, s);
	document = report_json(s, j);
	assert_non_null(document);
	assert_string_equal(json_string_value(json_object_get(document, "schema")),
			    "strata.compare/1");
	row = json_array_get(json_object_get(document, "rows"), 0);
	cell = json_array_get(json_object_get(row, "modes"), 1);
	assert_string_equal(json_string_value(json_object_get(cell, "verdict")), "more");
	assert_int_equal(json_array_size(json_object_get(cell, "samples")), 8);
	assert_true(json_is_null(json_object_get(
		json_array_get(json_object_get(json_array_get(json_object_get(document, "rows"),
							      ROWS - 1),
					       "modes"),
			       0),
		"median")));
	json_decref(document);
	study_free(s);
	free(s);
	free(j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options),     cmocka_unit_test(test_options_refused),
		cmocka_unit_test(test_rows),        cmocka_unit_test(test_judge),
		cmocka_unit_test(test_judge_twins), cmocka_unit_test(test_judge_two_rounds),
		cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
