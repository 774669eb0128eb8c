/* The environment of a measurement: see environment.h. */
#include "lib/environment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "lib/version.h"

bool environment_is_testbed(void)
{
	const char *v = getenv("STRATA_TESTBED");

	return v && *v;
}

/* The first line of a file, without its end; null if it cannot be read. */
static json_t *first_line(const char *path)
{
	FILE *f = fopen(path, "re");
	char line[512];
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

static json_t *now_utc(void)
{
	time_t t = time(NULL);
	struct tm tm;
	char text[32];

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return json_string(text);
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
};

json_t *environment_capture(void)
{
	struct utsname u;
	struct sysinfo si;
	json_t *e = json_object();

	json_object_set_new(e, "time", now_utc());
	json_object_set_new(e, "strata", json_string(STRATA_VERSION));
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
	return e;
}
