/*
 * virtio-net, the control queue (virtio 1.2, 5.1.6.5). Nothing is filtered on the way from a
 * tap, so filters are set by taking note of them: they may let more through than was asked for
 * (5.1.6.5.1), never less.
 */
#include <string.h>

#include "vmm/virtio/iov.h"
#include "vmm/virtio/net.h"

#define BODY_MAX 8

/* A command's body, and how much of it there is behind its header. */
struct command {
	const struct virtqueue_chain *chain;
	uint8_t body[BODY_MAX];
	size_t bytes;
};

static bool set_pairs(struct virtio_net *n, const struct command *c)
{
	unsigned int pairs = (unsigned int)c->body[0] | (unsigned int)c->body[1] << 8;

	if (!pairs || pairs > n->pairs)
		return false;
	net_set_active_pairs(n, pairs);
	return n->device.running;
}

static bool set_promiscuous(struct virtio_net *n, const struct command *c)
{
	bool on = c->body[0];

	if (on != n->promiscuous && link_set_promiscuous(&n->link, on))
		return false;
	n->promiscuous = on;
	return true;
}

/* Multicast comes without being asked for. */
static bool set_all_multicast(struct virtio_net *n, const struct command *c)
{
	(void)n;
	(void)c;
	return true;
}

static bool set_address(struct virtio_net *n, const struct command *c)
{
	if (c->body[0] & 1 ||
	    (n->link.fixed_address && memcmp(c->body, n->link.mac, ETH_ALEN) != 0))
		return false;
	memcpy(n->config.mac, c->body, ETH_ALEN);
	return true;
}

/* Two tables, each a count and so many addresses: must be whole. */
static bool set_filter(struct virtio_net *n, const struct command *c)
{
	size_t at = sizeof(struct virtio_net_ctrl_hdr);
	uint32_t entries;

	(void)n;
	for (int table = 0; table < 2; table++) {
		if (iov_copy_from(c->chain->iov, c->chain->readable, at, &entries,
				  sizeof(entries)) != sizeof(entries))
			return false;
		at += sizeof(entries) + (size_t)entries * ETH_ALEN;
		if (at > c->chain->readable_bytes)
			return false;
	}
	return true;
}

static bool set_offloads(struct virtio_net *n, const struct command *c)
{
	uint64_t features;

	memcpy(&features, c->body, sizeof(features));
	if (features & ~(n->device.accepted & NET_GUEST_OFFLOADS))
		return false;
	n->backend->set_offloads(n, features);
	return true;
}

/* What the driver may say: with which feature, how many bytes at least, and who obeys. */
static const struct {
	uint8_t class, cmd;
	uint8_t feature;
	uint8_t bytes;
	bool (*obey)(struct virtio_net *n, const struct command *c);
} commands[] = {
	{VIRTIO_NET_CTRL_MQ, VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET, VIRTIO_NET_F_MQ, 2, set_pairs},
	{VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_PROMISC, VIRTIO_NET_F_CTRL_RX, 1,
	 set_promiscuous},
	{VIRTIO_NET_CTRL_RX, VIRTIO_NET_CTRL_RX_ALLMULTI, VIRTIO_NET_F_CTRL_RX, 1,
	 set_all_multicast},
	{VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, VIRTIO_NET_F_CTRL_RX, 8,
	 set_filter},
	{VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, VIRTIO_NET_F_CTRL_MAC_ADDR,
	 ETH_ALEN, set_address},
	{VIRTIO_NET_CTRL_GUEST_OFFLOADS, VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET,
	 VIRTIO_NET_F_CTRL_GUEST_OFFLOADS, 8, set_offloads},
};

static bool obey(struct virtio_net *n, const struct virtqueue_chain *chain)
{
	struct virtio_net_ctrl_hdr header = {0};
	struct command c = {.chain = chain};
	size_t at = sizeof(header);

	if (iov_copy_from(chain->iov, chain->readable, 0, &header, at) != at)
		return false;
	c.bytes = iov_copy_from(chain->iov, chain->readable, at, c.body, sizeof(c.body));
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].class == header.class && commands[i].cmd == header.cmd)
			return virtio_accepted(&n->device, commands[i].feature) &&
			       c.bytes >= commands[i].bytes && commands[i].obey(n, &c);
	return false;
}

static bool take_command(struct virtio_device *d, unsigned int queue, struct virtqueue_chain *c)
{
	struct virtio_net *n = d->owner;
	uint8_t ack;

	if (!c->writable_bytes) {
		virtio_break(d, "control command without room for its answer");
		return false;
	}
	ack = obey(n, c) ? VIRTIO_NET_OK : VIRTIO_NET_ERR;
	if (!d->running)
		return false;
	iov_copy_to(chain_writable(c), c->writable, 0, &ack, sizeof(ack));
	virtqueue_push(&d->queue[queue].ring, c->head, sizeof(ack));
	virtio_publish(d, queue);
	counter_add(&n->control_commands, 1);
	if (ack != VIRTIO_NET_OK)
		counter_add(&n->control_refused, 1);
	return true;
}

void net_control(struct virtio_net *n, unsigned int queue)
{
	struct virtqueue_chain c;

	virtio_serve(&n->device, queue, &c, take_command);
	if (!n->device.running) /* broken: others may move frames without looking */
		net_set_active_pairs(n, 0);
}

void net_control_reset(struct virtio_net *n)
{
	if (n->promiscuous)
		link_set_promiscuous(&n->link, false);
	n->promiscuous = false;
	memcpy(n->config.mac, n->link.mac, ETH_ALEN);
}
