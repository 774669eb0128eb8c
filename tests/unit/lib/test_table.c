/* Tables: widths of all alphabets, alignment, cutting, bars, and no colour into pipes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/table.h"

static const struct table_style plain = {.utf8 = true}, ascii = {.utf8 = false},
				colours = {.utf8 = true, .colour = true};

static void test_width(void **state)
{
	(void)state;
	assert_int_equal(table_width(""), 0);
	assert_int_equal(table_width("12.3 µs"), 7);
	assert_int_equal(table_width("e\xcc\x81"), 1);        /* combining accent */
	assert_int_equal(table_width("\xe6\x99\x82"), 2);     /* a wide character */
	assert_int_equal(table_width("\033[1mab\033[0m"), 2); /* colours take no room */
	assert_int_equal(table_width("\xff\xc3"), 2);         /* no UTF-8: a column a byte */
	assert_int_equal(table_width("a\033["), 1);           /* cut escape sequence */
}

static char *padded(struct table_style style, const char *text, size_t width, bool right)
{
	char *out;
	size_t bytes;
	FILE *f = open_memstream(&out, &bytes);

	table_pad(f, style, text, width, right);
	fclose(f);
	return out;
}

static void check_pad(struct table_style style, const char *text, size_t width, bool right,
		      const char *want)
{
	char *got = padded(style, text, width, right);

	assert_string_equal(got, want);
	free(got);
}

static void test_pad(void **state)
{
	(void)state;
	check_pad(plain, "µs", 4, false, "µs  ");
	check_pad(plain, "µs", 4, true, "  µs");
	check_pad(plain, "abcdef", 4, false, "abc…");
	check_pad(ascii, "abcdef", 4, false, "abc~");
	/* a wide character that does not fit leaves a blank */
	check_pad(plain, "a\xe6\x99\x82zz", 3, false, "a… ");
}

static void test_bar(void **state)
{
	char bar[64];

	(void)state;
	table_bar(bar, sizeof(bar), 1, 2, 8, true);
	assert_string_equal(bar, "████");
	table_bar(bar, sizeof(bar), 1, 2, 8, false);
	assert_string_equal(bar, "####");
	table_bar(bar, sizeof(bar), 0, 2, 8, true);
	assert_string_equal(bar, "");
	table_bar(bar, sizeof(bar), 1e-9, 2, 8, true);
	assert_string_equal(bar, "▏"); /* little is not nothing */
	table_bar(bar, sizeof(bar), 9, 2, 3, true);
	assert_string_equal(bar, "███");
	table_bar(bar, sizeof(bar), 1, 0, 3, true);
	assert_string_equal(bar, "");
}

static char *printed(struct table_style style, size_t max_width)
{
	static const struct table_column columns[] = {{.header = "hop", .shrink = 4},
						      {.header = "took", .right = true},
						      {.header = ""}};
	struct table *t = table_create(columns, 3);
	char *out;
	size_t bytes;
	FILE *f = open_memstream(&out, &bytes);

	table_cell(t, COLOUR_NONE, "%s", "client.send");
	table_cell(t, COLOUR_BOLD, "%s", "1.50 µs");
	table_cell(t, COLOUR_NONE, "%s", "██");
	table_rule(t);
	table_cell(t, COLOUR_NONE, "all");
	table_cell(t, COLOUR_NONE, "%d", 3);
	table_cell(t, COLOUR_NONE, "%s", "");
	assert_int_equal(table_print(t, f, style, max_width), 0);
	fclose(f);
	table_destroy(t);
	return out;
}

static void test_print(void **state)
{
	char *text = printed(plain, 0);

	(void)state;
	assert_string_equal(text, "hop             took\n"
				  "────────────────────────\n"
				  "client.send  1.50 µs  ██\n"
				  "────────────────────────\n"
				  "all                3\n");
	assert_null(strchr(text, '\033'));
	free(text);
	text = printed(plain, 20);
	assert_non_null(strstr(text, "client…  1.50 µs"));
	free(text);
	text = printed(colours, 0);
	assert_non_null(strstr(text, "\033[1m1.50 µs\033[0m"));
	free(text);
}

static void test_style(void **state)
{
	FILE *f = tmpfile();

	(void)state;
	setenv("LC_ALL", "C", 1);
	assert_false(table_style_of(f).utf8);
	setenv("LC_ALL", "en_US.UTF-8", 1);
	assert_true(table_style_of(f).utf8);
	assert_false(table_style_of(f).colour); /* no terminal */
	fclose(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_width), cmocka_unit_test(test_pad),
		cmocka_unit_test(test_bar),   cmocka_unit_test(test_print),
		cmocka_unit_test(test_style),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
