/* Options of a command line, read by a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <getopt.h>

#include "lib/err.h"
#include "lib/options.h"

struct filled {
	bool set, cleared;
	const char *text, *taken;
	int whole;
	unsigned int count;
	uint64_t number;
	double real;
};

static struct filled f;

static int take(void *field, const char *name, char *value)
{
	assert_ptr_equal(field, &f.taken);
	assert_string_equal(name, "take");
	f.taken = value;
	return strcmp(value, "bad") ? 0 : err_set("--take bad: it is");
}

static int finish(void *field, const char *name, char *value)
{
	assert_ptr_equal(field, &f);
	(void)name;
	assert_null(value);
	return 1;
}

#define AT(field) offsetof(struct filled, field)
static const struct option_row rows[] = {
	OPTION(SET, "set", AT(set)),
	OPTION(CLEAR, "clear", AT(cleared)),
	OPTION(TEXT, "text", AT(text), .letter = 't'),
	OPTION(INT, "whole", AT(whole), 2, 10),
	OPTION(UNSIGNED, "count", AT(count), 1, 4000000000),
	OPTION(NUMBER, "number", AT(number), 0, UINT64_MAX),
	OPTION(REAL, "real", AT(real), .low = 0.5, .high = 2),
	OPTION(TAKE, "take", AT(taken), .take = take),
	OPTION(DO, "finish", .take = finish),
};
static const struct option_table table = OPTIONS(rows, "");
static const struct option_table command = OPTIONS(rows, "", .command = true);

static uint64_t given;

static int parse(const struct option_table *t, char *line)
{
	char *argv[16] = {"program"};
	int argc = 1;

	f = (struct filled){.cleared = true};
	given = 0;
	for (char *word = strtok(line, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	return options_read(t, &f, argc, argv, &given);
}
#define READ(t, text) parse(&(t), (char[]){text})

static void test_each_kind(void **state)
{
	(void)state;
	assert_int_equal(READ(table, "--set --clear --text=one --whole 10 --count 4000000000 "
				     "--number 18446744073709551615 --real 0.5 --take it"),
			 0);
	assert_true(f.set);
	assert_false(f.cleared);
	assert_string_equal(f.text, "one");
	assert_int_equal(f.whole, 10);
	assert_int_equal(f.count, 4000000000);
	assert_true(f.number == UINT64_MAX);
	assert_true(f.real == 0.5);
	assert_string_equal(f.taken, "it");
	assert_int_equal(given, 0xff);
	assert_int_equal(optind, 14);
}

static void test_letters_and_abbreviations(void **state)
{
	(void)state;
	assert_int_equal(READ(table, "-t one"), 0);
	assert_string_equal(f.text, "one");
	assert_int_equal(READ(table, "--wh 3"), 0);
	assert_int_equal(f.whole, 3);
	assert_int_equal(given, 1 << 3);
}

static void test_operands(void **state)
{
	(void)state;
	assert_int_equal(READ(table, "one --set two"), 0);
	assert_int_equal(optind, 2);
	assert_true(f.set);
	assert_int_equal(READ(command, "--clear run --set two"), 0);
	assert_int_equal(optind, 2);
	assert_false(f.set);
	assert_int_equal(READ(table, "-- --set"), 0);
	assert_int_equal(optind, 2);
	assert_false(f.set);
}

static void test_the_end(void **state)
{
	(void)state;
	assert_int_equal(READ(table, "--finish --whole x"), 1);
}

static void wrong(char *line, const char *sentence)
{
	assert_int_equal(parse(&table, line), -1);
	assert_string_equal(err_text(), sentence);
}

static void test_wrong(void **state)
{
	(void)state;
	wrong((char[]){"--frobnicate"}, "unknown option \"--frobnicate\"");
	wrong((char[]){"-x"}, "unknown option \"-x\"");
	wrong((char[]){"-xyz"}, "unknown option \"-x\"");
	wrong((char[]){"-t"}, "-t needs a value");
	wrong((char[]){"--text"}, "--text needs a value");
	wrong((char[]){"--set=1"}, "--set=1: this option takes no value");
	wrong((char[]){"--whole 1"}, "--whole 1: a number from 2 to 10 is needed");
	wrong((char[]){"--whole 11"}, "--whole 11: a number from 2 to 10 is needed");
	wrong((char[]){"--real x"}, "--real x: a number from 0.5 to 2 is needed");
	wrong((char[]){"--take bad"}, "--take bad: it is");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind),
		cmocka_unit_test(test_letters_and_abbreviations),
		cmocka_unit_test(test_operands),
		cmocka_unit_test(test_the_end),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
