/* from another thread's write() to an irqfd until the first instruction of the handler, the
 * guest running: see docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	if (micro_command_sent(c->state, OP_IRQ, c->limits->events, SEND_IRQFD, 0))
		return -1;
	return loop_events(c, figure);
}

const struct bench bench_irq_irqfd = {
	.name = "irq.irqfd",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 100,
	.shows =
		"from another thread's write() to an irqfd until the first instruction of the handler, the guest running",
	.source = "our own",
	.needs = loop_needs_two,
	.setup = loop_setup,
	.run = run,
	.teardown = loop_teardown,
};
