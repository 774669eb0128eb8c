/* What strata net makes of its command line: which plumbing, and what it refuses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "scenarios/net/options.h"

/* Split at spaces and parse, stderr aside. */
static int parse(struct net_options *o, const char *line)
{
	static char words[256];
	char *argv[32] = {"strata-net"}, *save = NULL;
	int argc = 1, result, err = dup(2);

	snprintf(words, sizeof(words), "%s", line);
	for (char *w = strtok_r(words, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	assert_non_null(freopen("/dev/null", "w", stderr));
	result = net_options_parse(o, argc, argv);
	fflush(stderr);
	dup2(err, 2);
	close(err);
	return result;
}

static void test_defaults(void **state)
{
	struct net_options o;

	(void)state;
	assert_int_equal(parse(&o, "up --name web"), 0);
	assert_int_equal(o.command, NET_UP);
	assert_string_equal(o.net.way, "bridge");
	assert_string_equal(o.net.bridge, "br0");
	assert_string_equal(o.net.tap, "web");
	assert_null(o.net.uplink);
	assert_int_equal(o.net.queues, 1);
	assert_int_equal(parse(&o, "up --name web --switch macvtap --uplink eth1"), 0);
	assert_string_equal(o.net.mode, "bridge");
	assert_null(o.net.bridge);
	assert_int_equal(parse(&o, "up --name nic --passthrough 0000:03:00.0"), 0);
	assert_null(o.net.way);
	assert_int_equal(parse(&o, "up --name f --vf 0 --of eth1 --vlan 7"), 0);
	assert_int_equal(o.net.vf, 0);
	assert_int_equal(parse(&o, "down web"), 0);
	assert_int_equal(o.command, NET_DOWN);
	assert_string_equal(o.net.name, "web");
	assert_int_equal(parse(&o, "down --all"), 0);
	assert_null(o.net.name);
	assert_int_equal(parse(&o, "show --json"), 0);
	assert_true(o.json);
	assert_int_equal(parse(&o, "show web"), 0);
	assert_string_equal(o.net.name, "web");
}

static void test_refused(void **state)
{
	static const char *const lines[] = {
		"sideways",
		"up",
		"up --name a/b",
		"up --name -x",
		"up --name 'a",
		"up --name web --tap sixteen-letters-",
		"up --name a-name-that-is-too-long-for-a-tap",
		"up --name web --vlan 0",
		"up --name web --vlan 4095",
		"up --name web --queues 0",
		"up --name web --queues 2x",
		"up --name web --switch hub",
		"up --name web --switch macvtap",
		"up --name web --switch macvtap --uplink eth1 --bridge br1",
		"up --name web --switch none --uplink eth1",
		"up --name web --mode vepa",
		"up --name web --mac 52:54:00:00:00:01",
		"up --name web --switch macvtap --uplink e --mac 52:54:00:00:00:1",
		"up --name web --passthrough 03:00.0",
		"up --name web --passthrough 0000:03:00.0 --vf 1 --of eth1",
		"up --name web --passthrough 0000:03:00.0 --uplink eth1",
		"up --name web --passthrough 0000:03:00.0 --vlan 3",
		"up --name web --vf 1",
		"up --name web --of eth1",
		"up --name web --json",
		"up --name web more",
		"down",
		"down web --all",
		"down web --force",
		"show --dry-run",
		"show a b",
	};
	struct net_options o;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		if (parse(&o, lines[i]) != -1)
			fail_msg("taken: %s", lines[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
