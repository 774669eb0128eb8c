/*
 * A virtio network card whose frames another process moves (vhost-user): Open vSwitch with
 * DPDK's datapath, DPDK's vhost library.
 *
 *     --net mode=vhost-user,socket=PATH[,server][,mac=02:..][,queues=N]
 *
 * We connect to the socket, or with server listen at it (Open vSwitch's dpdkvhostuserclient).
 * The guest's memory is a file that the other process maps. When it goes, the link is down
 * until it is back, and it is given the rings where they are then.
 *
 * Status, beside what every virtio card tells: "mac", "socket", "connected", "reconnects".
 */
#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/virtio/devices.h"
#include "vmm/virtio/net.h"
#include "vmm/virtio/vhost_user_port.h"

/* The device's own affair, whatever the back end knows. */
#define OURS                                                           \
	(1ULL << VIRTIO_NET_F_MAC | 1ULL << VIRTIO_NET_F_STATUS |      \
	 1ULL << VIRTIO_NET_F_CTRL_VQ | 1ULL << VIRTIO_NET_F_CTRL_RX | \
	 1ULL << VIRTIO_NET_F_CTRL_MAC_ADDR | 1ULL << VIRTIO_NET_F_MQ)

struct vhost_user_net {
	struct virtio_net card;
	struct vhost_user_port port;
	struct vhost_ring ring[2 * NET_PAIRS_MAX];
	unsigned int rings; /* made */
};

static struct vhost_user_net *of(struct virtio_net *n)
{
	return (struct vhost_user_net *)((char *)n - offsetof(struct vhost_user_net, card));
}

/* All rings there are, before any runs: how many there are is how many queues it serves. */
static int hand_over(struct vhost_user_net *v)
{
	const struct virtio_device *d = &v->card.device;

	if (vhost_start(&v->port.user.vhost, d))
		return -1;
	for (unsigned int i = 0; i < v->rings; i++)
		if (d->queue[i].ring.state.enabled && vhost_ring_start(&v->ring[i]))
			return -1;
	return 0;
}

static int run_active(struct vhost_user_net *v)
{
	for (unsigned int i = 0; i < 2 * v->card.active_pairs; i++)
		if (vhost_ring_run(&v->ring[i], true))
			return -1;
	return 0;
}

/* What fails here is not the guest's fault: it sees the link go down. */
static int start(struct virtio_net *n)
{
	struct vhost_user_net *v = of(n);

	if (v->port.connected && hand_over(v))
		vhost_user_port_drop(&v->port);
	return 0;
}

static int start_queue(struct virtio_net *n, unsigned int queue)
{
	struct vhost_user_net *v = of(n);
	struct vhost_ring *r = &v->ring[queue];

	if (v->port.connected && (vhost_ring_start(r) || vhost_ring_run(r, true)))
		vhost_user_port_drop(&v->port);
	return 0;
}

static void rest_queue(struct virtio_net *n, unsigned int queue)
{
	struct vhost_user_net *v = of(n);

	if (v->port.connected && vhost_ring_run(&v->ring[queue], false))
		vhost_user_port_drop(&v->port);
}

static void stop_queue(struct virtio_net *n, unsigned int queue)
{
	struct vhost_user_net *v = of(n);

	if (v->port.user.failed)
		vhost_ring_lost(&v->ring[queue]);
	else
		vhost_ring_stop(&v->ring[queue]);
}

static void stop(struct virtio_net *n)
{
	for (unsigned int i = 0; i < of(n)->rings; i++)
		stop_queue(n, i);
}

static void interrupt_changed(struct virtio_net *n, unsigned int queue)
{
	if (vhost_ring_reroute(&of(n)->ring[queue]))
		vhost_user_port_drop(&of(n)->port);
}

static const struct net_backend backend = {
	.start = start,
	.stop = stop,
	.start_queue = start_queue,
	.stop_queue = stop_queue,
	.rest_queue = rest_queue,
	.interrupt_changed = interrupt_changed,
};

static void lose_rings(struct vhost_user_net *v)
{
	for (unsigned int i = 0; i < v->rings; i++)
		vhost_ring_lost(&v->ring[i]);
}

static void down(struct vhost_user_port *p)
{
	struct vhost_user_net *v = p->owner;

	lose_rings(v);
	net_set_link(&v->card, false);
}

static int up(struct vhost_user_port *p)
{
	struct vhost_user_net *v = p->owner;
	struct virtio_device *d = &v->card.device;
	uint64_t missing = d->accepted & ~OURS & ~p->user.vhost.features;

	if (d->running && missing)
		return err_set("%s: the back end that came back lacks features that the guest "
			       "uses: 0x%llx",
			       p->name, (unsigned long long)missing);
	if (d->running && (hand_over(v) || run_active(v))) {
		lose_rings(v);
		return -1;
	}
	net_set_link(&v->card, true);
	return 0;
}

static int check_queues(const struct vhost_user_net *v, unsigned int pairs)
{
	if (pairs <= 1 || pairs <= v->port.user.queues)
		return 0;
	return err_set("%s: the back end has %u queue pairs, not %u", v->card.name,
		       v->port.user.queues ? v->port.user.queues : 1, pairs);
}

static int make_rings(struct vhost_user_net *v, unsigned int pairs)
{
	for (unsigned int i = 0; i < 2 * pairs; i++, v->rings++)
		if (vhost_ring_init(&v->ring[i], &v->port.user.vhost, i, &v->card.device, i))
			return -1;
	return 0;
}

static int set_up(struct vhost_user_net *v, struct machine *m, const struct arguments *a)
{
	const char *path = arguments_get(a, "socket", "");
	struct virtio_net *n = &v->card;
	uint64_t pairs = 1;

	snprintf(n->name, sizeof(n->name), "vhost-user %s", path);
	v->port.name = n->name;
	v->port.wanted_protocol =
		1ULL << VHOST_USER_PROTOCOL_MQ | 1ULL << VHOST_USER_PROTOCOL_REPLY_ACK;
	v->port.owner = v;
	v->port.up = up;
	v->port.down = down;
	n->backend = &backend;
	n->link.filter_fd = -1;
	n->device.name = n->name;
	if (arguments_number(a, "queues", 1, NET_PAIRS_MAX, &pairs) ||
	    link_address(n->link.mac, arguments_get(a, "mac", NULL), path) ||
	    vhost_user_port_open(&v->port, path, arguments_has(a, "server")) ||
	    check_queues(v, (unsigned int)pairs) || make_rings(v, (unsigned int)pairs) ||
	    net_init(n, (unsigned int)pairs, ~(OURS | v->port.user.vhost.features),
		     v->port.loop, &m->memory) ||
	    net_add(n, m))
		return -1;
	return vhost_user_port_start(&v->port);
}

static int check(const struct arguments *a)
{
	const char *path = arguments_get(a, "socket", "");
	uint8_t mac[ETH_ALEN];

	return vhost_user_port_check(a) ||
			       link_address(mac, arguments_get(a, "mac", NULL), path)
		       ? -1
		       : 0;
}

static int create(struct device *d, const struct arguments *a)
{
	struct vhost_user_net *v = calloc(1, sizeof(*v));

	if (!v)
		return err_errno("net");
	d->state = v;
	if (set_up(v, d->machine, a))
		return -1;
	d->pci = &v->card.transport.pci;
	return 0;
}

static void destroy(struct device *d)
{
	struct vhost_user_net *v = d->state;

	vhost_user_port_stop(&v->port);
	net_destroy(&v->card);
	for (unsigned int i = 0; i < v->rings; i++)
		vhost_ring_destroy(&v->ring[i]);
	vhost_user_port_close(&v->port);
	free(v);
}

static void status(struct device *d, json_t *into)
{
	struct vhost_user_net *v = d->state;

	net_status(&v->card, into);
	link_status(&v->card.link, into);
	vhost_user_port_status(&v->port, into);
}

static const struct argument arguments[] = {
	{"socket", "PATH", true, "where the switch listens, or is listened for"},
	{"server", NULL, false, "listen there for the switch"},
	{"mac", "ADDRESS", false, "default: made from the socket's path"},
	{"queues", "N", false, "queue pairs (default: 1)"},
	{NULL, NULL, false, NULL},
};

const struct device_type device_net_vhost_user = {
	.name = "net",
	.mode = "vhost-user",
	.help = "a network card that another process serves, over its socket",
	.arguments = arguments,
	.many = true,
	.shared_memory = true,
	.check = check,
	.create = create,
	.destroy = destroy,
	.status = status,
	.no_limits = "another process moves its frames, past us: that process has to limit "
		     "them, or use mode=virtio",
};
