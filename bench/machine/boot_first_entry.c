/* A machine on its way up. */
#include "bench/measure/work.h"
#include "lib/err.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	figure[0] = (double)c->guest->first_entry_ns;
	return c->guest->first_entry_ns < 0 ? err_set("it was not seen") : 0;
}

const struct bench bench_boot_first_entry = {
	.name = "boot.first_entry",
	.unit = "ns",
	.kinds = SUBJECT_BOOT,
	.floor = 1000000,
	.shows =
		"from just before the monitor's process is made to its first entry into guest mode (tracepoint kvm:kvm_entry)",
	.source = "our own",
	.run = run,
};
