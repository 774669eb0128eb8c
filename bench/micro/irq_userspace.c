/* the same interrupt sent by KVM_SIGNAL_MSI: see docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	if (micro_command_sent(c->state, OP_IRQ, c->limits->events, SEND_MSI, 0))
		return -1;
	return loop_events(c, figure);
}

const struct bench bench_irq_userspace = {
	.name = "irq.userspace",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 100,
	.shows = "the same interrupt sent by KVM_SIGNAL_MSI: what a monitor without irqfd does",
	.source = "our own",
	.needs = loop_needs_two,
	.setup = loop_setup,
	.run = run,
	.teardown = loop_teardown,
};
