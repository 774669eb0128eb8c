/* KVM_CREATE_VCPU and its shared page, in a machine with interrupt controllers. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"
#include "lib/now.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	const struct micro_config config = {.apic = true, .processors = 1};
	struct micro m;
	uint64_t start;
	int result;

	micro_init(&m, &config);
	micro_pin(0);
	result = micro_create_vm(&m);
	start = now_ns();
	micro_busy_ns(c->delay_ns);
	if (!result)
		result = micro_create_vcpu(&m, 0);
	figure[0] = (double)(now_ns() - start);
	micro_destroy(&m);
	return result;
}

const struct bench bench_vcpu_create = {
	.name = "vcpu.create",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.delays = true,
	.floor = 1000,
	.shows =
		"KVM_CREATE_VCPU and mapping its shared page, with interrupt controllers in the "
		"kernel",
	.source = "our own",
	.needs = loop_needs,
	.run = run,
};
