/* OUT to a port that KVM turns into an eventfd: see docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	return loop_run(c, OP_KICK, true, figure);
}

const struct bench bench_kick_ioeventfd = {
	.name = "kick.ioeventfd",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 5,
	.shows =
		"OUT to a port that KVM turns into an eventfd: a doorbell, as the guest pays for it",
	.source = "kvm-unit-tests, x86/vmexit.c, portio-no-eventfd and -wildcard-eventfd",
	.needs = loop_needs,
	.setup = loop_setup,
	.run = run,
	.teardown = loop_teardown,
};
