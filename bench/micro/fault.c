/* First touches: see fault.h. */
#include "bench/micro/fault.h"

#include "lib/err.h"
#include "scenarios/doctor/speed.h"

int fault_needs(const struct bench_context *c)
{
	if (loop_needs(c))
		return -1;
	return kvm_speed()->verdict == SPEED_INTERPRETS
		       ? err_set("this KVM interprets the guest's instructions: it has no second "
				 "level of page tables that would have to be filled in")
		       : 0;
}

int fault_setup(struct bench_context *c, enum micro_pages host_pages)
{
	return loop_setup_with(
		c, &(struct micro_config){.apic = true,
					  .processors = 1,
					  .arena_bytes = (uint64_t)c->limits->arena_mib << 20,
					  .guest_pages = PAGES_LARGE,
					  .host_pages = host_pages});
}

/*
 * One pass over the arena that faults at every step, and one that does not. KVM may map up to
 * 8 neighbours of a small page at once, so small pages are touched 64 KiB apart.
 */
int fault_run(struct bench_context *c, uint64_t stride, double *ns)
{
	struct micro *m = c->state;
	uint64_t touches = m->config.arena_bytes / stride;

	m->shared->start = GUEST_ARENA;
	m->shared->stride = stride;
	if (micro_command(m, OP_TOUCH, 2, touches))
		return -1;
	*ns = ((double)m->shared->ticks[0] - (double)m->shared->ticks[1]) / m->ticks_per_ns /
	      (double)touches;
	return *ns > 0 ? 0 : err_set("the first touch took no longer than the second");
}
