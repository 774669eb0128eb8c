/* virtio-net: features, and the device's life on its loop (virtio 1.2, 5.1.2 to 5.1.5). */
#include "vmm/virtio/net.h"

#include <linux/if_tun.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/net/tap.h"

/* What each feature that the driver accepts lets the tap hand over. */
static const struct {
	unsigned int feature;
	unsigned int offload;
} offloads[] = {
	{VIRTIO_NET_F_GUEST_CSUM, TUN_F_CSUM}, {VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4},
	{VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6}, {VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN},
	{VIRTIO_NET_F_GUEST_USO4, TUN_F_USO4}, {VIRTIO_NET_F_GUEST_USO6, TUN_F_USO6},
};

#define TUN_F_USO (TUN_F_USO4 | TUN_F_USO6)

#define BIT(feature) (1ULL << VIRTIO_NET_F_##feature)

#define OFFERED                                                                             \
	(NET_GUEST_OFFLOADS | BIT(CSUM) | BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_ECN) | \
	 BIT(HOST_USO) | BIT(MRG_RXBUF) | BIT(MAC) | BIT(STATUS) | BIT(CTRL_VQ) |           \
	 BIT(CTRL_RX) | BIT(CTRL_MAC_ADDR))

/* 5.1.2: behind the pairs there are, which is one if the driver knows nothing of more. */
static unsigned int control_queue(const struct virtio_net *n)
{
	return virtio_accepted(&n->device, VIRTIO_NET_F_MQ) ? 2 * n->pairs : 2;
}

static bool is_control(const struct virtio_net *n, unsigned int queue)
{
	return virtio_accepted(&n->device, VIRTIO_NET_F_CTRL_VQ) && queue == control_queue(n);
}

/* A queue of frames whose pair is active; of a driver without a control queue, there is none.
 */
static bool flows(const struct virtio_net *n, unsigned int queue)
{
	return !is_control(n, queue) && queue / 2 < n->active_pairs &&
	       n->device.queue[queue].ring.state.enabled;
}

unsigned int net_tun_offloads(uint64_t guest_features)
{
	unsigned int set = 0;

	for (size_t i = 0; i < sizeof(offloads) / sizeof(offloads[0]); i++)
		if (guest_features >> offloads[i].feature & 1)
			set |= offloads[i].offload;
	/* To a tap the two are one. */
	return (set & TUN_F_USO) == TUN_F_USO ? set : set & ~(unsigned int)TUN_F_USO;
}

uint64_t net_withheld_by_tap(int fd)
{
	if (tap_knows_offloads(fd, TUN_F_CSUM | TUN_F_USO))
		return 0;
	return 1ULL << VIRTIO_NET_F_GUEST_USO4 | 1ULL << VIRTIO_NET_F_GUEST_USO6 |
	       1ULL << VIRTIO_NET_F_HOST_USO;
}

void net_set_link(struct virtio_net *n, bool up)
{
	if (n->config.status == (up ? VIRTIO_NET_S_LINK_UP : 0))
		return;
	n->config.status = up ? VIRTIO_NET_S_LINK_UP : 0;
	virtio_config_changed(&n->device);
}

void net_tap_gone(struct virtio_net *n)
{
	fprintf(stderr,
		"strata-vmm: %s: the tap cannot be read any more, has it been removed? "
		"The link is down\n",
		n->name);
	net_set_link(n, false);
}

static void start_queue(struct virtio_device *d, unsigned int queue)
{
	struct virtio_net *n = d->owner;

	if (flows(n, queue) && n->backend->start_queue(n, queue)) {
		err_print("strata-vmm");
		virtio_break(d, "its queue could not be started");
	}
}

static void stop_queue(struct virtio_device *d, unsigned int queue)
{
	struct virtio_net *n = d->owner;

	if (queue < 2 * n->pairs)
		n->backend->stop_queue(n, queue);
}

static void switch_pair(struct virtio_net *n, unsigned int pair, bool on)
{
	int fd = n->link.queues ? n->link.fd[pair] : -1;

	if (on && fd >= 0)
		tap_attach_queue(fd, true);
	for (unsigned int queue = 2 * pair; queue < 2 * pair + 2; queue++) {
		if (on)
			start_queue(&n->device, queue);
		else if (n->backend->rest_queue)
			n->backend->rest_queue(n, queue);
		else
			stop_queue(&n->device, queue);
	}
	if (!on && fd >= 0)
		tap_attach_queue(fd, false);
}

void net_set_active_pairs(struct virtio_net *n, unsigned int pairs)
{
	unsigned int before = n->active_pairs;

	n->active_pairs = pairs;
	for (unsigned int i = 0; i < n->pairs; i++)
		if ((i < before) != (i < pairs))
			switch_pair(n, i, i < pairs);
}

static void start(struct virtio_device *d)
{
	struct virtio_net *n = d->owner;

	if (n->backend->start(n)) {
		err_print("strata-vmm");
		virtio_break(d, "its back end could not be started");
		return;
	}
	if (n->backend->set_offloads)
		n->backend->set_offloads(n, d->accepted & NET_GUEST_OFFLOADS);
	net_set_active_pairs(n, 1);
	if (virtio_accepted(d, VIRTIO_NET_F_CTRL_VQ))
		virtio_kick_again(d, control_queue(n));
}

static void stop(struct virtio_device *d)
{
	struct virtio_net *n = d->owner;

	net_set_active_pairs(n, 0);
	n->backend->stop(n);
}

static void kick(struct virtio_device *d, unsigned int queue)
{
	struct virtio_net *n = d->owner;

	if (is_control(n, queue))
		net_control(n, queue);
	else if (queue < 2 * n->pairs && n->backend->kick)
		n->backend->kick(n, queue);
}

static void interrupt_changed(struct virtio_device *d, unsigned int queue)
{
	struct virtio_net *n = d->owner;

	if (flows(n, queue) && n->backend->interrupt_changed)
		n->backend->interrupt_changed(n, queue);
}

static void reset(struct virtio_device *d)
{
	net_control_reset(d->owner);
}

static const struct virtio_ops net_ops = {
	.start = start,
	.stop = stop,
	.kick = kick,
	.stop_queue = stop_queue,
	.start_queue = start_queue,
	.interrupt_changed = interrupt_changed,
	.reset = reset,
};

/* 5.1.3.1: which features need which others, any of them. */
static const struct {
	uint64_t these, need;
} requirements[] = {
	{BIT(HOST_TSO4) | BIT(HOST_TSO6) | BIT(HOST_USO), BIT(CSUM)},
	{BIT(HOST_ECN), BIT(HOST_TSO4) | BIT(HOST_TSO6)},
	{BIT(GUEST_TSO4) | BIT(GUEST_TSO6) | BIT(GUEST_USO4) | BIT(GUEST_USO6),
	 BIT(GUEST_CSUM)},
	{BIT(GUEST_ECN), BIT(GUEST_TSO4) | BIT(GUEST_TSO6)},
};

static uint64_t consistent(uint64_t offered)
{
	for (size_t i = 0; i < sizeof(requirements) / sizeof(requirements[0]); i++)
		if (!(offered & requirements[i].need))
			offered &= ~requirements[i].these;
	return offered;
}

static uint64_t offer(const struct virtio_net *n)
{
	uint64_t offered = OFFERED;

	if (n->pairs > 1)
		offered |= 1ULL << VIRTIO_NET_F_MQ;
	if (n->link.mtu >= ETH_MIN_MTU)
		offered |= 1ULL << VIRTIO_NET_F_MTU;
	if (n->backend->set_offloads)
		offered |= 1ULL << VIRTIO_NET_F_CTRL_GUEST_OFFLOADS;
	return offered;
}

int net_init(struct virtio_net *n, unsigned int pairs, uint64_t withheld, struct loop *loop,
	     const struct guest_memory *m)
{
	struct virtio_device *d = &n->device;
	int result;

	n->pairs = pairs;
	n->config.status = VIRTIO_NET_S_LINK_UP;
	n->config.max_virtqueue_pairs = (uint16_t)pairs;
	n->config.mtu = (uint16_t)n->link.mtu;
	memcpy(n->config.mac, n->link.mac, ETH_ALEN);
	d->name = n->name;
	d->id = VIRTIO_ID_NET;
	d->ops = &net_ops;
	d->owner = n;
	d->offered = offer(n);
	d->queue_count = 2 * pairs + 1;
	d->config = &n->config;
	d->config_bytes = offsetof(struct virtio_net_config, speed);
	result = virtio_init(d, loop, m);
	d->offered = consistent(d->offered & ~withheld); /* those of the rings, too */
	return result;
}

void net_destroy(struct virtio_net *n)
{
	if (n->device.loop)
		stop(&n->device);
	virtio_destroy(&n->device);
	link_close(&n->link);
}
