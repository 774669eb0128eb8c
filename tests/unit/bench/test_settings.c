/* Settings are changed for a session and put back, whatever way it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/suite/settings.h"
#include "lib/paths.h"

#define GOVERNOR "/sys/devices/system/cpu/cpu1/cpufreq/scaling_governor"
#define KSM      "/sys/kernel/mm/ksm/run"

static char root[64];

static void put(const char *file, const char *text)
{
	char path[200];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", root, file);
	*strrchr(path, '/') = '\0';
	assert_int_equal(path_make_folder(path), 0);
	path[strlen(path)] = '/';
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static bool is_now(const char *file, const char *text)
{
	char path[200], found[64] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", root, file);
	f = fopen(path, "re");
	assert_non_null(f);
	if (!fgets(found, sizeof(found), f))
		found[0] = '\0';
	fclose(f);
	found[strcspn(found, "\n")] = '\0';
	return !strcmp(found, text);
}

static int make_root(void **state)
{
	(void)state;
	strcpy(root, "/tmp/strata-settings-XXXXXX");
	if (!mkdtemp(root))
		return -1;
	put(GOVERNOR, "powersave\n");
	put(KSM, "1\n");
	return 0;
}

static int remove_root(void **state)
{
	char command[100];

	(void)state;
	snprintf(command, sizeof(command), "rm -r %s", root);
	return system(command);
}

static void changed_and_put_back(void **state)
{
	struct settings s;
	const json_t *first;

	(void)state;
	settings_apply(&s, root);
	assert_true(is_now(GOVERNOR, "performance"));
	assert_true(is_now(KSM, "0"));
	assert_int_equal(json_array_size(s.changed), 2);
	first = json_array_get(s.changed, 0);
	assert_string_equal(json_string_value(json_object_get(first, "before")), "powersave");
	assert_string_equal(json_string_value(json_object_get(first, "during")), "performance");
	settings_restore(&s);
	assert_true(is_now(GOVERNOR, "powersave"));
	assert_true(is_now(KSM, "1"));
	settings_free(&s);
}

static void what_is_right_stays(void **state)
{
	struct settings s;

	(void)state;
	put(GOVERNOR, "performance\n");
	put(KSM, "0\n");
	settings_apply(&s, root);
	assert_int_equal(json_array_size(s.changed), 0);
	settings_restore(&s);
	settings_free(&s);
	assert_true(is_now(GOVERNOR, "performance"));
}

static void put_back_after_a_kill(void **state)
{
	const struct timespec pause = {.tv_nsec = 5000000};
	struct settings s;
	pid_t child = fork();

	(void)state;
	if (!child) {
		settings_apply(&s, root);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(waitpid(child, NULL, 0), child);
	for (int i = 0; i < 2000 && !(is_now(GOVERNOR, "powersave") && is_now(KSM, "1")); i++)
		nanosleep(&pause, NULL);
	assert_true(is_now(GOVERNOR, "powersave"));
	assert_true(is_now(KSM, "1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(changed_and_put_back, make_root, remove_root),
		cmocka_unit_test_setup_teardown(what_is_right_stays, make_root, remove_root),
		cmocka_unit_test_setup_teardown(put_back_after_a_kill, make_root, remove_root),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
