/*
 * Submission and completion queues (4.1) and their doorbells (3.1.16, 3.1.17; 5.7 for those in
 * guest memory). A command is fetched only if its completion has a slot, so that a completion
 * queue never overruns whatever the guest does with its head.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>

#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

#define COMMANDS_PER_TURN 64 /* of a queue, then others have theirs */

enum { TAIL = 0, HEAD = 1 }; /* of a pair's two words in the shadow buffers */

uint32_t nvme_doorbell(unsigned int pair, bool completion)
{
	return NVME_REG_DOORBELLS + 4 * (2 * pair + completion);
}

void nvme_pair_kick(struct nvme_pair *p)
{
	if (!atomic_exchange(&p->rung, true))
		eventfd_write(p->kick_fd, 1);
}

static void bad_doorbell(struct nvme_pair *p, enum nvme_event event)
{
	counter_add(&p->nvme->bad_doorbells, 1);
	if (p->id || event == NVME_EVENT_DOORBELL_UNKNOWN)
		nvme_event(p->nvme, event);
	else
		nvme_fatal(p->nvme, "a doorbell beyond the admin queue");
}

/* What the guest last said, or what it said before if that is nonsense. */
static uint32_t doorbell_value(struct nvme_pair *p, unsigned int word,
			       _Atomic uint32_t *written, uint32_t size, uint32_t before)
{
	uint32_t value =
		p->shadow ? __atomic_load_n(&p->shadow[word], __ATOMIC_ACQUIRE) : *written;

	if (value < size)
		return value;
	if (!p->shadow) /* say so once; lost if a vCPU writes the same again meanwhile */
		atomic_compare_exchange_strong(written, &value, before);
	bad_doorbell(p, NVME_EVENT_DOORBELL_INVALID);
	return before;
}

static void take_tail(struct nvme_pair *p)
{
	p->sq.tail = doorbell_value(p, TAIL, &p->tail_written, p->sq.size, p->sq.tail);
}

static void set_event_index(struct nvme_pair *p, unsigned int word, uint32_t value)
{
	if (p->event_index)
		__atomic_store_n(&p->event_index[word], value, __ATOMIC_RELAXED);
}

static void take_head(struct nvme_pair *p)
{
	struct nvme_cq *q = &p->cq;

	q->head = doorbell_value(p, HEAD, &p->head_written, q->size, q->head);
	/* Just behind the head is where the driver will get to last. */
	if (!q->wants_head)
		set_event_index(p, HEAD, q->head ? q->head - 1 : q->size - 1);
}

/* Be woken when the driver moves the head, and look where it is by now. */
static void want_head(struct nvme_pair *p)
{
	p->cq.wants_head = true;
	set_event_index(p, HEAD, p->cq.head);
	atomic_thread_fence(memory_order_seq_cst);
	take_head(p);
}

static bool has_room(const struct nvme_cq *q)
{
	uint32_t used = q->tail >= q->head ? q->tail - q->head : q->tail + q->size - q->head;

	return used + q->reserved < q->size - 1;
}

bool nvme_cq_reserve(struct nvme_pair *p)
{
	struct nvme_cq *q = &p->cq;

	if (!has_room(q))
		take_head(p);
	if (!has_room(q))
		want_head(p);
	q->starved = !has_room(q);
	if (q->starved) {
		counter_add(&q->full, 1);
		return false;
	}
	q->reserved++;
	return true;
}

void nvme_post(struct nvme_pair *p, const struct nvme_cqe *entry)
{
	struct nvme_cq *q = &p->cq;
	uint8_t *slot = q->ring + ((size_t)q->tail << NVME_CQE_SHIFT);
	uint32_t last = entry->cid | (uint32_t)(entry->status | q->phase) << 16;

	memcpy(slot, entry, sizeof(*entry) - sizeof(last));
	/* The phase bit says that the rest is there. */
	__atomic_store_n((uint32_t *)(slot + sizeof(*entry) - sizeof(last)), last,
			 __ATOMIC_RELEASE);
	q->reserved--;
	if (++q->tail == q->size) {
		q->tail = 0;
		q->phase ^= 1;
	}
	q->signal = true;
	counter_add(&q->completions, 1);
}

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

/* 4.6.1: what the guest did wrong, it would do wrong again. */
static uint16_t judged(uint16_t status)
{
	switch (status) {
	case NVME_SUCCESS:
		return status;
	case NVME_INTERNAL_ERROR:
	case NVME_WRITE_FAULT:
	case NVME_UNRECOVERED_READ:
		return status | NVME_MORE;
	default:
		return status | NVME_MORE | NVME_DO_NOT_RETRY;
	}
}

void nvme_complete(struct nvme_command *c, uint16_t status)
{
	struct nvme_pair *p = c->pair;
	struct nvme_cqe entry = {
		.result = c->result,
		.sq_head = (uint16_t)p->sq.head,
		.sq_id = (uint16_t)p->id,
		.cid = c->sqe.cid,
		.status = (uint16_t)(judged(status) << 1),
	};

	if (status)
		nvme_log_error(c->nvme, c, entry.status);
	nvme_post(p->sq.completions, &entry);
	nvme_command_free(c);
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
	take_tail(p);
	if (p->sq.head == p->sq.tail && p->shadow) { /* else an exit wakes us in any case */
		set_event_index(p, TAIL, p->sq.tail);
		atomic_thread_fence(memory_order_seq_cst);
		take_tail(p);
	}
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
static bool serve(struct nvme_pair *p, unsigned int *turns)
{
	if (!p->sq.ring)
		return false;
	take_tail(p);
	while (p->sq.head != p->sq.tail && !(p->nvme->csts & NVME_CSTS_FATAL)) {
		struct nvme_command *c = *turns ? next_command(p) : NULL;

		if (!*turns)
			nvme_pair_kick(p);
		if (!c)
			return false;
		--*turns;
		fetch(p, c);
		nvme_command_run(c);
	}
	return !(p->nvme->csts & NVME_CSTS_FATAL);
}

/* The driver has taken completions: those who waited for room may go on. */
static void head_moved(struct nvme_pair *p)
{
	struct nvme *n = p->nvme;
	bool starved = p->cq.starved;

	take_head(p);
	if (n->pin)
		nvme_update_pin(n);
	if (starved && !has_room(&p->cq))
		return;
	p->cq.starved = false;
	p->cq.wants_head = n->pin;
	for (unsigned int i = 0; starved && i <= n->queue_count; i++)
		if (n->pair[i].sq.ring && n->pair[i].sq.completions == p)
			nvme_pair_kick(&n->pair[i]);
}

uint16_t nvme_cq_create(struct nvme_pair *p, uint64_t gpa, uint32_t size)
{
	uint8_t *ring = guest_ptr(p->nvme->memory, gpa, (uint64_t)size << NVME_CQE_SHIFT);

	if (gpa % NVME_PAGE_BYTES)
		return NVME_INVALID_PRP_OFFSET;
	if (!ring)
		return NVME_INVALID_FIELD;
	p->cq = (struct nvme_cq){.ring = ring, .size = size, .phase = 1};
	p->head_written = 0;
	if (p->shadow)
		p->shadow[HEAD] = p->event_index[HEAD] = 0;
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
	p->tail_written = 0;
	if (p->shadow)
		p->shadow[TAIL] = p->event_index[TAIL] = 0;
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
	p->cq.signal = false;
}

void nvme_pair_shadow(struct nvme_pair *p, uint32_t *shadow, uint32_t *event_index)
{
	struct pci_device *d = &p->nvme->pci;
	bool watched = p->shadow, watch = shadow;

	if (p->sq.ring)
		take_tail(p);
	if (p->cq.ring)
		take_head(p);
	p->shadow = shadow;
	p->event_index = event_index;
	if (shadow) {
		shadow[TAIL] = event_index[TAIL] = p->sq.tail;
		shadow[HEAD] = event_index[HEAD] = p->cq.head;
	}
	/* Without KVM's help a doorbell's write still reaches us, as an exit. */
	for (int word = TAIL; watched != watch && word <= HEAD; word++) {
		uint32_t at = nvme_doorbell(p->id, word == HEAD);

		if (watch)
			pci_ioeventfd(d, NVME_BAR_REGISTERS, at, 0, p->kick_fd);
		else
			pci_ioeventfd_remove(d, NVME_BAR_REGISTERS, at, 0, p->kick_fd);
	}
}

void nvme_update_pin(struct nvme *n)
{
	bool level = false;

	if (!pci_msix_enabled(&n->pci) && !(n->masked & 1))
		for (unsigned int i = 0; i <= n->queue_count; i++) {
			const struct nvme_cq *q = &n->pair[i].cq;

			level |= q->ring && q->interrupts && q->head != q->tail;
		}
	pci_intx(&n->pci, level);
}

static void interrupt(struct nvme_pair *p)
{
	struct nvme *n = p->nvme;
	struct nvme_cq *q = &p->cq;

	q->signal = false;
	if (!q->interrupts)
		return;
	n->pin = !pci_msix_enabled(&n->pci);
	if (n->pin)
		want_head(p);
	else
		take_head(p);
	if (q->head == q->tail) { /* a driver that is polling was faster */
		counter_add(&q->signals_saved, 1);
		return;
	}
	counter_add(&q->signals, 1);
	if (n->pin)
		nvme_update_pin(n);
	else
		pci_msix_signal(&n->pci, q->vector);
}

void nvme_signal(void *owner)
{
	struct nvme *n = owner;

	for (unsigned int i = 0; i <= n->queue_count; i++)
		if (n->pair[i].cq.signal)
			interrupt(&n->pair[i]);
}

void nvme_pair_run(struct nvme_pair *p)
{
	struct nvme *n = p->nvme;
	unsigned int turns = turns_of(n);
	bool unknown = (!p->id && atomic_exchange(&n->unknown_doorbell, false)) ||
		       (!p->sq.ring && atomic_exchange(&p->tail_written, 0));

	p->rung = false;
	if (unknown && n->csts & NVME_CSTS_READY)
		bad_doorbell(p, NVME_EVENT_DOORBELL_UNKNOWN);
	if (p->cq.ring && p->cq.wants_head)
		head_moved(p);
	/* While the disk is at work the driver need not wake us: that costs it an exit. */
	while (serve(p, &turns)) {
		disk_run(n->disk);
		if (idle(p))
			break;
	}
	nvme_events_send(n);
	disk_run(n->disk);
	nvme_signal(n);
}
