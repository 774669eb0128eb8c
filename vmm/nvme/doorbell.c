/*
 * Doorbells (3.1.16, 3.1.17): a submission queue's tail and a completion queue's head, written
 * by the guest into BAR 0, or into a buffer in its memory (5.7). What is written is the guest's
 * word: a value beyond the queue is counted, and the one before stays.
 *
 * With the buffer comes an event index for each doorbell: the driver writes BAR 0 as well only
 * when a doorbell moves past it, and KVM signals an eventfd for that.
 */
#include <sys/eventfd.h>

#include "vmm/nvme/nvme.h"
#include "vmm/virtio/counter.h"

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

void nvme_bad_doorbell(struct nvme_pair *p, enum nvme_event event)
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
	nvme_bad_doorbell(p, NVME_EVENT_DOORBELL_INVALID);
	return before;
}

void nvme_take_tail(struct nvme_pair *p)
{
	p->sq.tail = doorbell_value(p, TAIL, &p->tail_written, p->sq.size, p->sq.tail);
}

static void set_event_index(struct nvme_pair *p, unsigned int word, uint32_t value)
{
	if (p->event_index)
		__atomic_store_n(&p->event_index[word], value, __ATOMIC_RELAXED);
}

void nvme_want_tail(struct nvme_pair *p)
{
	if (!p->shadow)
		return; /* an exit wakes us in any case */
	set_event_index(p, TAIL, p->sq.tail);
	atomic_thread_fence(memory_order_seq_cst);
	nvme_take_tail(p);
}

void nvme_expect_tail(struct nvme_pair *p)
{
	const struct nvme_sq *q = &p->sq;

	if (q->ring)
		set_event_index(p, TAIL, q->tail ? q->tail - 1 : q->size - 1);
}

bool nvme_tail_moved(const struct nvme_pair *p)
{
	return __atomic_load_n(&p->shadow[TAIL], __ATOMIC_RELAXED) != p->sq.tail;
}

void nvme_take_head(struct nvme_pair *p)
{
	struct nvme_cq *q = &p->cq;

	q->head = doorbell_value(p, HEAD, &p->head_written, q->size, q->head);
	/* Just behind the head is where the driver will get to last. */
	if (!q->wants_head)
		set_event_index(p, HEAD, q->head ? q->head - 1 : q->size - 1);
}

void nvme_want_head(struct nvme_pair *p)
{
	p->cq.wants_head = true;
	set_event_index(p, HEAD, p->cq.head);
	atomic_thread_fence(memory_order_seq_cst);
	nvme_take_head(p);
}

void nvme_pair_shadow(struct nvme_pair *p, uint32_t *shadow, uint32_t *event_index)
{
	struct pci_device *d = &p->nvme->pci;
	bool watched = p->shadow, watch = shadow;

	if (p->sq.ring)
		nvme_take_tail(p);
	if (p->cq.ring)
		nvme_take_head(p);
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

void nvme_doorbells_reset(struct nvme_pair *p, bool completion)
{
	unsigned int word = completion ? HEAD : TAIL;

	if (completion)
		p->head_written = 0;
	else
		p->tail_written = 0;
	if (p->shadow)
		p->shadow[word] = p->event_index[word] = 0;
}
