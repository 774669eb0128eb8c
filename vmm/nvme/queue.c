/* Queues are made, deleted and served (4.1): commands are fetched, and begun. */
#include <stdlib.h>
#include <string.h>

#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

#define COMMANDS_PER_TURN 64 /* of a queue, then others have theirs */

static struct nvme_command *new_command(struct nvme *n)
{
	struct nvme_command *c = n->free;

	if (c) {
		n->free = c->next;
	} else if (n->made < NVME_COMMANDS_MAX) {
		c = malloc(sizeof(*c));
		n->made += !!c;
	}
	return c;
}

void nvme_command_free(struct nvme_command *c)
{
	struct nvme *n = c->nvme;

	free(c->ranges);
	c->next = n->free;
	n->free = c;
	if (n->out_of_commands) {
		n->out_of_commands = false;
		for (unsigned int i = 0; i <= n->queue_count; i++)
			nvme_pair_kick(&n->pair[i]);
	}
}

static void fetch(struct nvme_pair *p, struct nvme_command *c)
{
	struct nvme_sq *q = &p->sq;

	c->nvme = p->nvme;
	c->pair = p;
	c->result = 0;
	c->ranges = NULL;
	memcpy(&c->sqe, q->ring + ((size_t)q->head << NVME_SQE_SHIFT), sizeof(c->sqe));
	q->head = q->head + 1 == q->size ? 0 : q->head + 1;
	counter_add(&q->commands, 1);
}

/* Is the queue empty, and will the driver's next command wake us? */
static bool idle(struct nvme_pair *p)
{
	nvme_take_tail(p);
	if (p->sq.head == p->sq.tail) {
		nvme_look(p);
		nvme_take_tail(p);
	}
	if (p->sq.head == p->sq.tail)
		nvme_want_tail(p);
	if (p->sq.head == p->sq.tail)
		return true;
	counter_add(&p->sq.found, 1);
	return false;
}

/* How many commands a queue may have done before others have their turn (4.13). */
static unsigned int turns_of(const struct nvme *n)
{
	unsigned int burst = n->feature[NVME_FEATURE_ARBITRATION] & 7;

	return burst == 7 ? COMMANDS_PER_TURN : 1U << burst;
}

static struct nvme_command *next_command(struct nvme_pair *p)
{
	struct nvme_command *c;

	if (!nvme_cq_reserve(p->sq.completions))
		return NULL;
	c = new_command(p->nvme);
	if (!c) {
		p->sq.completions->cq.reserved--;
		p->nvme->out_of_commands = true;
	}
	return c;
}

/* Begin what is in the queue. False if there may be more that has to wait. */
static bool serve(struct nvme_pair *p, struct nvme_turn *t)
{
	if (!p->sq.ring)
		return false;
	/* What was found is done, whatever the guest says by now: else it could keep us here.
	 */
	if (p->sq.head == p->sq.tail)
		nvme_take_tail(p);
	while (p->sq.head != p->sq.tail && !(p->nvme->csts & NVME_CSTS_FATAL)) {
		struct nvme_command *c = t->left ? next_command(p) : NULL;

		if (!t->left)
			nvme_pair_kick(p);
		if (!c)
			return false;
		t->left--;
		t->commands++;
		fetch(p, c);
		nvme_command_run(c);
	}
	return !(p->nvme->csts & NVME_CSTS_FATAL);
}

uint16_t nvme_cq_create(struct nvme_pair *p, uint64_t gpa, uint32_t size)
{
	uint8_t *ring = guest_ptr(p->nvme->memory, gpa, (uint64_t)size << NVME_CQE_SHIFT);

	if (gpa % NVME_PAGE_BYTES)
		return NVME_INVALID_PRP_OFFSET;
	if (!ring)
		return NVME_INVALID_FIELD;
	p->cq = (struct nvme_cq){.ring = ring, .size = size, .phase = 1};
	nvme_doorbells_reset(p, true);
	return NVME_SUCCESS;
}

uint16_t nvme_sq_create(struct nvme_pair *p, uint64_t gpa, uint32_t size,
			struct nvme_pair *completions)
{
	const uint8_t *ring = guest_ptr(p->nvme->memory, gpa, (uint64_t)size << NVME_SQE_SHIFT);

	if (gpa % NVME_PAGE_BYTES)
		return NVME_INVALID_PRP_OFFSET;
	if (!ring)
		return NVME_INVALID_FIELD;
	p->sq = (struct nvme_sq){.ring = ring, .size = size, .completions = completions};
	nvme_doorbells_reset(p, false);
	return NVME_SUCCESS;
}

void nvme_sq_delete(struct nvme_pair *p)
{
	p->sq.ring = NULL;
	p->tail_written = 0;
}

void nvme_cq_delete(struct nvme_pair *p)
{
	p->cq.ring = NULL;
	p->cq.wants_head = false;
	p->cq.held = 0;
}

void nvme_pair_run(struct nvme_pair *p)
{
	struct nvme *n = p->nvme;
	struct nvme_turn turn;
	bool unknown = (!p->id && atomic_exchange(&n->unknown_doorbell, false)) ||
		       (!p->sq.ring && atomic_exchange(&p->tail_written, 0));

	p->rung = false;
	if (unknown && n->csts & NVME_CSTS_READY)
		nvme_bad_doorbell(p, NVME_EVENT_DOORBELL_UNKNOWN);
	if (p->cq.ring && p->cq.wants_head)
		nvme_head_moved(p);
	nvme_turn_begin(p, &turn, turns_of(n));
	nvme_expect_tail(p);
	n->holding = true;
	/* While the disk is at work the driver need not wake us: that costs it an exit. */
	while (serve(p, &turn)) {
		disk_run(n->disk);
		nvme_turn_served(p, &turn);
		if (idle(p))
			break;
	}
	n->holding = false;
	nvme_events_send(n);
	disk_run(n->disk);
	nvme_signal(n);
}
