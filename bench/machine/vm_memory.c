/* What a machine costs in memory. */
#include "bench/measure/work.h"
#include "lib/own_memory.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	int64_t bytes = own_memory(c->guest->pid, (uint64_t)c->guest->plan.memory_mib << 20);

	figure[0] = (double)bytes / (1 << 20);
	return bytes < 0 ? -1 : 0;
}

const struct bench bench_vm_memory = {
	.name = "vm.memory",
	.unit = "MiB",
	.kinds = SUBJECT_MACHINE,
	.floor = 0.1,
	.shows = "private memory of the monitor's process beyond the guest's RAM",
	.source = "Linux, Documentation/filesystems/proc.rst, smaps",
	.run = run,
};
