/* The machine itself: kernel, privileges, cores, memory, clock, control groups. */
#include <linux/capability.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "lib/environment.h"
#include "scenarios/doctor/looks.h"

/* tp_btf is of 5.5, rings of 5.8, memory accounting without RLIMIT_MEMLOCK of 5.11. */

#define KERNEL_MAJOR 5
#define KERNEL_MINOR 11

#define MIB         1024
#define GUEST_KIB   (1024L * MIB) /* a guest of 512 MiB, and what watches it */
#define TESTBED_KIB (4608L * MIB) /* what the testbed machine is given, and QEMU */
#define CAP(name)   (1ULL << (name))

void look_kernel(struct finding *f, const void *arg)
{
	unsigned int major = 0, minor = 0;
	struct utsname u;

	(void)arg;
	uname(&u);
	sscanf(u.release, "%u.%u", &major, &minor);
	found(f, STATE_OK, "Linux %s, %s%s", u.release, u.machine,
	      environment_is_testbed() ? ", in the testbed machine" : "");
	if (major > KERNEL_MAJOR || (major == KERNEL_MAJOR && minor >= KERNEL_MINOR))
		return;
	f->state = STATE_MISSING;
	remedy(f, "boot Linux %d.%d or newer, or " REMEDY_TESTBED, KERNEL_MAJOR, KERNEL_MINOR);
}

/* The effective capabilities of this process. */
static unsigned long long capabilities(void)
{
	char text[4096], *line;

	if (read_text("/proc/self/status", text, sizeof(text)) < 0)
		return 0;
	line = strstr(text, "CapEff:");
	return line ? strtoull(line + strlen("CapEff:"), NULL, 16) : 0;
}

void look_privileges(struct finding *f, const void *arg)
{
	static const struct {
		const char *name;
		unsigned int bit;
	} needed[] = {
		{"CAP_SYS_ADMIN", CAP_SYS_ADMIN},
		{"CAP_NET_ADMIN", CAP_NET_ADMIN},
		{"CAP_NET_RAW", CAP_NET_RAW},
	};
	unsigned long long have = capabilities();
	char lacking[128] = "";

	(void)arg;
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (have & CAP(needed[i].bit))
			continue;
		if (*lacking)
			strcat(lacking, ", ");
		strcat(lacking, needed[i].name);
	}
	if (!*lacking) {
		found(f, STATE_OK, "%s with the capabilities needed",
		      geteuid() == 0 ? "root" : "not root, but");
		return;
	}
	found(f, STATE_DENIED, "%s, without %s",
	      geteuid() == 0 ? "root of a container" : "not root", lacking);
	remedy(f, geteuid() == 0 ? "give the container these capabilities (--privileged)"
				 : "run as root (sudo strata ...), or " REMEDY_TESTBED);
}

void look_lockdown(struct finding *f, const void *arg)
{
	char text[128];

	(void)arg;
	if (read_text("/sys/kernel/security/lockdown", text, sizeof(text)) < 0)
		found(f, STATE_OK, "this kernel has none, or does not show it");
	else if (strstr(text, "[confidentiality]"))
		found(f, STATE_DENIED, "confidentiality: BPF may not read kernel memory");
	else
		found(f, STATE_OK, "%s",
		      strstr(text, "[none]") ? "none" : "integrity, which leaves BPF alone");
	if (f->state == STATE_DENIED)
		remedy(f, "boot without lockdown=confidentiality");
}

void look_cores(struct finding *f, const void *arg)
{
	long count = sysconf(_SC_NPROCESSORS_ONLN);

	(void)arg;
	found(f, count > 1 ? STATE_OK : STATE_SLOW, "%ld", count);
	if (count < 2)
		remedy(f,
		       "give the machine a second core: on one, waiting for the other side is "
		       "part of every time");
}

void look_memory(struct finding *f, const void *arg)
{
	char text[4096], *line;
	long available;

	(void)arg;
	if (read_text("/proc/meminfo", text, sizeof(text)) < 0 ||
	    !(line = strstr(text, "MemAvailable:"))) {
		found(f, STATE_MISSING, "/proc/meminfo does not say");
		return;
	}
	available = atol(line + strlen("MemAvailable:"));
	found(f, available < GUEST_KIB ? STATE_MISSING : STATE_OK, "%.1f GiB available",
	      available / 1024.0 / MIB);
	if (available < GUEST_KIB)
		remedy(f, "free memory: a VM needs 1 GiB");
	else if (available < TESTBED_KIB && !environment_is_testbed())
		remedy(f,
		       "should the testbed machine be needed: give it less than its 4 GiB by "
		       "--memory MB");
}

static bool cpu_has(const char *flags, const char *flag)
{
	size_t len = strlen(flag);

	for (const char *p = flags; (p = strstr(p, flag)); p += len)
		if (p[-1] == ' ' && (p[len] == ' ' || p[len] == '\n'))
			return true;
	return false;
}

void look_clock(struct finding *f, const void *arg)
{
	char source[64], text[16384];
	bool steady;

	(void)arg;
	if (read_text("/sys/devices/system/clocksource/clocksource0/current_clocksource",
		      source, sizeof(source)) < 0 ||
	    read_text("/proc/cpuinfo", text, sizeof(text)) < 0) {
		found(f, STATE_MISSING, "the kernel does not say what its clock is");
		return;
	}
	steady = cpu_has(text, "constant_tsc") && cpu_has(text, "nonstop_tsc");
	if (strcmp(source, "tsc") == 0) {
		found(f, STATE_OK, "tsc%s", steady ? ", constant and nonstop" : "");
		return;
	}
	found(f, STATE_SLOW, "%s%s", source, steady ? ", though the TSC is constant" : "");
	remedy(f, "boot with clocksource=tsc (tsc=reliable in a VM), if the TSC deserves it: "
		  "else times of host and guest align less well");
}

void look_cgroup(struct finding *f, const void *arg)
{
	struct stat st;

	(void)arg;
	if (stat("/sys/fs/cgroup/cgroup.controllers", &st) == 0)
		found(f, STATE_OK, "version 2");
	else if (stat("/sys/fs/cgroup/cpu", &st) == 0)
		found(f, STATE_OK, "version 1%s",
		      stat("/sys/fs/cgroup/unified", &st) == 0 ? ", and 2 beside it" : "");
	else
		found(f, STATE_MISSING, "not mounted at /sys/fs/cgroup");
	if (f->state == STATE_MISSING)
		remedy(f, "mount -t cgroup2 cgroup2 /sys/fs/cgroup");
}
