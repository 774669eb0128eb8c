/* The table of remedies: the one place that names them all. */
#include <ctype.h>
#include <string.h>

#include "lib/err.h"
#include "scenarios/remedies/internal.h"
#include "scenarios/remedies/rows.h"

/* clang-format off */
const struct remedy remedies[] = {
	{"cpu.max", REMEDY_LIMIT, "PERCENT[/PERIOD]|max",
	 "CPU time, of one CPU's: 50%, 150%/10ms",
	 check_cpu_max, cpu_max_apply, cpu_max_read, NULL},
	{"cpu.weight", REMEDY_SHARE, "1..10000",
	 "part of contended CPU time; others have 100",
	 check_weight, cgroup_row_apply, cgroup_row_read, &row_cpu_weight},
	{"cpuset.cpus", REMEDY_LIMIT, "LIST", "cores that it may run on: 0-2,5",
	 check_cpus, cgroup_row_apply, cgroup_row_read, &row_cpuset_cpus},
	{"cpuset.partition", REMEDY_RESERVATION, "root|isolated|member",
	 "the cores of cpuset.cpus for it alone",
	 check_partition, partition_apply, partition_read, NULL},
	{"vcpu.pin", REMEDY_LIMIT, "LIST", "a core for each vCPU, or one for all of them: 2,3",
	 check_pins, pin_vcpus_apply, pin_vcpus_read, NULL},
	{"io.core", REMEDY_RESERVATION, "CPU",
	 "a core for the I/O thread and vhost's workers; the VM's others keep off",
	 check_core, io_core_apply, io_core_read, NULL},
	{"memory.max", REMEDY_LIMIT, "SIZE|max", "memory, VMM and page cache included",
	 check_bytes, cgroup_row_apply, cgroup_row_read, &row_memory_max},
	{"memory.high", REMEDY_LIMIT, "SIZE|max", "above it, it is slowed and reclaimed from",
	 check_bytes, cgroup_row_apply, cgroup_row_read, &row_memory_high},
	{"memory.min", REMEDY_RESERVATION, "SIZE|max", "memory that is never reclaimed",
	 check_bytes, cgroup_row_apply, cgroup_row_read, &row_memory_min},
	{"memory.low", REMEDY_RESERVATION, "SIZE|max",
	 "memory that is reclaimed when others have none left",
	 check_bytes, cgroup_row_apply, cgroup_row_read, &row_memory_low},
	{"hugepages", REMEDY_RESERVATION, "2M|1G", "only when it is started: --hugepages",
	 check_hugepages, hugepages_apply, hugepages_read, NULL},
	{"net.rx-bytes", REMEDY_LIMIT, "SIZE|max", "bytes a second to the guest, inside the VMM",
	 check_amount, device_limit_apply, device_limit_read, NULL},
	{"net.tx-bytes", REMEDY_LIMIT, "SIZE|max", "... and from it",
	 check_amount, device_limit_apply, device_limit_read, NULL},
	{"net.rx-packets", REMEDY_LIMIT, "N|max", "frames a second to the guest",
	 check_count, device_limit_apply, device_limit_read, NULL},
	{"net.tx-packets", REMEDY_LIMIT, "N|max", "... and from it",
	 check_count, device_limit_apply, device_limit_read, NULL},
	{"net.burst-ms", REMEDY_LIMIT, "DURATION", "how much of its rates a card may save up",
	 check_burst, device_limit_apply, device_limit_read, NULL},
	{"disk.read-bytes", REMEDY_LIMIT, "SIZE|max", "bytes a second read, inside the VMM",
	 check_amount, device_limit_apply, device_limit_read, NULL},
	{"disk.write-bytes", REMEDY_LIMIT, "SIZE|max", "... and written",
	 check_amount, device_limit_apply, device_limit_read, NULL},
	{"disk.read-ops", REMEDY_LIMIT, "N|max", "reads a second",
	 check_count, device_limit_apply, device_limit_read, NULL},
	{"disk.write-ops", REMEDY_LIMIT, "N|max", "... writes, flushes, discards",
	 check_count, device_limit_apply, device_limit_read, NULL},
	{"disk.burst-ms", REMEDY_LIMIT, "DURATION", "how much of its rates a disk may save up",
	 check_burst, device_limit_apply, device_limit_read, NULL},
	{"tap.rx-rate", REMEDY_LIMIT, "SIZE[,burst=SIZE][,latency=DURATION]",
	 "bytes a second to the guest, by the host's kernel (tc, tbf)",
	 check_rate, tap_rate_apply, tap_rate_read, NULL},
	{"tap.tx-rate", REMEDY_LIMIT, "SIZE[,burst=SIZE]",
	 "... and from it (tc, police: what is too much is dropped)",
	 check_rate, tap_police_apply, tap_police_read, NULL},
	{"tap.fair", REMEDY_SHARE, "fq|fq_codel", "flows to the guest take turns (tc)",
	 check_fq, tap_fq_apply, tap_fq_read, NULL},
	{"io.max", REMEDY_LIMIT, "[DEVICE:]rbps=,wbps=,riops=,wiops=",
	 "what it reads and writes on the host's disks",
	 check_io, io_max_apply, io_max_read, NULL},
	{"cache.l3", REMEDY_LIMIT, "MASK", "ways of the last-level cache that it may fill (resctrl)",
	 check_mask, resctrl_apply, resctrl_read, &row_l3},
	{"memory.bandwidth", REMEDY_LIMIT, "PERCENT", "of the memory's bandwidth (resctrl)",
	 check_percent, resctrl_apply, resctrl_read, &row_mba},
	{"halt.poll", REMEDY_RESERVATION, "DURATION",
	 "how long the host's CPU waits for a halted vCPU's next work",
	 check_halt_poll, halt_poll_apply, halt_poll_read, NULL},
	{NULL, REMEDY_LIMIT, NULL, NULL, NULL, NULL, NULL, NULL},
};
/* clang-format on */

const char *remedy_kind_name(enum remedy_kind kind)
{
	static const char *const names[] = {
		[REMEDY_LIMIT] = "limit",
		[REMEDY_SHARE] = "share",
		[REMEDY_RESERVATION] = "reservation",
	};

	return names[kind];
}

/* "net2.rx-bytes" is "net.rx-bytes" of one device. */
static bool is_name(const struct remedy *r, const char *name)
{
	size_t letters = strcspn(r->name, ".");
	const char *rest = name + letters;

	if (strncmp(name, r->name, letters) != 0)
		return false;
	if (r->apply == device_limit_apply)
		rest += strspn(rest, "0123456789");
	return !strcmp(rest, r->name + letters);
}

const struct remedy *remedy_find(const char *name)
{
	size_t letters = strcspn(name, ".0123456789"), n = 0;
	char like[400] = "";

	for (const struct remedy *r = remedies; r->name; r++)
		if (is_name(r, name))
			return r;
	for (const struct remedy *r = remedies; r->name; r++)
		if (letters && !strncmp(r->name, name, letters) && n < sizeof(like))
			n += (size_t)snprintf(like + n, sizeof(like) - n, "%s%s",
					      n ? ", " : "; like it are ", r->name);
	err_set("there is no setting \"%.40s\"%s", name,
		n ? like : "; \"strata vm set --help\" lists them");
	return NULL;
}

int remedy_check(const char *name, const char *text)
{
	const struct remedy *r = remedy_find(name);

	if (!r)
		return -1;
	return r->check(text) ? err_add("%s", name) : 0;
}
