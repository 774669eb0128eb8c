/* from an irqfd's write() until the handler of a guest that has halted for a millisecond: see
 * docs/bench.md. */
#include "bench/micro/loop.h"
#include "bench/suite/subject.h"

#define HALTED_NS 1000000

/* Longer than halt polling, so that the processor sleeps. */
static int run(struct bench_context *c, double figure[FIGURES_MAX])
{
	if (micro_command_sent(c->state, OP_HALT_WAKE, c->limits->events, SEND_IRQFD,
			       HALTED_NS))
		return -1;
	return loop_events(c, figure);
}

const struct bench bench_halt_wake = {
	.name = "halt.wake",
	.unit = "ns",
	.kinds = SUBJECT_KVM,
	.floor = 100,
	.shows =
		"from an irqfd's write() until the handler of a guest that has halted for a millisecond: the vCPU's thread is woken",
	.source = "our own",
	.needs = loop_needs_two,
	.setup = loop_setup,
	.run = run,
	.teardown = loop_teardown,
};
