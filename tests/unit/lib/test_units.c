/* Units: rounding where the unit changes, and durations of every spelling. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/units.h"

static void test_ns(void **state)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{0, "0 ns"},
		{999, "999 ns"},
		{1000, "1.00 µs"},
		{9994, "9.99 µs"},
		{9995, "10.0 µs"},
		{99949, "99.9 µs"},
		{99950, "100 µs"},
		{999499, "999 µs"},
		{999500, "1.00 ms"},
		{1234567, "1.23 ms"},
		{999500000, "1.00 s"},
		{12345678901, "12.3 s"},
		{3600000000000, "3600 s"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_string_equal(units_ns(cases[i].ns, true).s, cases[i].text);
	assert_string_equal(units_ns(1500, false).s, "1.50 us");
	/* the largest there is fits */
	assert_string_equal(units_ns(UINT64_MAX, true).s, "18446744074 s");
}

static void test_count_and_bytes(void **state)
{
	(void)state;
	assert_string_equal(units_count(0).s, "0");
	assert_string_equal(units_count(999).s, "999");
	assert_string_equal(units_count(1000).s, "1,000");
	assert_string_equal(units_count(UINT64_MAX).s, "18,446,744,073,709,551,615");
	assert_string_equal(units_bytes(1).s, "1 byte");
	assert_string_equal(units_bytes(1023).s, "1023 bytes");
	assert_string_equal(units_bytes(1536).s, "1.50 KiB");
	assert_string_equal(units_bytes(12u << 20).s, "12.0 MiB");
}

static void test_parse(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"0", 0},
		{"250ms", 250000000},
		{"1.5s", 1500000000},
		{"10 us", 10000},
		{"10µs", 10000},
		{"7ns", 7},
		{"2m", 120000000000},
		{"2min", 120000000000},
		{"1h", 3600000000000},
		{"3", 3000000000},
		{".5s", 500000000},
	};
	static const char *const bad[] = {"",    "s",    "-1s", "1 fortnight", "1e300s",
					  "nan", "infs", "0x",  "1s 2s"};
	uint64_t ns;

	(void)state;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_int_equal(units_parse_ns(good[i].text, &ns), 0);
		assert_int_equal(ns, good[i].ns);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		err_set("%s", "");
		assert_int_equal(units_parse_ns(bad[i], &ns), -1);
		assert_true(err_text()[0]);
	}
}

static void test_parse_bytes(void **state)
{
	uint64_t n = 7;

	(void)state;
	assert_int_equal(units_parse_bytes("4096", &n), 0);
	assert_int_equal(n, 4096);
	assert_int_equal(units_parse_bytes("64M", &n), 0);
	assert_int_equal(n, 64 << 20);
	assert_int_equal(units_parse_bytes("3T", &n), 0);
	assert_int_equal(n, 3ull << 40);
	assert_int_equal(units_parse_bytes("", &n), -1);
	assert_int_equal(units_parse_bytes("0", &n), -1);
	assert_int_equal(units_parse_bytes("-1", &n), -1);
	assert_int_equal(units_parse_bytes("1MB", &n), -1);
	assert_int_equal(units_parse_bytes("99999999999G", &n), -1);
	assert_int_equal(n, 3ull << 40);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_bytes),
		cmocka_unit_test(test_ns),
		cmocka_unit_test(test_count_and_bytes),
		cmocka_unit_test(test_parse),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
