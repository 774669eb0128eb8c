/* The agent without a kernel to probe: requests, shared memory, the ring's protocol. */
#include "tests/unit/vmm/cmocka.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "probes/agent/memory.h"
#include "probes/agent/service.h"
#include "probes/agent/survey.h"

static void requests_are_understood(void **state)
{
	struct survey s;

	(void)state;
	assert_int_equal(survey_request(&s, "{\"ports\":[80,8080],\"domain\":2,\"vm\":3,"
					    "\"stats\":true,\"no_fentry\":true,"
					    "\"capture\":true}"),
			 0);
	assert_int_equal(s.config.port_count, 2);
	assert_int_equal(s.config.ports[1], 8080);
	assert_int_equal(s.config.domain, 2);
	assert_int_equal(s.config.devices[0].vm, 3);
	assert_true(s.config.stats);
	assert_true(s.config.no_fentry);
	assert_true(s.capture);
	assert_false(s.config.clients);
}

static void bad_requests_are_refused(void **state)
{
	static const struct {
		const char *request, *sentence;
	} bad[] = {
		{"", "no JSON"},
		{"{\"ports\":[80]", "no JSON"},
		{"[]", "names no \"ports\""},
		{"{\"domain\":1}", "names no \"ports\""},
		{"{\"ports\":[],\"domain\":1}", "names 0 ports"},
		{"{\"ports\":[1,2,3,4,5,6,7,8,9],\"domain\":1}", "names 9 ports"},
		{"{\"ports\":[65536],\"domain\":1}", "ports[0] is no TCP port"},
		{"{\"ports\":[80,\"x\"],\"domain\":1}", "ports[1] is no TCP port"},
		{"{\"ports\":[80]}", "domain is 0"},
		{"{\"ports\":[80],\"domain\":256}", "domain is 256"},
	};
	struct survey s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(survey_request(&s, bad[i].request), -1);
		if (!strstr(err_text(), bad[i].sentence))
			fail_msg("%s: %s", bad[i].request, err_text());
	}
}

static void write_file(const char *dir, const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void remove_tree(const char *dir)
{
	char command[300];

	snprintf(command, sizeof(command), "rm -r '%s'", dir);
	assert_int_equal(system(command), 0);
}

/* Two devices as sysfs shows them; the second is the one. */
static void the_device_is_found(void **state)
{
	char dir[] = "/tmp/strata-test-XXXXXX", other[80], ours[64], text[64] = "";
	struct memory m;
	FILE *f;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(memory_find(&m, dir), -1);
	assert_non_null(strstr(err_text(), "no ivshmem device"));
	snprintf(other, sizeof(other), "%s/0000:00:01.0", dir);
	snprintf(ours, sizeof(ours), "%s/0000:00:02.0", dir);
	assert_int_equal(mkdir(other, 0700) | mkdir(ours, 0700), 0);
	write_file(other, "vendor", "0x1af4\n");
	write_file(other, "device", "0x1041\n");
	write_file(ours, "vendor", "0x1af4\n");
	write_file(ours, "device", "0x1110\n");
	write_file(ours, "enable", "0\n");
	assert_int_equal(memory_find(&m, dir), -1); /* its BAR is not there */
	assert_non_null(strstr(err_text(), "resource2"));
	write_file(ours, "resource2", "");
	assert_int_equal(memory_find(&m, dir), -1);
	assert_non_null(strstr(err_text(), "is empty"));
	write_file(ours, "resource2", "some bytes");
	assert_int_equal(memory_find(&m, dir), 0);
	assert_int_equal(m.size, 10);
	memory_close(&m);
	snprintf(other, sizeof(other), "%s/enable", ours);
	f = fopen(other, "r");
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_int_equal(text[0], '1'); /* or its BARs would not answer */
	assert_int_equal(memory_find(&m, "/nonexistent"), -1);
	remove_tree(dir);
}

static void small_memory_is_refused(void **state)
{
	static char memory[8192] __attribute__((aligned(4096)));
	struct service s;

	(void)state;
	assert_int_equal(service_create(&s, memory, sizeof(memory)), -1);
	assert_non_null(strstr(err_text(), "8192 bytes"));
}

/* A request that cannot be served: said once, and again only if it is asked again. */
static void a_failure_is_answered(void **state)
{
	static char memory[1 << 20] __attribute__((aligned(4096)));
	char text[RING_NOTE_BYTES / 2];
	struct service s;
	struct ring host;
	uint32_t generation;

	(void)state;
	assert_int_equal(service_create(&s, memory, sizeof(memory)), 0);
	assert_int_equal(ring_attach(&host, memory, sizeof(memory)), 0);
	service_turn(&s);
	assert_false(watch_is_open(&s.watch));
	generation = ring_start(&host, "{\"ports\":[]}");
	assert_int_equal(ring_state(&host, generation, NULL, 0), RING_IDLE);
	service_turn(&s);
	assert_int_equal(ring_state(&host, generation, text, sizeof(text)), RING_FAILED);
	assert_string_equal(text,
			    "{\"error\":\"the request names 0 ports; 1 to 8 are possible\"}");
	memset(s.ring.header->answer, 0, sizeof(s.ring.header->answer));
	service_turn(&s);
	assert_int_equal(s.ring.header->answer[0], 0);
	ring_stop(&host);
	service_turn(&s);
	generation = ring_start(&host, "{}");
	service_turn(&s);
	assert_int_equal(ring_state(&host, generation, text, sizeof(text)), RING_FAILED);
	assert_non_null(strstr(text, "names no"));
	service_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_understood),
		cmocka_unit_test(bad_requests_are_refused),
		cmocka_unit_test(the_device_is_found),
		cmocka_unit_test(small_memory_is_refused),
		cmocka_unit_test(a_failure_is_answered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
