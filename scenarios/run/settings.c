/* Before anything is made: see settings.h. */
#include "scenarios/run/settings.h"

#include <stdio.h>
#include <sys/sysinfo.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/units.h"
#include "scenarios/remedies/remedies.h"

static int check(const struct scenario_setting *x, unsigned int n, const char *file)
{
	for (unsigned int i = 0; i < n; i++)
		if (remedy_check(x[i].name, x[i].value))
			return err_add("%s:%d", file, x[i].line);
	return 0;
}

int settings_check(const struct scenario *s, const char *file)
{
	return check(s->limit, s->limits, file) || check(s->remedy, s->remedies, file) ? -1 : 0;
}

struct setting_text setting_text(const struct scenario_setting *x)
{
	const struct remedy *r = remedy_find(x->name);
	struct setting_text t;

	snprintf(t.s, sizeof(t.s), "%s (%s)", x->name,
		 r ? remedy_kind_name(r->kind) : "not known");
	return t;
}

/* The highest CPU that a VM is pinned to. */
static int highest_cpu(const struct scenario *s)
{
	uint64_t all = 0;

	for (unsigned int i = 0; i < s->vms; i++)
		all |= s->vm[i].pin | s->vm[i].io;
	return all ? 63 - __builtin_clzll(all) : -1;
}

int host_check(const struct scenario *s)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct sysinfo info;

	if (cpus < (long)s->needs.cpus)
		return err_set("%s needs %u CPUs, and this machine has %ld", s->name,
			       s->needs.cpus, cpus);
	if (highest_cpu(s) >= cpus)
		return err_set("%s pins threads to CPU %d, and this machine's last is %ld",
			       s->name, highest_cpu(s), cpus - 1);
	if (!sysinfo(&info) && (uint64_t)info.totalram * info.mem_unit < s->needs.memory_bytes)
		return err_set("%s needs %s of memory, and this machine has %s", s->name,
			       units_bytes(s->needs.memory_bytes).s,
			       units_bytes((uint64_t)info.totalram * info.mem_unit).s);
	if (s->needs.cgroup2 && access("/sys/fs/cgroup/cgroup.controllers", R_OK))
		return err_set("%s needs cgroup v2 at /sys/fs/cgroup, and this machine has %s "
			       "there (boot with systemd.unified_cgroup_hierarchy=1)",
			       s->name,
			       access("/sys/fs/cgroup/cpu", F_OK) ? "nothing of the kind"
								  : "cgroup v1");
	return 0;
}
