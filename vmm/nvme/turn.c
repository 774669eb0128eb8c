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
 * The target follows from how many commands the driver has in flight (as in Ahmad, Gulati and
 * Mashtizadeh, "vIC: Interrupt Coalescing for Virtual Machine Storage Device IO", USENIX ATC
 * 2011), and is less than that: it is to be interrupted before it runs dry. What a disk that
 * answers at once does not show is how many that are; it shows when completions are held. If no
 * command comes for several times as long as usual, then those that are held were all. If the
 * target is reached, it is raised by one: at once until the driver stalls, and seldom after
 * that.
 *
 * So a driver that has one command in flight at a time has each completion signalled at once,
 * but for one in a thousand. Nothing is held while the thread has anything else to do.
 */
#include "lib/now.h"
#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

#define TARGET_MAX 16
#define HOLD_NS    10000000 /* that the first of them waits, at most */
#define PAUSE_NS   2000000  /* between commands: then the driver does something else */
#define SPIN_NS    50000    /* of a look, before it sleeps in between */
#define LOOK_GAPS  4        /* of the usual time between commands */
#define GAP_WEIGHT 8        /* of what was usual, against a new one's 1 */
#define REST_MIN   64 /* commands that the target stays; more the more often it is in vain */
#define REST_MAX   1024

static unsigned int between(unsigned int min, unsigned int n, unsigned int max)
{
	return n < min ? min : n > max ? max : n;
}

void nvme_turn_begin(struct nvme_turn *t, unsigned int commands)
{
	*t = (struct nvme_turn){.left = commands};
}

/* All that the driver has in flight is held: with a quarter less it does not run dry. */
static void stalled(struct nvme_look *l, unsigned int held)
{
	counter_add(&l->in_vain, 1);
	l->rests = between(REST_MIN, l->rests * 2, REST_MAX);
	l->rest = l->rests;
	l->depth = held;
	l->target = between(1, held * 3 / 4, TARGET_MAX);
}

static void reached(struct nvme_look *l, unsigned int held)
{
	if (l->rest) {
		l->rest -= held < l->rest ? held : l->rest;
		return;
	}
	if (l->target > l->depth)
		l->rests /= 2;
	l->target = between(1, l->target + 1, TARGET_MAX);
}

static void measure_gap(struct nvme_look *l, struct nvme_turn *t, uint64_t now)
{
	uint64_t gap;

	if (!t->commands)
		return;
	gap = (now - l->served_ns) / t->commands;
	if (gap < PAUSE_NS)
		l->gap_ns = l->gap_ns ? (l->gap_ns * (GAP_WEIGHT - 1) + gap) / GAP_WEIGHT : gap;
	l->served_ns = now;
	t->commands = 0;
}

static void signal_now(struct nvme_pair *p, struct nvme_turn *t)
{
	p->nvme->holding = false;
	nvme_signal(p->nvme);
	p->nvme->holding = true;
	t->held_ns = 0;
}

void nvme_turn_served(struct nvme_pair *p, struct nvme_turn *t)
{
	struct nvme_look *l = &p->look;
	unsigned int held = nvme_cq_held(p->sq.completions);
	uint64_t now = now_ns();

	measure_gap(l, t, now);
	if (!held || !t->held_ns)
		t->held_ns = now;
	if (!held)
		return;
	if (held >= l->target)
		reached(l, held);
	else if (now - t->held_ns < HOLD_NS)
		return;
	signal_now(p, t);
}

/* Until the tail moves; false if it had the time to, and did not. What takes longer is slept
 * through, a usual gap at a time: the vCPU that is to move it may be waiting for our CPU. */
static bool look_for(const struct nvme_pair *p, uint64_t ns)
{
	uint64_t start = now_ns(), now = start, nap;

	while (!nvme_tail_moved(p)) {
		if (now - start >= ns)
			return false;
		nap = now - start > SPIN_NS ? p->look.gap_ns : 0;
		if (loop_has_more(p->nvme->loop, nap))
			break;
		now = now_ns();
	}
	return true;
}

void nvme_look(struct nvme_pair *p)
{
	struct nvme_look *l = &p->look;
	struct nvme_pair *cq = p->sq.completions;
	uint64_t ns = LOOK_GAPS * l->gap_ns;

	/* A disk that answers later wakes us by itself. */
	if (!p->shadow || !ns || (!nvme_cq_held(cq) && l->target <= 1))
		return;
	counter_add(&l->looks, 1);
	if (!look_for(p, ns < PAUSE_NS ? ns : PAUSE_NS) && nvme_cq_held(cq))
		stalled(l, cq->cq.held);
}
