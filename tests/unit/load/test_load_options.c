/* Unit tests of strata-load's command line and of what it makes of an URL. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bench/load/options.h"
#include "lib/err.h"

#define WORDS(...)                                      \
	((char *[]){"strata-load", __VA_ARGS__, NULL}), \
		sizeof((char *[]){"strata-load", __VA_ARGS__}) / sizeof(char *)

static int parse(struct load_options *o, char **words, int count)
{
	return options_parse(o, count, words);
}

static void test_defaults(void **state)
{
	struct load_options o;
	struct sockaddr_in *a = (void *)&o.address;

	(void)state;
	assert_int_equal(parse(&o, WORDS("http://10.77.0.2/")), 0);
	assert_int_equal(o.requests, 200);
	assert_int_equal(o.connections, 1);
	assert_int_equal(o.mode, MODE_KEEP_ALIVE);
	assert_string_equal(o.path, "/");
	assert_string_equal(o.host, "10.77.0.2");
	assert_int_equal(a->sin_family, AF_INET);
	assert_int_equal(ntohs(a->sin_port), 80);
	assert_int_equal(ntohl(a->sin_addr.s_addr), 0x0a4d0002);
}

static void test_urls(void **state)
{
	struct load_options o;
	struct sockaddr_in6 *a = (void *)&o.address;

	(void)state;
	assert_int_equal(parse(&o, WORDS("http://[fd00::2]:8080/a?b=c")), 0);
	assert_int_equal(a->sin6_family, AF_INET6);
	assert_int_equal(ntohs(a->sin6_port), 8080);
	assert_int_equal(a->sin6_addr.s6_addr[15], 2);
	assert_string_equal(o.host, "[fd00::2]:8080");
	assert_string_equal(o.path, "/a?b=c");

	assert_int_equal(parse(&o, WORDS("--path", "/b", "http://127.0.0.1:81")), 0);
	assert_string_equal(o.path, "/b");
}

static void test_values(void **state)
{
	struct load_options o;

	(void)state;
	assert_int_equal(
		parse(&o, WORDS("--requests", "3", "--connections=8", "--rate", "0.5",
				"--mixed", "--expect-sha256",
				"00ff000000000000000000000000000000000000000000000000000000"
				"0000AB",
				"http://[::1]/")),
		0);
	assert_int_equal(o.requests, 3);
	assert_int_equal(o.connections, 3); /* no more than there are requests */
	assert_true(o.rate == 0.5);
	assert_int_equal(o.mode, MODE_MIXED);
	assert_true(o.check_sha256);
	assert_int_equal(o.expect_sha256[1], 0xff);
	assert_int_equal(o.expect_sha256[31], 0xab);
}

static void test_wrong(void **state)
{
	static const struct {
		char *words[4];
		const char *why;
	} wrong[] = {
		{{"http://localhost/"}, "no IPv4 or IPv6 address"},
		{{"https://10.0.0.1/"}, "begins with"},
		{{"http:///"}, "no address"},
		{{"http://10.0.0.1:99999/"}, "no port"},
		{{"http://10.0.0.1:/"}, "no port"},
		{{"http://[::1/"}, "missing"},
		{{"http://[::1]x/"}, "what is"},
		{{"http://10.0.0.1/a b"}, "%20"},
		{{"http://10.0.0.1?a"}, "does not begin"},
		{{"--path", "x", "http://10.0.0.1/"}, "does not begin"},
		{{"--requests", "0", "http://10.0.0.1/"}, "a number from 1"},
		{{"--requests", "1.5", "http://10.0.0.1/"}, "a number"},
		{{"--requests", "ten", "http://10.0.0.1/"}, "a number"},
		{{"--rate", "nan", "http://10.0.0.1/"}, "a number"},
		{{"--new", "--mixed", "http://10.0.0.1/"}, "only one"},
		{{"--expect-sha256", "abc", "http://10.0.0.1/"}, "64 hexadecimal"},
		{{"--frobnicate", "http://10.0.0.1/"}, "unknown option"},
		{{"--requests"}, "needs a value"},
		{{"--json"}, "exactly one URL"},
		{{"http://10.0.0.1/", "http://10.0.0.2/"}, "exactly one URL"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		char *words[6] = {"strata-load"};
		struct load_options o;
		int count = 1;

		for (; wrong[i].words[count - 1]; count++)
			words[count] = wrong[i].words[count - 1];
		assert_int_equal(options_parse(&o, count, words), -1);
		if (!strstr(err_text(), wrong[i].why))
			fail_msg("\"%s\" says nothing of \"%s\"", err_text(), wrong[i].why);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_wrong),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
