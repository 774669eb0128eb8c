/* What this machine's KVM is: see kvm_kind.h. */
#include "bench/suite/kvm_kind.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/environment.h"
#include "scenarios/doctor/speed.h"

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
