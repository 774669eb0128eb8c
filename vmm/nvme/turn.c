/*
 * A turn of the I/O thread at one pair: from when it is woken until it asks to be woken again;
 * and how many completions share an interrupt.
 *
 * Where a disk answers at once, a thread that signals and sleeps after each command is woken
 * for each, and interrupts the driver while it is about to send the next: a doorbell's exit, a
 * wake-up and an interrupt for every command, however many the driver would have in flight. So
 * completions are held until there is a number of them, the target, and meanwhile the thread
 * looks for the next command before it asks for a doorbell.
 *
 * What the target is, and how long a look is, follows from what the driver does: coalesce.h.
 * Nothing is held while the thread has anything else to do.
 */
#include "lib/now.h"
#include "vmm/nvme/nvme.h"

void nvme_turn_begin(struct nvme_pair *p, struct nvme_turn *t, unsigned int commands)
{
	*t = (struct nvme_turn){.left = commands};
	p->look.held_ns = 0;
}

void nvme_turn_served(struct nvme_pair *p, struct nvme_turn *t)
{
	uint64_t now = now_ns();

	gap_measure(&p->look.gap, t->commands, now);
	t->commands = 0;
	if (!coalesce_due(&p->look, nvme_cq_held(p->sq.completions), now))
		return;
	p->nvme->holding = false;
	nvme_signal(p->nvme);
	p->nvme->holding = true;
}

static bool tail_moved(const void *owner)
{
	return nvme_tail_moved(owner);
}

void nvme_look(struct nvme_pair *p)
{
	struct nvme_pair *cq = p->sq.completions;

	/* A disk that answers later wakes us by itself. */
	if (!p->shadow ||
	    coalesce_look(&p->look, nvme_cq_held(cq), p->nvme->loop, tail_moved, p))
		return;
	if (nvme_cq_held(cq))
		coalesce_stalled(&p->look, cq->cq.held);
}
