/* Scenarios are read as they are written, and what is wrong in one is told with its line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "scenarios/run/guest.h"
#include "scenarios/run/load.h"
#include "scenarios/run/scenario.h"
#include "scenarios/run/settings.h"

#define HEAD                                           \
	"schema: strata.scenario/1\n"                  \
	"name: it\n"                                   \
	"title: a test\n"                              \
	"vms:\n"                                       \
	"  - {name: victim, pin: [1], io: 0}\n"        \
	"  - {name: noisy, image: bench, disk: 64M}\n" \
	"load: {to: victim, rate: 40%}\n"
#define NOISE  "noise: {from: noisy, kind: cpu, strength: [25, 50, 100]}\n"
#define REMEDY "remedies: [{vm: noisy, set: cpu.weight, to: 1}]\n"
#define ALL    HEAD NOISE REMEDY

static struct scenario s;

static int parse(const char *text)
{
	return scenario_parse(&s, "it.yaml", text, strlen(text));
}

static void refused(const char *text, const char *why)
{
	assert_int_equal(parse(text), -1);
	if (!strstr(err_text(), why))
		fail_msg("said: %s\nexpected: %s", err_text(), why);
}

static void what_is_written_is_read(void **state)
{
	(void)state;
	assert_int_equal(parse(ALL "rounds: 5\nexpect: p99(noise) > p99(alone)\n"), 0);
	assert_string_equal(s.name, "it");
	assert_int_equal(s.vms, 2);
	assert_int_equal(s.vm[0].pin, 2);
	assert_int_equal(s.vm[0].io, 1);
	assert_string_equal(s.vm[0].image->name, "net");
	assert_string_equal(s.vm[1].memory, "512M");
	assert_int_equal(s.vm[1].disk_bytes, 64 << 20);
	assert_true(s.load.fraction > 0.39 && s.load.fraction < 0.41 && s.load.rate == 0);
	assert_int_equal(s.noise.strengths, 3);
	assert_int_equal(s.remedy[0].vm, 1);
	assert_int_equal(s.rounds, 5);
	assert_int_equal(s.cells, 4);
	assert_string_equal(s.cell[2].name, "noise+remedy");
	assert_true(s.cell[2].noise && s.cell[2].remedy);
}

static void cells_are_those_that_can_be(void **state)
{
	(void)state;
	assert_int_equal(parse(HEAD "expect: served(alone) > 0.5 * served(alone)\n"), 0);
	assert_int_equal(s.cells, 1);
	assert_int_equal(parse(HEAD NOISE "expect: wait(noise) > 1%\n"), 0);
	assert_int_equal(s.cells, 2);
	assert_int_equal(parse(ALL "cells: [{name: a}, {name: b, noise: true}]\n"
				   "expect: p50(b@25) < p50(b)\n"),
			 0);
	assert_int_equal(s.cells, 2);
	assert_int_equal(s.expect[0].left.strength, 25);
	assert_int_equal(s.expect[0].right.strength, -1);
}

static void errors_have_lines(void **state)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
		{"", "nothing in it"},
		{"a: [", "it.yaml:"},
		{"schema: strata.scenario/1\nname: it\nvmz: 1\n",
		 "it.yaml:3: a scenario has no key \"vmz\""},
		{"schema: strata.scenario/2\nname: it\ntitle: a\nvms: 1\nload: 1\nexpect: 1\n",
		 "it.yaml:1: schema"},
		{HEAD, "needs \"expect\""},
		{HEAD "expect: []\n", "the list is empty"},
		{HEAD "name: again\nexpect: 1\n", "twice"},
		{HEAD "load: {}\n", "twice"},
		{HEAD "rounds: 0\nexpect: 1\n", "it.yaml:8: \"0\": a number from 1 to 40"},
		{HEAD "rounds: -1\nexpect: 1\n", "it.yaml:8"},
		{HEAD "rounds: [1]\nexpect: 1\n", "a single value"},
		{HEAD "switch: hub\nexpect: 1\n", "bridge or ovs"},
		{HEAD "noise: {from: victim, kind: cpu, strength: 5}\nexpect: 1\n",
		 "needs a VM with image bench"},
		{HEAD "noise: {from: nobody, kind: cpu, strength: 5}\nexpect: 1\n",
		 "no VM \"nobody\""},
		{HEAD "noise: {from: noisy, kind: cpu, strength: [50, 25]}\nexpect: 1\n",
		 "from the smallest"},
		{HEAD "noise: {from: noisy, kind: cpu, strength: 101}\nexpect: 1\n",
		 "1 to 100"},
		{HEAD "noise: {from: noisy, kind: loud, strength: 1}\nexpect: 1\n",
		 "no noise \"loud\""},
		{HEAD
		 "noise: {from: noisy, kind: packets, strength: 1, to: noisy}\nexpect: 1\n",
		 "goes to another VM"},
		{HEAD "cells: [{name: a, noise: true}]\nexpect: 1\n", "wants noise"},
		{HEAD "cells: [{name: a}, {name: a}]\nexpect: 1\n", "two cells"},
		{HEAD "---\na: 1\n", "second document"},
		{"schema: strata.scenario/1\nname: it\n", "needs \"title\""},
		{"schema: strata.scenario/1\ntitle: a\nload: 1\nexpect: 1\nname: ../it\nvms: 1\n",
		 "it.yaml:5: \"../it\": a name"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		refused(wrong[i].text, wrong[i].why);
}

static void relations_are_of_one_unit(void **state)
{
	static const struct {
		const char *text, *why;
	} wrong[] = {
		{"p99(noise) > 5", "compare it with another cell"},
		{"p99(noise) > served(noise)", "different units"},
		{"p99(loud) > p99(noise)", "no cell \"loud\""},
		{"p98(noise) > p99(noise)", "no measure \"p98\""},
		{"p99(noise) > p99(alone) + 1", "what is \"+ 1\""},
		{"p99(noise) p99(alone)", "is expected"},
		{"5 < p99(noise)", "left side"},
		{"blame(noise).vm > noisy", "only = and !="},
		{"blame(noise).colour = red", "no measure \"blame\""},
		{"blame(noise).vm = 5", "a word, no number"},
		{"steal(noise) = noisy", "a number"},
		{"steal(noise@33) > 1%", "no strength 33"},
		{"p99(noise", "asked of a cell"},
	};
	char text[2000];

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
		snprintf(text, sizeof(text), "%sexpect:\n  - %s\n", ALL, wrong[i].text);
		refused(text, wrong[i].why);
		assert_non_null(strstr(err_text(), "it.yaml:11: "));
	}
}

/* ---- judging ---- */

static double number(void *ctx, const struct operand *o)
{
	(void)ctx;
	if (o->measure == MEASURE_STEAL)
		return o->cell ? 0.48 : NAN;
	return o->cell ? 3000 : 1000;
}

/* Of rounds that do not agree with their medians, for one measure. */
static double difference(void *ctx, const struct operand *left, const struct operand *right)
{
	if (left->measure == MEASURE_P50)
		return left->cell ? 1 : -1;
	return left->number * number(ctx, left) - right->number * number(ctx, right);
}

static const char *word(void *ctx, const struct operand *o)
{
	(void)ctx;
	return o->measure == MEASURE_BLAME_VM ? "noisy" : "";
}

static void relations_are_judged(void **state)
{
	static const struct {
		const char *text;
		enum expect_verdict verdict;
	} cases[] = {
		{"p99(noise) > p99(alone)", EXPECT_HOLDS},
		{"p99(noise) > 2.5 * p99(alone)", EXPECT_HOLDS},
		{"p50(noise) > p50(noise+remedy)", EXPECT_HOLDS},
		{"p50(alone) > p50(noise)", EXPECT_FAILS},
		{"p99(noise) > 3 * p99(alone)", EXPECT_FAILS},
		{"p99(noise) >= 3 * p99(alone)", EXPECT_HOLDS},
		{"0.3 * p99(noise) <= p99(alone)", EXPECT_HOLDS},
		{"p99(noise) = p99(noise+remedy)", EXPECT_HOLDS},
		{"p99(noise) != p99(noise+remedy)", EXPECT_FAILS},
		{"steal(noise) > 40%", EXPECT_HOLDS},
		{"steal(noise) < 0.4", EXPECT_FAILS},
		{"steal(alone) < 40%", EXPECT_UNKNOWN},
		{"blame(noise).vm = noisy", EXPECT_HOLDS},
		{"blame(noise).vm != noisy", EXPECT_FAILS},
		{"blame(noise).layer = hypervisor", EXPECT_UNKNOWN},
	};
	const struct expect_source source = {number, difference, word, NULL};
	struct expectation e;
	char said[100];

	(void)state;
	assert_int_equal(parse(ALL "expect: wait(noise) > 1%\n"), 0);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		if (expect_parse(&e, &s, cases[i].text))
			fail_msg("%s: %s", cases[i].text, err_text());
		if (expect_judge(&e, &source, said, sizeof(said)) != cases[i].verdict)
			fail_msg("%s: found %s", cases[i].text, said);
	}
}

static void settings_are_known(void **state)
{
	(void)state;
	assert_int_equal(parse(ALL "expect: wait(noise) > 1%\n"), 0);
	assert_int_equal(settings_check(&s, "it.yaml"), 0);
	assert_string_equal(setting_text(&s.remedy[0]).s, "cpu.weight (share)");
	assert_int_equal(parse(HEAD "remedies: [{vm: noisy, set: cpu.weight, to: heavy}]\n"
				    "expect: wait(alone) >= 0%\n"),
			 0);
	assert_int_equal(settings_check(&s, "it.yaml"), -1);
	assert_non_null(strstr(err_text(), "it.yaml:8: "));
}

static void a_path_names_vms_and_ports(void **state)
{
	uint16_t ports[LOAD_PORTS_MAX];

	(void)state;
	assert_int_equal(parse(ALL "expect: wait(noise) > 1%\n"), 0);
	assert_true(load_needs(&s, 0));
	assert_false(load_needs(&s, 1));
	assert_int_equal(load_ports(&s, ports), 0);
	strcpy(s.load.path,
	       "/via/@noisy:81/via/@victim/a/@noisy:81/@noisy:6379/@noisy:80/@noisyx:7");
	assert_true(load_needs(&s, 1));
	assert_int_equal(load_ports(&s, ports), 2);
	assert_int_equal(ports[0], 81);
	assert_int_equal(ports[1], 6379);
	strcpy(s.load.path, "/@noisyx/@victim:0/@victim:65536/@victim:/:9");
	assert_false(load_needs(&s, 1));
	assert_int_equal(load_ports(&s, ports), 0);
}

static void a_guests_word_is_checked(void **state)
{
	struct guest_time t;

	(void)state;
	assert_int_equal(guest_time_parse("cpu  10 1 20 500 3 4 5 60 0 0\ncpu0 1\n", &t), 0);
	assert_int_equal(t.all, 603);
	assert_int_equal(t.stolen, 60);
	assert_int_equal(guest_time_parse("cpu  10 1 20\n", &t), -1);
	assert_int_equal(guest_time_parse("", &t), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_is_read),
		cmocka_unit_test(cells_are_those_that_can_be),
		cmocka_unit_test(errors_have_lines),
		cmocka_unit_test(relations_are_of_one_unit),
		cmocka_unit_test(relations_are_judged),
		cmocka_unit_test(settings_are_known),
		cmocka_unit_test(a_path_names_vms_and_ports),
		cmocka_unit_test(a_guests_word_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
