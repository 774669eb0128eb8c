/* virtio-net: features, and the device's life on the I/O loop (virtio 1.2, 5.1.2 to 5.1.5). */
#include "vmm/virtio/net.h"

#include <linux/if_tun.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/net/tap.h"

/* What each feature that the driver accepts lets the tap hand over. */
static const struct {
	unsigned int feature;
	unsigned int offload;
} offloads[] = {
	{VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM},
	{VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4},
	{VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6},
	{VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN},
};

#define OFFERED                                                              \
	(1ULL << VIRTIO_NET_F_CSUM | 1ULL << VIRTIO_NET_F_GUEST_CSUM |       \
	 1ULL << VIRTIO_NET_F_GUEST_TSO4 | 1ULL << VIRTIO_NET_F_GUEST_TSO6 | \
	 1ULL << VIRTIO_NET_F_GUEST_ECN | 1ULL << VIRTIO_NET_F_HOST_TSO4 |   \
	 1ULL << VIRTIO_NET_F_HOST_TSO6 | 1ULL << VIRTIO_NET_F_HOST_ECN |    \
	 1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_MAC |         \
	 1ULL << VIRTIO_NET_F_STATUS)

#define OFFERED_MULTI_QUEUE (1ULL << VIRTIO_NET_F_CTRL_VQ | 1ULL << VIRTIO_NET_F_MQ)

/* 5.1.2: behind the pairs there are, which is one if the driver knows nothing of more. */
static unsigned int control_queue(const struct virtio_net *n)
{
	return virtio_accepted(&n->device, VIRTIO_NET_F_MQ) ? 2 * n->pairs : 2;
}

void net_poll(struct net_pair *p, uint32_t events, bool on)
{
	uint32_t now = on ? p->polled | events : p->polled & ~events;

	if (now == p->polled || (on && p->net->tap_gone))
		return;
	/* Removed rather than watched for nothing: errors would be reported all the same. */
	if (!now)
		loop_remove(p->net->device.loop, &p->tap);
	else if (!p->polled)
		loop_add(p->net->device.loop, &p->tap, now);
	else
		loop_modify(p->net->device.loop, &p->tap, now);
	p->polled = now;
}

void net_tap_gone(struct virtio_net *n)
{
	if (n->tap_gone)
		return;
	fprintf(stderr,
		"strata-vmm: %s: the tap cannot be read any more, has it been removed? "
		"The link is down\n",
		n->name);
	for (unsigned int i = 0; i < n->pairs; i++)
		net_poll(&n->pair[i], EPOLLIN | EPOLLOUT, false);
	n->tap_gone = true;
	n->config.status = 0;
	virtio_config_changed(&n->device);
}

static void tap_ready(struct loop_source *s, uint32_t events)
{
	struct net_pair *p = s->owner;

	if (!p->net->device.running) {
		net_poll(p, EPOLLIN | EPOLLOUT, false);
		return;
	}
	if (events & EPOLLOUT)
		net_tx_run(p);
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		net_rx_ready(p);
}

static void start(struct virtio_device *d)
{
	struct virtio_net *n = d->owner;
	unsigned int offload = 0;

	for (size_t i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++)
		if (virtio_accepted(d, offloads[i].feature))
			offload |= offloads[i].offload;
	net_set_active_pairs(n, 1);
	tap_set_offloads(n->pair[0].fd, offload);
	for (unsigned int i = 0; i < n->pairs; i++)
		net_tx_start(&n->pair[i]);
}

static void stop(struct virtio_device *d)
{
	net_set_active_pairs(d->owner, 0);
}

static void kick(struct virtio_device *d, unsigned int queue)
{
	struct virtio_net *n = d->owner;

	if (virtio_accepted(d, VIRTIO_NET_F_CTRL_VQ) && queue == control_queue(n))
		net_control(n, queue);
	else if (queue >= 2 * n->pairs)
		return; /* the control queue of a driver that did not accept it */
	else if (queue % 2)
		net_tx_run(&n->pair[queue / 2]);
	else
		net_rx_kick(&n->pair[queue / 2]);
}

const struct virtio_ops net_ops = {.start = start, .stop = stop, .kick = kick};

int net_init(struct virtio_net *n, const int *fds, unsigned int pairs, struct loop *loop,
	     const struct guest_memory *m, struct trace *trace)
{
	struct virtio_device *d = &n->device;

	n->pairs = pairs;
	n->trace = trace;
	n->lane = trace_lane(trace);
	n->config.status = VIRTIO_NET_S_LINK_UP;
	n->config.max_virtqueue_pairs = (uint16_t)pairs;
	n->pair = calloc(pairs, sizeof(*n->pair));
	if (!n->pair)
		return err_errno("%s: %u queue pairs", n->name, pairs);
	for (unsigned int i = 0; i < pairs; i++) {
		struct net_pair *p = &n->pair[i];

		p->net = n;
		p->index = i;
		p->fd = fds[i];
		p->tap = (struct loop_source){p->fd, tap_ready, p};
	}
	d->name = n->name;
	d->id = VIRTIO_ID_NET;
	d->ops = &net_ops;
	d->owner = n;
	d->offered = OFFERED | (pairs > 1 ? OFFERED_MULTI_QUEUE : 0);
	d->queue_count = 2 * pairs + (pairs > 1);
	d->config = &n->config;
	d->config_bytes = offsetof(struct virtio_net_config, mtu);
	return virtio_init(d, loop, m);
}

void net_destroy(struct virtio_net *n)
{
	net_set_active_pairs(n, 0); /* also of one that net_init() never saw */
	virtio_destroy(&n->device);
	for (unsigned int i = 0; n->pair && i < n->pairs; i++)
		close(n->pair[i].fd);
	free(n->pair);
	n->pair = NULL;
}
