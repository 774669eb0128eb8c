/* What this machine's KVM is: see kvm_kind.h. */
#include "bench/suite/kvm_kind.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/environment.h"
#include "lib/proc.h"
#include "scenarios/doctor/speed.h"

#define VERSION_MS 10000

/* A hypervisor under us says so in CPUID.1:ECX.31, which the kernel shows as a flag. */
static bool under_a_hypervisor(void)
{
	char line[8192];
	FILE *f = fopen("/proc/cpuinfo", "re");
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		if (!strncmp(line, "flags", 5))
			found = strstr(line, " hypervisor") != NULL;
	if (f)
		fclose(f);
	return found;
}

static const char *kind_of(const struct speed *s)
{
	if (s->verdict == SPEED_ABSENT)
		return "absent";
	if (environment_is_testbed())
		return "emulated";
	if (s->verdict == SPEED_INTERPRETS)
		return "interpreted";
	return under_a_hypervisor() ? "nested" : "hardware";
}

json_t *kvm_kind(void)
{
	const struct speed *s = kvm_speed();

	return json_pack("{s:s,s:f,s:f,s:s?}", "kind", kind_of(s), "guest_ips", s->guest_ips,
			 "native_ips", s->native_ips, "lacking", s->lacking);
}

json_t *program_versions(void)
{
	static const char *const programs[][4] = {
		{"fio", "--version", NULL},
		{"iperf3", "--version", NULL},
		{"stress-ng", "--version", NULL},
		{"qemu-system-x86_64", "--version", NULL},
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		char *text = NULL;

		if (proc_run(programs[i], NULL, VERSION_MS, &text)) {
			json_object_set_new(o, programs[i][0], json_null());
			continue;
		}
		text[strcspn(text, "\n")] = '\0';
		json_object_set_new(o, programs[i][0], json_string(text));
		free(text);
	}
	return o;
}
