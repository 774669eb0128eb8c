/* Monitors' files: what is refused, and what command line and configuration they become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/peers/monitor.h"
#include "bench/suite/subject.h"
#include "lib/err.h"

static char folder[64], path[100];

static int make_folder(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/strata-monitor-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/it.json", folder);
	return 0;
}

static int remove_folder(void **state)
{
	char command[200];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", folder);
	return system(command);
}

static int read_text(struct monitor *m, const char *text)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	for (const char *p = text; *p; p++)
		fputc(*p == '\'' ? '"' : *p, f);
	fclose(f);
	return monitor_read(m, path);
}

#define START "{'name': 'other', 'program': 'true', 'arguments': "

static void wrong_files_are_refused_with_file_and_key(void **state)
{
	static const struct {
		const char *text, *said;
	} rows[] = {
		{"{'name': 'a'", "line 1"},
		{"[]", "expected an object"},
		{"{'program': 'true', 'arguments': [], 'modes': {}}", "name is missing"},
		{"{'name': 'A b', 'program': 'true', 'arguments': [], 'modes': {}}", "name: "},
		{START "'-m 1', 'modes': {}}", "arguments: expected a list"},
		{START "['-m', 1], 'modes': {}}", "arguments: entry 2"},
		{START "['-m {memroy}'], 'modes': {}}", "arguments: {memroy}"},
		{START "[], 'modes': {}, 'kvm': 'yes'}", "kvm: expected true or false"},
		{START "[], 'modes': {}, 'console': 'tty'}", "console: expected"},
		{START "[], 'modes': {}, 'mode': {}}", "mode: there is no such key"},
		{START "[], 'modes': {'fast': {}}}", "modes.fast: expected none"},
		{START "[], 'modes': {'none': []}}", "modes.none: expected an object"},
		{START "[], 'modes': {'none': {'need': []}}}", "modes.none.need: there is no"},
		{START "[], 'modes': {'virtio': {'config': {'a': [{'b': '{tapp}'}]}}}}",
		 "modes.virtio.config: a: b: {tapp}"},
		{START "[], 'modes': {'none': {}, 'none': {}}}", "duplicate"},
	};
	struct monitor m;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(read_text(&m, rows[i].text), -1);
		if (!strstr(err_text(), path) || !strstr(err_text(), rows[i].said))
			fail_msg("%s: %s", rows[i].text, err_text());
	}
}

static const struct plan plan = {.memory_mib = 512,
				 .cpus = 2,
				 .kernel = "/k",
				 .append = "quiet ip=1",
				 .tap = "port3",
				 .card = "0000:01:00.0"};

static void placeholders_are_filled_in(void **state)
{
	const char *const *argv;
	struct words w = {0};
	struct plan p = plan;
	struct monitor m;

	(void)state;
	assert_int_equal(read_text(&m, START
				   "['-m {memory}M  -c {append}', '{'],"
				   "'modes': {'passthrough': {'arguments': "
				   "['-d host={card},{tap}'], 'drive': ['-e {drive}']}}}"),
			 0);
	assert_null(m.mode[MODE_NONE].name);
	assert_int_equal(monitor_command(&m, &m.mode[MODE_PASSTHROUGH], &p, &w), 0);
	argv = words_argv(&w);
	assert_int_equal(w.count, 8);
	assert_non_null(strstr(argv[0], "/true"));
	assert_string_equal(argv[2], "512M");
	assert_string_equal(argv[4], "quiet ip=1"); /* one word */
	assert_string_equal(argv[5], "{");
	assert_string_equal(argv[7], "host=0000:01:00.0,port3");
	words_free(&w);
	strcpy(p.drive, "0000:02:00.0");
	assert_int_equal(monitor_command(&m, &m.mode[MODE_PASSTHROUGH], &p, &w), 0);
	assert_string_equal(w.argv[9], "0000:02:00.0");
	words_free(&w);
	monitor_free(&m);
}

static void a_configuration_file_is_written(void **state)
{
	struct words w = {0};
	struct plan p = plan;
	struct monitor m;
	json_t *config;

	(void)state;
	snprintf(p.config, sizeof(p.config), "%s/config", folder);
	assert_int_equal(
		read_text(&m, START
			  "['--config {config}'], 'kvm': false, 'console': 'stdout',"
			  "'modes': {'virtio': {'config': {'machine': {'mib': '{memory}', "
			  "'cpus': '{cpus}'}, 'nets': [{'tap': '{tap}', 'ro': false}], "
			  "'args': 'reboot=k {append}'}}}}"),
		0);
	assert_false(m.kvm);
	assert_true(m.tells_on_stdout);
	assert_int_equal(monitor_command(&m, &m.mode[MODE_VIRTIO], &p, &w), 0);
	assert_string_equal(w.argv[2], p.config);
	config = json_load_file(p.config, 0, NULL);
	assert_non_null(config);
	assert_true(json_equal(config, json_pack("{s:{s:i,s:i},s:[{s:s,s:b}],s:s}", "machine",
						 "mib", 512, "cpus", 2, "nets", "tap", "port3",
						 "ro", 0, "args", "reboot=k quiet ip=1")));
	json_decref(config);
	words_free(&w);
	monitor_free(&m);
}

static void what_is_missing_is_said(void **state)
{
	struct monitor m;

	(void)state;
	assert_int_equal(
		read_text(&m, "{'name': 'a', 'program': 'no-such-program', 'arguments': [], "
			      "'modes': {'none': {}}}"),
		0);
	assert_non_null(strstr(monitor_missing(&m, &m.mode[MODE_NONE]), "no-such-program"));
	monitor_free(&m);
	assert_int_equal(
		read_text(&m, START "[], 'modes': {'none': {'needs': ['/no/such/device']}}}"),
		0);
	assert_non_null(strstr(monitor_missing(&m, &m.mode[MODE_NONE]), "/no/such/device"));
	monitor_free(&m);
}

/* Those that come with strata are whole, and one more is a subject like the others. */
static void files_become_subjects(void **state)
{
	static const char *const labels[] = {"strata:none",     "strata:passthrough",
					     "qemu-q35:vhost",  "qemu-microvm:virtio",
					     "qemu-tcg:virtio", "other:virtio"};
	struct subject_sources from = {.monitor = {path}, .monitors = 1};
	struct monitor m;
	char label[48];

	(void)state;
	assert_int_equal(read_text(&m, START "[], 'modes': {'virtio': {}}}"), 0);
	monitor_free(&m);
	assert_int_equal(subjects_load(&from), 0);
	for (size_t i = 0; i < sizeof(labels) / sizeof(*labels); i++) {
		unsigned int found = 0;

		for (unsigned int k = 0; k < subject_count; k++)
			found += !strcmp(subject_label(&subjects[k], label), labels[i]);
		if (found != 1)
			fail_msg("%s is there %u times", labels[i], found);
	}
	from.monitor[1] = path;
	from.monitors = 2;
	assert_int_equal(subjects_load(&from), -1);
	assert_non_null(strstr(err_text(), "another monitor of the name other"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(wrong_files_are_refused_with_file_and_key),
		cmocka_unit_test(placeholders_are_filled_in),
		cmocka_unit_test(a_configuration_file_is_written),
		cmocka_unit_test(what_is_missing_is_said),
		cmocka_unit_test(files_become_subjects),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
