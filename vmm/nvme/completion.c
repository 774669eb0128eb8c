/*
 * Completion queues (4.1, 4.6) and interrupts (7.5). A command is fetched only if its
 * completion has a slot, so that a queue never overruns whatever the guest does with its head.
 */
#include <string.h>

#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

static uint32_t used(const struct nvme_cq *q)
{
	return q->tail >= q->head ? q->tail - q->head : q->tail + q->size - q->head;
}

static bool has_room(const struct nvme_cq *q)
{
	return used(q) + q->reserved < q->size - 1;
}

bool nvme_cq_reserve(struct nvme_pair *p)
{
	struct nvme_cq *q = &p->cq;

	if (!has_room(q))
		nvme_take_head(p);
	if (!has_room(q))
		nvme_want_head(p);
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
	q->held++;
	counter_add(&q->completions, 1);
}

uint32_t nvme_cq_held(struct nvme_pair *p)
{
	struct nvme_cq *q = &p->cq;

	if (q->held)
		nvme_take_head(p);
	if (q->held > used(q))
		q->held = used(q);
	return q->held;
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

void nvme_head_moved(struct nvme_pair *p)
{
	struct nvme *n = p->nvme;
	bool starved = p->cq.starved;

	nvme_take_head(p);
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

	q->held = 0;
	if (!q->interrupts)
		return;
	n->pin = !pci_msix_enabled(&n->pci);
	if (n->pin)
		nvme_want_head(p);
	else
		nvme_take_head(p);
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

	for (unsigned int i = 0; i <= n->queue_count && !n->holding; i++)
		if (n->pair[i].cq.held)
			interrupt(&n->pair[i]);
}
