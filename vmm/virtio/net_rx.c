/* virtio-net, receive: from the tap into the guest's buffers (virtio 1.2, 5.1.6.3, 5.1.6.4). */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "vmm/virtio/iov.h"
#include "vmm/virtio/net_tap.h"

#define FRAMES_PER_TURN 64

/* Once a try for a second frame was in vain, so many turns do without: requests come alone. */
#define SINGLE_TURNS 8

#define SEGMENTED                                                            \
	(1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6 | \
	 1ULL << VIRTIO_NET_F_GUEST_USO4 | 1ULL << VIRTIO_NET_F_GUEST_USO6)

static bool mergeable(const struct net_pair *p)
{
	return virtio_accepted(&p->net->card.device, VIRTIO_NET_F_MRG_RXBUF);
}

static void window_clear(struct net_window *w)
{
	w->iov_first = w->iov_end = 0;
	w->chain_first = w->chain_end = 0;
	w->bytes = w->held = w->held_overflow = 0;
}

static unsigned int window_chains(const struct net_window *w)
{
	return w->chain_end - w->chain_first;
}

/* Move the live entries to the front when the end comes near. */
static void window_compact(struct net_window *w)
{
	unsigned int iovs = w->iov_end - w->iov_first, chains = window_chains(w);

	memmove(w->iov, w->iov + w->iov_first, iovs * sizeof(w->iov[0]));
	memmove(w->chain, w->chain + w->chain_first, chains * sizeof(w->chain[0]));
	w->iov_first = w->chain_first = 0;
	w->iov_end = iovs;
	w->chain_end = chains;
}

static bool window_room(struct net_window *w)
{
	if (w->iov_end + VIRTQUEUE_SIZE_MAX > NET_WINDOW_IOVS ||
	    w->chain_end == NET_WINDOW_CHAINS)
		window_compact(w);
	return w->iov_end + VIRTQUEUE_SIZE_MAX <= NET_WINDOW_IOVS &&
	       w->chain_end < NET_WINDOW_CHAINS;
}

static void window_add(struct net_window *w, const struct virtqueue_chain *c)
{
	memcpy(w->iov + w->iov_end, c->iov, c->writable * sizeof(c->iov[0]));
	w->iov_end += c->writable;
	w->chain[w->chain_end].head = c->head;
	w->chain[w->chain_end].iovs = (uint16_t)c->writable;
	w->chain[w->chain_end].bytes = c->writable_bytes;
	w->chain_end++;
	w->bytes += c->writable_bytes;
}

static void window_drop_first(struct net_window *w)
{
	w->bytes -= w->chain[w->chain_first].bytes;
	w->iov_first += w->chain[w->chain_first].iovs;
	w->chain_first++;
}

/* With a VLAN tag; without the feature, what everybody is used to. */
static size_t frame_max(const struct virtio_net *n)
{
	return ETH_HLEN + 4 +
	       (virtio_accepted(&n->device, VIRTIO_NET_F_MTU) ? n->link.mtu : ETH_DATA_LEN);
}

/* Enough buffers for any frame that may come, so that the overflow is for bad days only. */
static size_t window_goal(const struct net_pair *p)
{
	const struct virtio_device *d = &p->net->card.device;

	if (!mergeable(p))
		return 1;
	if (p->window.held)
		return p->window.held;
	if (d->accepted & SEGMENTED)
		return NET_FRAME_MAX;
	return NET_HEADER_BYTES + frame_max(&p->net->card);
}

/* Pop buffers up to the goal. False if the driver broke a rule. */
static bool window_fill(struct net_pair *p)
{
	struct virtqueue *q = net_rx_ring(p);
	struct virtqueue_chain *c = &p->chain;
	size_t goal = window_goal(p);
	int popped;

	while (p->window.bytes < goal && window_room(&p->window)) {
		popped = virtqueue_pop(q, c);
		if (!popped)
			return true;
		if (popped < 0 || c->readable || !c->writable) {
			virtio_break(net_device(p),
				     q->broken ? q->broken
					       : "receive buffer that is not writable");
			return false;
		}
		window_add(&p->window, c);
	}
	return true;
}

/* The frame at the window's start, as tracing wants it. */
static struct trace_frame traced(const struct net_pair *p, size_t bytes)
{
	const struct net_window *w = &p->window;

	return (struct trace_frame){
		.iov = w->iov + w->iov_first,
		.iovcnt = (int)(w->iov_end - w->iov_first) + 1,
		.skip = NET_HEADER_BYTES,
		.bytes = bytes - NET_HEADER_BYTES,
		.queue = (uint16_t)p->index,
		.index = w->chain[w->chain_first].head,
	};
}

/* Hand the frame of so many bytes at the window's start to the guest; the window has room for
 * it. */
static void deliver(struct net_pair *p, size_t bytes)
{
	struct virtqueue *q = net_rx_ring(p);
	struct net_window *w = &p->window;
	struct trace_frame frame = traced(p, bytes);
	unsigned int iovs = w->iov_end - w->iov_first;
	unsigned int first_iov = w->iov_first;
	size_t left = bytes;
	uint16_t buffers = 0;

	for (; left; buffers++) {
		size_t part = w->chain[w->chain_first].bytes;

		if (part > left)
			part = left;
		virtqueue_push(q, w->chain[w->chain_first].head, (uint32_t)part);
		window_drop_first(w);
		left -= part;
	}
	iov_copy_to(w->iov + first_iov, iovs, offsetof(struct virtio_net_hdr_v1, num_buffers),
		    &buffers, sizeof(buffers));
	/* Before: a guest that polls sees the frame at once, whenever we get a CPU again. */
	trace_rx_publish(p->net->trace, p->net->lane, &frame);
	virtqueue_publish(q);
	virtio_signal(net_device(p), 2 * p->index);
	counter_add(&p->rx_frames, 1);
	counter_add(&p->rx_bytes, bytes - NET_HEADER_BYTES);
}

static void hold(struct net_pair *p, size_t bytes)
{
	p->window.held = bytes;
	p->window.held_overflow = bytes - p->window.bytes;
}

/* Can buffers still be added, by us or by the guest? If not, waiting for more is in vain. */
static bool window_full(struct net_pair *p)
{
	return !mergeable(p) || !window_room(&p->window) ||
	       window_chains(&p->window) >= net_rx_ring(p)->state.size;
}

/* Deliver the held frame if there are buffers for it now. True if none is held any more. */
static bool release_held(struct net_pair *p)
{
	struct net_window *w = &p->window;
	size_t bytes = w->held;

	if (!bytes)
		return true;
	if (w->bytes < bytes && !window_full(p))
		return false;
	w->held = 0;
	if (w->bytes < bytes) {
		counter_add(&p->rx_dropped, 1);
		return true;
	}
	iov_copy_to(w->iov + w->iov_first, w->iov_end - w->iov_first, bytes - w->held_overflow,
		    w->overflow, w->held_overflow);
	deliver(p, bytes);
	return true;
}

/* No buffers: leave frames in the tap until the guest adds some. True if it just did. */
static bool starve(struct net_pair *p)
{
	if (virtqueue_kicks_on(net_rx_ring(p))) {
		virtqueue_kicks_off(net_rx_ring(p));
		return true;
	}
	p->starved = true;
	counter_add(&p->rx_starved, 1);
	net_poll(p, EPOLLIN, false);
	return false;
}

/* Read one frame; false if there was none. */
static bool read_frame(struct net_pair *p)
{
	struct net_window *w = &p->window;
	struct trace_frame frame;
	ssize_t n;

	w->iov[w->iov_end].iov_base = w->overflow;
	w->iov[w->iov_end].iov_len = sizeof(w->overflow);
	n = readv(p->fd, w->iov + w->iov_first, (int)(w->iov_end - w->iov_first) + 1);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		net_tap_lost(p->net);
		return false;
	}
	if ((size_t)n <= NET_HEADER_BYTES) {
		counter_add(&p->rx_dropped, 1);
		return true;
	}
	limits_charge(&p->net->limits, LIMIT_IN, (size_t)n - NET_HEADER_BYTES);
	frame = traced(p, (size_t)n);
	trace_rx_read(p->net->trace, p->net->lane, &frame);
	if ((size_t)n <= w->bytes)
		deliver(p, (size_t)n);
	else
		hold(p, (size_t)n);
	return true;
}

/* Out of tokens: what comes waits in the tap, or is dropped there. */
static bool out_of_tokens(struct net_pair *p)
{
	p->limited[LIMIT_IN] = limits_wait(&p->net->limits, LIMIT_IN, 1);
	if (p->limited[LIMIT_IN])
		net_poll(p, EPOLLIN, false);
	return p->limited[LIMIT_IN];
}

void net_rx_ready(struct net_pair *p)
{
	int turns = 0;

	while (net_device(p)->running && !p->starved && turns < FRAMES_PER_TURN) {
		if (!window_fill(p))
			break;
		if (!release_held(p) || !window_chains(&p->window)) {
			if (!starve(p))
				break;
			continue;
		}
		if (out_of_tokens(p))
			break;
		if (turns && p->single) {
			p->single--;
			break;
		}
		if (!read_frame(p)) {
			if (turns == 1)
				p->single = SINGLE_TURNS;
			break;
		}
		turns++;
	}
	if (!net_device(p)->running)
		net_poll(p, EPOLLIN, false);
}

void net_rx_kick(struct net_pair *p)
{
	if (!p->starved)
		return;
	p->starved = false;
	virtqueue_kicks_off(net_rx_ring(p));
	net_poll(p, EPOLLIN, true);
	net_rx_ready(p);
}

void net_rx_start(struct net_pair *p)
{
	window_clear(&p->window);
	p->starved = false;
	p->limited[LIMIT_IN] = false;
	virtqueue_kicks_off(net_rx_ring(p));
	net_poll(p, EPOLLIN, true);
}

void net_rx_stop(struct net_pair *p)
{
	net_poll(p, EPOLLIN, false);
	p->limited[LIMIT_IN] = false;
	if (p->window.held)
		counter_add(&p->rx_dropped, 1);
	virtqueue_unpop(net_rx_ring(p), window_chains(&p->window));
	window_clear(&p->window);
}
