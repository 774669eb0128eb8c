/*
 * Fuzzes the virtqueue: rings and tables made of the input, popped until the queue is
 * empty or broken. No walk may hang, and every buffer handed out lies in guest memory:
 * it is touched, so that ASan sees it. The first bytes choose features and size; what
 * follows is guest memory, with addresses pulled into it so that walks get far.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "vmm/virtio/virtqueue.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEADER = 4, WILD = 8, MEMORY = 16384 };

static struct virtqueue_chain chain;

static void touch(const struct iovec *iov, unsigned int count, int value)
{
	for (unsigned int i = 0; i < count; i++) {
		char *p = iov[i].iov_base;

		p[0] = (char)value;
		p[iov[i].iov_len - 1] = (char)value;
	}
}

/* Pull descriptors into memory; a wild one is left as it came. */
static void tame(struct guest_memory *m, size_t bytes)
{
	for (size_t at = 0; at + sizeof(struct vring_desc) <= bytes;
	     at += sizeof(struct vring_desc)) {
		struct vring_desc d;

		memcpy(&d, m->region[0].host + at, sizeof(d));
		if (d.flags & WILD)
			continue;
		d.addr %= MEMORY;
		d.len %= 600;
		d.next %= 64;
		memcpy(m->region[0].host + at, &d, sizeof(d));
	}
}

static void work(struct virtqueue *q)
{
	size_t total = 0;

	for (int pops = 0; pops < 2 * VIRTQUEUE_SIZE_MAX; pops++) {
		if (virtqueue_pop(q, &chain) <= 0)
			break;
		if (chain.readable + chain.writable > q->state.size)
			abort();
		/* Not the rings themselves: the work should end. */
		if (chain.iov[0].iov_base != (void *)q->available)
			touch(chain_writable(&chain), chain.writable, pops);
		total += chain.readable_bytes + chain.writable_bytes;
		virtqueue_push(q, chain.head, (uint32_t)total);
		virtqueue_publish(q);
		virtqueue_wants_signal(q);
		virtqueue_kicks_on(q);
		virtqueue_kicks_off(q);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guest_memory m = {.regions = 1, .bytes = MEMORY};
	struct virtqueue q = {0};
	size_t bytes;

	if (size < HEADER)
		return 0;
	bytes = size - HEADER < MEMORY ? size - HEADER : MEMORY;
	m.region[0].bytes = MEMORY;
	m.region[0].host = aligned_alloc(16, MEMORY);
	memset(m.region[0].host, 0, MEMORY);
	memcpy(m.region[0].host, data + HEADER, bytes);
	tame(&m, bytes);
	q.event_idx = data[0] & 1;
	q.indirect = data[0] & 2;
	virtqueue_reset(&q, (uint16_t)(1u << (data[1] % 10)));
	/* Apart, or on top of each other if the input says so. */
	q.state.available_gpa = data[2] * 32u;
	q.state.used_gpa = 8192 + data[3] * 32u;
	if (!virtqueue_map(&q, &m))
		work(&q);
	free(m.region[0].host);
	return 0;
}
