/*
 * A turn of the I/O thread at one pair: from when it is woken until it asks to be woken again.
 *
 * Where a disk answers at once, a thread that signals and sleeps after each command is woken
 * for each, and interrupts the driver while it is about to send the next: a doorbell's exit, a
 * wake-up and an interrupt for every command, however many are in flight. So completions wait
 * for the end of the turn, for HOLD_NS at most, and the thread looks for the next command
 * longer than the last ones took to come, before it asks for a doorbell.
 *
 * A driver that has one command in flight at a time sends none before its interrupt: looking is
 * in vain there. After some turns of that it rests for many. It ends at once if the thread has
 * anything else to do.
 */
#include <sched.h>

#include "lib/now.h"
#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

#define HOLD_NS    1000000
#define SPIN_NS    50000 /* of a look, before others are given the processor */
#define LOOK_GAPS  2     /* of the usual time between commands */
#define GAP_WEIGHT 8     /* of what was usual, against a new one's 1 */
#define TRIES      8     /* in vain, one after the other, before a rest */
#define REST_MIN   64    /* turns; twice as many after each further try in vain */
#define REST_MAX   1024

void nvme_turn_begin(struct nvme_turn *t, unsigned int commands)
{
	uint64_t now = now_ns();

	*t = (struct nvme_turn){.left = commands, .served_ns = now, .signalled_ns = now};
}

void nvme_turn_served(struct nvme_pair *p, struct nvme_turn *t)
{
	t->served_ns = now_ns();
	if (t->served_ns - t->signalled_ns < HOLD_NS)
		return;
	p->nvme->holding = false;
	nvme_signal(p->nvme);
	p->nvme->holding = true;
	t->signalled_ns = t->served_ns;
}

static bool worth_it(struct nvme_pair *p)
{
	struct nvme_look *l = &p->look;

	/* A disk that answers later wakes us by itself. */
	if (!p->shadow || !p->sq.completions->cq.signal)
		return false;
	if (l->rest) {
		l->rest--;
		return false;
	}
	return l->gap_ns;
}

static void in_vain(struct nvme_look *l)
{
	counter_add(&l->in_vain, 1);
	if (l->tries < TRIES)
		l->tries++;
	if (l->tries < TRIES)
		return;
	l->rests = l->rests ? l->rests * 2 : REST_MIN;
	if (l->rests > REST_MAX)
		l->rests = REST_MAX;
	l->rest = l->rests;
}

/* Until the tail moves. The vCPU that is to move it may be waiting for our CPU. */
static void look_until(const struct nvme_pair *p, uint64_t until)
{
	uint64_t start = now_ns(), now = start;

	while (!nvme_tail_moved(p) && now < until && !loop_has_more(p->nvme->loop)) {
		if (now - start > SPIN_NS)
			sched_yield();
		now = now_ns();
	}
}

void nvme_look(struct nvme_pair *p, const struct nvme_turn *t)
{
	uint64_t hold = t->signalled_ns + HOLD_NS,
		 until = now_ns() + LOOK_GAPS * p->look.gap_ns;

	if (!worth_it(p))
		return;
	counter_add(&p->look.looks, 1);
	look_until(p, until < hold ? until : hold);
	if (nvme_tail_moved(p))
		p->look.tries = p->look.rests = 0;
	else
		in_vain(&p->look);
}

/* From the last turn's end to this one's, by its commands; what is longer than we would ever
 * wait was a pause. */
void nvme_turn_end(struct nvme_pair *p, const struct nvme_turn *t)
{
	struct nvme_look *l = &p->look;
	uint64_t gap;

	if (!t->commands)
		return;
	gap = (t->served_ns - l->served_ns) / t->commands;
	l->served_ns = t->served_ns;
	if (gap < HOLD_NS)
		l->gap_ns = l->gap_ns ? (l->gap_ns * (GAP_WEIGHT - 1) + gap) / GAP_WEIGHT : gap;
}
