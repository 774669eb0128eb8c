/* virtio-net, transmit: from the guest's buffers to the tap (virtio 1.2, 5.1.6.2). */
#include <errno.h>
#include <sys/epoll.h>
#include <sys/uio.h>

#include "lib/now.h"
#include "vmm/virtio/net_tap.h"

/* Write the popped frame to the tap. False if the tap takes none now. */
static bool send_frame(struct net_pair *p)
{
	const struct virtqueue_chain *c = &p->chain;
	struct trace_frame frame = {
		.iov = c->iov,
		.iovcnt = (int)c->readable,
		.skip = NET_HEADER_BYTES,
		.bytes = c->readable_bytes - NET_HEADER_BYTES,
		.queue = (uint16_t)p->index,
		.index = c->head,
	};

	if (c->writable || c->readable_bytes <= NET_HEADER_BYTES) {
		counter_add(&p->tx_dropped, 1);
		return true;
	}
	trace_tx_pop(p->net->trace, p->net->lane, &frame);
	if (writev(p->fd, c->iov, (int)c->readable) >= 0) {
		limits_charge(&p->net->limits, LIMIT_OUT, frame.bytes);
		counter_add(&p->tx_frames, 1);
		counter_add(&p->tx_bytes, frame.bytes);
		return true;
	}
	if (errno == EAGAIN || errno == EINTR)
		return false;
	/* The interface is down, or the guest's header makes no sense: a wire would lose it
	 * too. */
	counter_add(&p->tx_dropped, 1);
	return true;
}

static bool serve(struct virtio_device *d, unsigned int queue, struct virtqueue_chain *c)
{
	struct net_pair *p = &net_tap_of(d->owner)->pair[queue / 2];

	p->limited[LIMIT_OUT] = limits_wait(&p->net->limits, LIMIT_OUT, c->readable_bytes);
	if (p->limited[LIMIT_OUT]) {
		virtqueue_unpop(net_tx_ring(p), 1);
		return false;
	}
	if (!send_frame(p)) {
		virtqueue_unpop(net_tx_ring(p), 1);
		counter_add(&p->tx_blocked, 1);
		net_poll(p, EPOLLOUT, true);
		return false;
	}
	net_sent(p);
	return true;
}

void net_tx_run(struct net_pair *p)
{
	uint64_t began = now_ns(), before = net_tx_ring(p)->chains;

	net_poll(p, EPOLLOUT, false);
	net_sent_begin(p);
	virtio_serve(net_device(p), 2 * p->index + 1, &p->chain, serve);
	net_sent_turn(p, net_tx_ring(p)->chains != before, began);
}

void net_tx_stop(struct net_pair *p)
{
	p->limited[LIMIT_OUT] = false;
	net_poll(p, EPOLLOUT, false);
	net_sent_stop(p);
}

void net_tx_start(struct net_pair *p)
{
	virtio_kick_again(net_device(p), 2 * p->index + 1);
}
