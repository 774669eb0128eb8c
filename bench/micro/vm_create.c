/* KVM_CREATE_VM: the machine before it has anything. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"
#include "lib/now.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	const struct micro_config config = {.processors = 1};
	struct micro m;
	uint64_t start;
	int result;

	micro_init(&m, &config);
	micro_pin(0);
	start = now_ns();
	micro_busy_ns(c->delay_ns);
	result = micro_create_vm(&m);
	figure[0] = (double)(now_ns() - start);
	micro_destroy(&m);
	return result;
}

const struct bench bench_vm_create = {
	.name = "vm.create",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.delays = true,
	.floor = 1000,
	.shows = "opening /dev/kvm and KVM_CREATE_VM, until the machine's descriptor is there",
	.source = "our own",
	.needs = loop_needs,
	.run = run,
};
