/* The split virtqueue, device side: see virtqueue.h for the rules. */
#include "vmm/virtio/virtqueue.h"

#include <string.h>

#include "vmm/virtio/counter.h"

#define read_once(x)     (*(const volatile __typeof__(x) *)&(x))
#define write_once(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

static int break_queue(struct virtqueue *q, const char *why)
{
	q->broken = why;
	return -1;
}

void virtqueue_reset(struct virtqueue *q, uint16_t size)
{
	memset(&q->state, 0, sizeof(q->state));
	q->state.size = size;
	q->descriptors = NULL;
	q->available = NULL;
	q->used = NULL;
	q->seen_available = 0;
	q->signalled_valid = false;
	q->broken = NULL;
}

int virtqueue_map(struct virtqueue *q, const struct guest_memory *m)
{
	struct virtqueue_state *s = &q->state;
	size_t size = s->size;

	s->enabled = false;
	if (!size || size > VIRTQUEUE_SIZE_MAX || size & (size - 1))
		return break_queue(q, "queue size is not a power of two within its bounds");
	/* Alignment: 2.7. The event fields (2.7.10) stand behind each ring. */
	if (s->descriptors_gpa % 16 || s->available_gpa % 2 || s->used_gpa % 4)
		return break_queue(q, "a ring is not aligned");
	q->memory = m;
	q->descriptors = guest_ptr(m, s->descriptors_gpa, size * sizeof(struct vring_desc));
	q->available = guest_ptr(m, s->available_gpa,
				 sizeof(struct vring_avail) + (size + 1) * sizeof(uint16_t));
	q->used = guest_ptr(m, s->used_gpa,
			    sizeof(struct vring_used) + size * sizeof(struct vring_used_elem) +
				    sizeof(uint16_t));
	if (!q->descriptors || !q->available || !q->used)
		return break_queue(q, "a ring is not in memory");
	q->seen_available = s->next_available;
	q->signalled_used = s->next_used;
	q->signalled_valid = false;
	s->enabled = true;
	return 0;
}

uint16_t virtqueue_used(const struct virtqueue *q)
{
	return __atomic_load_n(&q->used->idx, __ATOMIC_ACQUIRE);
}

int virtqueue_waiting(const struct virtqueue *q)
{
	/* a reset may come between: what was mapped stays the guest's memory */
	const struct vring_avail *available = __atomic_load_n(&q->available, __ATOMIC_RELAXED);
	const struct vring_used *used = __atomic_load_n(&q->used, __ATOMIC_RELAXED);
	uint16_t waiting;

	if (!q->state.enabled || !available || !used)
		return -1;
	waiting = (uint16_t)(__atomic_load_n(&available->idx, __ATOMIC_RELAXED) -
			     __atomic_load_n(&used->idx, __ATOMIC_RELAXED));
	return waiting <= q->state.size ? waiting : -1;
}

void virtqueue_resume(struct virtqueue *q, uint16_t next_available)
{
	q->state.next_available = q->seen_available = next_available;
	q->state.next_used = q->signalled_used = virtqueue_used(q);
	q->signalled_valid = false;
}

/* Where a descriptor is read from: the queue's table, or an indirect one. */
struct table {
	const struct vring_desc *descriptors;
	uint32_t count;
	bool indirect;
};

/* Read a descriptor once; an indirect table need not be aligned. */
static struct vring_desc read_descriptor(const struct table *t, uint32_t i)
{
	struct vring_desc d;

	memcpy(&d, (const char *)t->descriptors + (size_t)i * sizeof(d), sizeof(d));
	/* What was copied is what is used: the guest may change it under us. */
	__asm__ volatile("" ::: "memory");
	return d;
}

/* 2.7.5.3: a descriptor that refers to a table of descriptors. */
static int enter_indirect(struct virtqueue *q, const struct vring_desc *d, struct table *t)
{
	if (!q->indirect)
		return break_queue(q, "indirect descriptor, but the feature is off");
	if (t->indirect)
		return break_queue(q, "indirect descriptor in an indirect table");
	if (d->flags & VRING_DESC_F_NEXT)
		return break_queue(q, "indirect descriptor with a next one");
	if (d->len % sizeof(struct vring_desc))
		return break_queue(q, "indirect table of no whole number of descriptors");
	t->descriptors = guest_ptr(q->memory, d->addr, d->len);
	t->count = d->len / sizeof(struct vring_desc);
	t->indirect = true;
	if (!t->descriptors)
		return break_queue(q, "indirect table is empty or not in memory");
	return 0;
}

static int add_buffer(struct virtqueue *q, const struct vring_desc *d,
		      struct virtqueue_chain *c)
{
	struct iovec *iov = &c->iov[c->readable + c->writable];

	/* A loop runs into this bound too: no chain is longer than its queue (2.7.5.3.1). */
	if (c->readable + c->writable == q->state.size)
		return break_queue(q, "chain longer than its queue");
	iov->iov_base = guest_ptr(q->memory, d->addr, d->len);
	iov->iov_len = d->len;
	if (!iov->iov_base)
		return break_queue(q, "buffer is empty or not in memory");
	if (d->flags & VRING_DESC_F_WRITE) {
		c->writable++;
		c->writable_bytes += d->len;
		return 0;
	}
	if (c->writable)
		return break_queue(q, "readable buffer behind a writable one");
	c->readable++;
	c->readable_bytes += d->len;
	return 0;
}

static int walk_chain(struct virtqueue *q, struct virtqueue_chain *c)
{
	struct table t = {q->descriptors, q->state.size, false};
	struct vring_desc d = {.flags = VRING_DESC_F_NEXT, .next = c->head};

	while (d.flags & VRING_DESC_F_NEXT) {
		if (d.next >= t.count)
			return break_queue(q, "descriptor index outside of its table");
		d = read_descriptor(&t, d.next);
		if (d.flags & VRING_DESC_F_INDIRECT) {
			if (enter_indirect(q, &d, &t))
				return -1;
			d.flags = VRING_DESC_F_NEXT;
			d.next = 0;
		} else if (add_buffer(q, &d, c)) {
			return -1;
		}
	}
	return 0;
}

int virtqueue_pop(struct virtqueue *q, struct virtqueue_chain *c)
{
	struct virtqueue_state *s = &q->state;
	uint16_t pending;

	if (q->broken)
		return -1;
	if (!s->enabled)
		return 0;
	if (q->seen_available == s->next_available) {
		/* pairs with the driver's release of its index (2.7.13.3.1): entries and
		 * descriptors are there before the index says so */
		q->seen_available = __atomic_load_n(&q->available->idx, __ATOMIC_ACQUIRE);
	}
	pending = q->seen_available - s->next_available;
	if (!pending)
		return 0;
	if (pending > s->size)
		return break_queue(q, "available index ran ahead by more than the queue");
	c->head = read_once(q->available->ring[s->next_available & (s->size - 1)]);
	c->readable = c->writable = 0;
	c->readable_bytes = c->writable_bytes = 0;
	if (walk_chain(q, c))
		return -1;
	s->next_available++;
	counter_add(&q->chains, 1);
	return 1;
}

bool virtqueue_has_more(const struct virtqueue *q)
{
	return q->state.enabled && !q->broken &&
	       __atomic_load_n(&q->available->idx, __ATOMIC_ACQUIRE) != q->state.next_available;
}

void virtqueue_unpop(struct virtqueue *q, unsigned int n)
{
	q->state.next_available -= (uint16_t)n;
	counter_add(&q->chains, -(uint64_t)n);
}

void virtqueue_push(struct virtqueue *q, uint16_t head, uint32_t written)
{
	struct vring_used_elem *e = &q->used->ring[q->state.next_used & (q->state.size - 1)];

	write_once(e->id, head);
	write_once(e->len, written);
	q->state.next_used++;
}

void virtqueue_publish(struct virtqueue *q)
{
	/* pairs with the driver's acquire of the used index (2.7.14): entries and the data
	 * in the buffers are there before the index says so */
	__atomic_store_n(&q->used->idx, q->state.next_used, __ATOMIC_RELEASE);
}

/* The driver's used_event (2.7.7) stands behind its available ring. */
static uint16_t used_event(const struct virtqueue *q)
{
	return read_once(q->available->ring[q->state.size]);
}

static bool needs_signal(const struct virtqueue *q)
{
	/* pairs with the driver's full barrier between asking for an interrupt and looking
	 * at the used index once more: one of the two sees the other's store */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (!q->event_idx)
		return !(read_once(q->available->flags) & VRING_AVAIL_F_NO_INTERRUPT);
	return !q->signalled_valid ||
	       vring_need_event(used_event(q), q->state.next_used, q->signalled_used);
}

/* Whether the driver has been signalled, or need not be: what was published is settled. */
static void settle(struct virtqueue *q, bool signal)
{
	q->signalled_used = q->state.next_used;
	q->signalled_valid = true;
	counter_add(signal ? &q->signals : &q->signals_suppressed, 1);
}

bool virtqueue_wants_signal(struct virtqueue *q)
{
	bool needs = needs_signal(q);

	settle(q, needs);
	return needs;
}

unsigned int virtqueue_unsignalled(struct virtqueue *q)
{
	if (!q->state.enabled || q->signalled_used == q->state.next_used)
		return 0;
	if (!needs_signal(q))
		settle(q, false);
	return virtqueue_unsettled(q);
}

/* Our avail_event (2.7.10) stands behind the used ring. */
static void set_available_event(struct virtqueue *q, uint16_t value)
{
	size_t offset = offsetof(struct vring_used, ring) +
			q->state.size * sizeof(struct vring_used_elem);
	uint16_t *event = (uint16_t *)((char *)q->used + offset);

	write_once(*event, value);
}

void virtqueue_kicks_off(struct virtqueue *q)
{
	if (!q->state.enabled)
		return;
	/* With event_idx an avail_event left behind says the same, at no cost. */
	if (!q->event_idx)
		write_once(q->used->flags, VRING_USED_F_NO_NOTIFY);
}

bool virtqueue_kicks_on(struct virtqueue *q)
{
	if (!q->state.enabled || q->broken)
		return false;
	if (q->event_idx)
		set_available_event(q, q->state.next_available);
	else
		write_once(q->used->flags, 0);
	/* pairs with the driver's full barrier between writing its index and reading whether
	 * to kick: one of the two sees the other's store */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	return read_once(q->available->idx) != q->state.next_available;
}
