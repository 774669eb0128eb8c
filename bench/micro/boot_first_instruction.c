/* From nothing to a guest that runs: the freestanding one, which needs no kernel. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"
#include "lib/now.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	const struct micro_config config = {.apic = true, .processors = 1};
	uint64_t start = now_ns();
	struct micro m;
	int result;

	micro_busy_ns(c->delay_ns);
	result = micro_create(&m, &config);
	figure[0] = (double)(now_ns() - start);
	micro_destroy(&m);
	return result;
}

const struct bench bench_boot_first_instruction = {
	.name = "boot.first_instruction",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.delays = true,
	.floor = 1000,
	.shows =
		"from KVM_CREATE_VM over memory, interrupt controllers and a vCPU until the guest "
		"has run its first instructions and exits",
	.source = "our own",
	.needs = loop_needs,
	.run = run,
};
