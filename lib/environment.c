/* The environment of a measurement: see environment.h. */
#include "lib/environment.h"

#include <dirent.h>
#include <gnu/libc-version.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "lib/now.h"
#include "lib/proc.h"
#include "lib/version.h"

#define GIT_MS 5000

bool environment_is_testbed(void)
{
	const char *v = getenv("STRATA_TESTBED");

	return v && *v;
}

/* The first line of a file, without its end; null if it cannot be read. */
static json_t *first_line(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[4096]; /* /proc/cmdline is up to 2048 */
	json_t *text = NULL;

	if (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		text = json_string(line);
	}
	if (f)
		fclose(f);
	return text ? text : json_null();
}

/* The value of the first "key : value" line of /proc/cpuinfo. */
static json_t *cpuinfo(const char *key)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[4096];
	json_t *text = NULL;

	while (f && !text && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (!colon || strncmp(line, key, strlen(key)))
			continue;
		colon += 1 + (colon[1] == ' ');
		colon[strcspn(colon, "\n")] = '\0';
		text = json_string(colon);
	}
	if (f)
		fclose(f);
	return text ? text : json_null();
}

/* Files whose first line is a setting that moves latencies. */
static const struct {
	const char *key, *path;
} settings[] = {
	{"clocksource", "/sys/devices/system/clocksource/clocksource0/current_clocksource"},
	{"kernel_command_line", "/proc/cmdline"},
	{"governor", "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor"},
	{"transparent_hugepage", "/sys/kernel/mm/transparent_hugepage/enabled"},
	{"ksm", "/sys/kernel/mm/ksm/run"},
	{"kvm_halt_poll_ns", "/sys/module/kvm/parameters/halt_poll_ns"},
	{"load_average", "/proc/loadavg"},
	{"transparent_hugepage_defrag", "/sys/kernel/mm/transparent_hugepage/defrag"},
	{"idle_driver", "/sys/devices/system/cpu/cpuidle/current_driver"},
	{"idle_governor", "/sys/devices/system/cpu/cpuidle/current_governor"},
	{"no_turbo", "/sys/devices/system/cpu/intel_pstate/no_turbo"},
	{"smt", "/sys/devices/system/cpu/smt/control"},
	{"numa_balancing", "/proc/sys/kernel/numa_balancing"},
	{"nmi_watchdog", "/proc/sys/kernel/nmi_watchdog"},
	{"swappiness", "/proc/sys/vm/swappiness"},
};

/* Folders whose files are settings of one line each. */
static const struct {
	const char *key, *path;
} folders[] = {
	{"mitigations", "/sys/devices/system/cpu/vulnerabilities"},
	{"kvm_parameters", "/sys/module/kvm/parameters"},
	{"kvm_intel_parameters", "/sys/module/kvm_intel/parameters"},
	{"kvm_amd_parameters", "/sys/module/kvm_amd/parameters"},
	{"vhost_parameters", "/sys/module/vhost/parameters"},
};

/* An object; null if there is no such folder. */
static json_t *files_of(const char *folder)
{
	char path[PATH_MAX];
	struct dirent **names;
	json_t *o;
	int n = scandir(folder, &names, NULL, alphasort);

	if (n < 0)
		return json_null();
	o = json_object();
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (names[i]->d_name[0] != '.')
			json_object_set_new(o, names[i]->d_name, first_line(path));
		free(names[i]);
	}
	free(names);
	return o;
}

/* What git says of the tree that this program lies in; null if it lies in none. */
static json_t *commit(void)
{
	char program[PATH_MAX], *text = NULL;
	const char *argv[] = {"git",     "-C",          program,       "describe", "--always",
			      "--dirty", "--abbrev=40", "--exclude=*", NULL};
	ssize_t n = readlink("/proc/self/exe", program, sizeof(program) - 1);
	json_t *result = json_null();

	if (n <= 0)
		return result;
	program[n] = '\0';
	*strrchr(program, '/') = '\0';
	if (!proc_run(argv, NULL, GIT_MS, &text)) {
		text[strcspn(text, "\n")] = '\0';
		result = json_string(text);
	}
	free(text);
	return result;
}

json_t *environment_capture(void)
{
	struct utsname u;
	struct sysinfo si;
	json_t *e = json_object();
	char now[NOW_UTC_MAX];

	json_object_set_new(e, "time", json_string(now_utc(now)));
	json_object_set_new(e, "strata", json_string(STRATA_VERSION));
	json_object_set_new(e, "commit", commit());
	json_object_set_new(e, "compiler", json_string("gcc " __VERSION__));
	json_object_set_new(e, "libc", json_string(gnu_get_libc_version()));
	json_object_set_new(e, "testbed", json_boolean(environment_is_testbed()));
	if (!uname(&u)) {
		json_object_set_new(e, "kernel", json_string(u.release));
		json_object_set_new(e, "kernel_version", json_string(u.version));
	}
	json_object_set_new(e, "cpu", cpuinfo("model name"));
	json_object_set_new(e, "microcode", cpuinfo("microcode"));
	json_object_set_new(e, "cpus", json_integer(sysconf(_SC_NPROCESSORS_ONLN)));
	if (!sysinfo(&si))
		json_object_set_new(e, "memory_bytes",
				    json_integer((json_int_t)si.totalram * si.mem_unit));
	for (size_t i = 0; i < sizeof(settings) / sizeof(*settings); i++)
		json_object_set_new(e, settings[i].key, first_line(settings[i].path));
	for (size_t i = 0; i < sizeof(folders) / sizeof(*folders); i++)
		json_object_set_new(e, folders[i].key, files_of(folders[i].path));
	return e;
}
