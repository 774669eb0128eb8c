/*
 * virtio-net: a network card of the standard kind (virtio 1.2, 5.1), over a tap.
 *
 *     --net mode=virtio,tap=NAME[,mac=02:..][,queues=N]     or fd=N for an inherited tap
 *
 * Offers checksum and segmentation offload both ways, mergeable receive buffers, and
 * with queues=N as many queue pairs, each with a queue of the tap of its own (make the
 * tap with multi_queue). No filtering: what the tap hands over, the guest gets.
 *
 * Limits of what it carries either way, and how often and how long they held it up:
 * vmm/limit.h.
 *
 * Status, beside what every virtio device tells: "tap", "mac", "mtu", "link", "active_pairs",
 * and for each pair frames and bytes both ways; rx_starved: the guest had no receive
 * buffers; rx_dropped: a frame longer than any buffer; tx_dropped: what the tap refused
 * or what was no frame; tx_blocked: the tap was full;
 * tx_waited, tx_spared: interrupts about sent frames that were put off and then given, and that
 * the driver did not need in the end.
 */
#include "vmm/virtio/net_tap.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/virtio/devices.h"

#define CLASS_ETHERNET 0x020000

int net_add(struct virtio_net *n, struct machine *m)
{
	return virtio_pci_add(&n->transport, &n->device, m, CLASS_ETHERNET);
}

void net_status(struct virtio_net *n, json_t *into)
{
	virtio_pci_status(&n->transport, into);
	json_object_set_new(into, "link", json_boolean(n->config.status));
	json_object_set_new(into, "active_pairs", json_integer(n->active_pairs));
	json_object_set_new(into, "control_commands",
			    json_integer((json_int_t)counter_read(&n->control_commands)));
	json_object_set_new(into, "control_refused",
			    json_integer((json_int_t)counter_read(&n->control_refused)));
}

static int set_up(struct net_tap *t, struct machine *m, const struct arguments *a)
{
	struct virtio_net *n = &t->card;
	uint64_t pairs = 1;

	if (arguments_number(a, "queues", 1, NET_PAIRS_MAX, &pairs) ||
	    link_open(&n->link, a, (unsigned int)pairs))
		return -1;
	snprintf(n->name, sizeof(n->name), "virtio-net %s", n->link.tap);
	if (net_tap_init(t, m->io, &m->memory, &m->trace) || limits_arguments(&t->limits, a))
		return -1;
	return net_add(n, m);
}

static int create(struct device *d, const struct arguments *a)
{
	struct net_tap *t = calloc(1, sizeof(*t));

	if (!t)
		return err_errno("net");
	d->state = t;
	if (set_up(t, d->machine, a))
		return -1;
	d->pci = &t->card.transport.pci;
	return 0;
}

static void destroy(struct device *d)
{
	net_tap_destroy(d->state);
	free(d->state);
}

static json_t *pair_status(const struct net_pair *p)
{
	const struct {
		const char *name;
		const uint64_t *counter;
	} rows[] = {
		{"rx_frames", &p->rx_frames},   {"rx_bytes", &p->rx_bytes},
		{"rx_starved", &p->rx_starved}, {"rx_dropped", &p->rx_dropped},
		{"tx_frames", &p->tx_frames},   {"tx_bytes", &p->tx_bytes},
		{"tx_dropped", &p->tx_dropped}, {"tx_blocked", &p->tx_blocked},
		{"tx_waited", &p->sent.waited}, {"tx_spared", &p->sent.spared},
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(o, rows[i].name,
				    json_integer((json_int_t)counter_read(rows[i].counter)));
	return o;
}

static void status(struct device *d, json_t *into)
{
	struct net_tap *t = d->state;
	json_t *pairs = json_array();

	net_status(&t->card, into);
	link_status(&t->card.link, into);
	for (unsigned int i = 0; i < t->card.pairs; i++)
		json_array_append_new(pairs, pair_status(&t->pair[i]));
	json_object_set_new(into, "pairs", pairs);
	limits_status(&t->limits, into);
}

static struct limits *limits(struct device *d)
{
	struct net_tap *t = d->state;

	return &t->limits;
}

static const struct argument arguments[] = {
	LINK_ARGUMENTS,
	{"queues", "N", false, "queue pairs (default: 1)"},
	NET_LIMIT_ARGUMENTS,
	{NULL, NULL, false, NULL},
};

const struct device_type device_net_virtio = {
	.name = "net",
	.mode = "virtio",
	.help = "a network card that the VMM serves, on a tap",
	.arguments = arguments,
	.many = true,
	.check = link_check,
	.create = create,
	.destroy = destroy,
	.status = status,
	.limits = limits,
};
