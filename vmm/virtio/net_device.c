/*
 * virtio-net: a network card of the standard kind (virtio 1.2, 5.1), over a tap.
 *
 *     --net mode=virtio,tap=NAME[,mac=02:..][,queues=N]     or fd=N for an inherited tap
 *
 * Offers checksum and segmentation offload both ways, mergeable receive buffers, and
 * with queues=N as many queue pairs, each with a queue of the tap of its own (make the
 * tap with multi_queue). No filtering: what the tap hands over, the guest gets.
 *
 * Status, beside what every virtio device tells: "tap", "mac", "link", "active_pairs",
 * and for each pair frames and bytes both ways; rx_starved: the guest had no receive
 * buffers; rx_dropped: a frame longer than any buffer; tx_dropped: what the tap refused
 * or what was no frame; tx_blocked: the tap was full.
 */
#include "vmm/virtio/net.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/virtio/devices.h"
#include "vmm/virtio/tap.h"

#define CLASS_ETHERNET 0x020000

/* Unless told otherwise: locally administered, the same for the same tap (FNV-1a). */
static void default_mac(uint8_t mac[ETH_ALEN], const char *tap)
{
	uint32_t hash = 0x811c9dc5;

	for (; *tap; tap++)
		hash = (hash ^ (uint8_t)*tap) * 0x01000193;
	mac[0] = 0x52;
	mac[1] = 0x54;
	memcpy(mac + 2, &hash, sizeof(hash));
}

static int parse_mac(uint8_t mac[ETH_ALEN], const char *text)
{
	unsigned int byte[ETH_ALEN];
	int end = -1;

	if (sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x%n", &byte[0], &byte[1], &byte[2], &byte[3],
		   &byte[4], &byte[5], &end) != ETH_ALEN ||
	    end < 0 || text[end])
		return err_set("mac=%s is no address like 52:54:00:12:34:56", text);
	if (byte[0] & 1)
		return err_set("mac=%s is a multicast address; its first byte must be even",
			       text);
	for (int i = 0; i < ETH_ALEN; i++)
		mac[i] = (uint8_t)byte[i];
	return 0;
}

static int open_taps(struct virtio_net *n, const struct arguments *a, int *fds,
		     unsigned int pairs)
{
	const char *tap = arguments_get(a, "tap", NULL);
	uint64_t inherited = 0;

	if (!tap) {
		if (arguments_number(a, "fd", 0, INT32_MAX, &inherited))
			return -1;
		fds[0] = (int)inherited;
		return tap_adopt(fds[0], n->tap) ? -1 : tap_prepare(fds[0]);
	}
	snprintf(n->tap, sizeof(n->tap), "%s", tap);
	for (unsigned int i = 0; i < pairs; i++) {
		fds[i] = tap_open(tap, pairs > 1);
		if (fds[i] < 0 || tap_prepare(fds[i]))
			return -1;
		/* Until the driver asks for it, no flow may be steered to it. */
		if (i)
			tap_attach_queue(fds[i], false);
	}
	return 0;
}

static int set_up(struct virtio_net *n, struct machine *m, const struct arguments *a)
{
	const char *mac = arguments_get(a, "mac", NULL);
	int fds[NET_PAIRS_MAX];
	uint64_t pairs = 1;

	memset(fds, -1, sizeof(fds));
	if (arguments_number(a, "queues", 1, NET_PAIRS_MAX, &pairs))
		return -1;
	if (open_taps(n, a, fds, (unsigned int)pairs)) {
		for (unsigned int i = 0; i < pairs; i++)
			if (fds[i] >= 0)
				close(fds[i]);
		return -1;
	}
	snprintf(n->name, sizeof(n->name), "virtio-net %s", n->tap);
	if (net_init(n, fds, (unsigned int)pairs, m->io, &m->memory, &m->trace))
		return -1;
	default_mac(n->config.mac, n->tap);
	if (mac && parse_mac(n->config.mac, mac))
		return -1;
	return virtio_pci_add(&n->transport, &n->device, m, CLASS_ETHERNET);
}

static int net_create(struct device *d, const struct arguments *a)
{
	struct virtio_net *n = calloc(1, sizeof(*n));

	if (!n)
		return err_errno("net");
	d->state = n;
	if (set_up(n, d->machine, a))
		return -1;
	d->pci = &n->transport.pci;
	return 0;
}

static void net_device_destroy(struct device *d)
{
	struct virtio_net *n = d->state;

	net_destroy(n);
	free(n);
}

static int net_check(const struct arguments *a)
{
	const char *mode = arguments_get(a, "mode", "virtio");
	uint8_t mac[ETH_ALEN];

	if (strcmp(mode, "virtio"))
		return err_set("mode=%s: the modes are: virtio", mode);
	if (arguments_has(a, "tap") == arguments_has(a, "fd"))
		return err_set("give it either tap=NAME or fd=N");
	if (strlen(arguments_get(a, "tap", "")) >= IFNAMSIZ)
		return err_set("tap=%s: a name has at most %d characters",
			       arguments_get(a, "tap", ""), IFNAMSIZ - 1);
	if (arguments_has(a, "fd") && arguments_has(a, "queues"))
		return err_set("fd=N is one queue; for several give it tap=NAME");
	return arguments_has(a, "mac") ? parse_mac(mac, arguments_get(a, "mac", "")) : 0;
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
	};
	json_t *o = json_object();

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		json_object_set_new(o, rows[i].name,
				    json_integer((json_int_t)counter_read(rows[i].counter)));
	return o;
}

static void net_status(struct device *d, json_t *into)
{
	struct virtio_net *n = d->state;
	const uint8_t *mac = n->config.mac;
	json_t *pairs = json_array();
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	virtio_pci_status(&n->transport, into);
	for (unsigned int i = 0; i < n->pairs; i++)
		json_array_append_new(pairs, pair_status(&n->pair[i]));
	json_object_set_new(into, "mode", json_string("virtio"));
	json_object_set_new(into, "tap", json_string(n->tap));
	json_object_set_new(into, "mac", json_string(text));
	json_object_set_new(into, "link", json_boolean(n->config.status));
	json_object_set_new(into, "active_pairs", json_integer(n->active_pairs));
	json_object_set_new(into, "pairs", pairs);
	json_object_set_new(into, "control_commands",
			    json_integer((json_int_t)counter_read(&n->control_commands)));
	json_object_set_new(into, "control_refused",
			    json_integer((json_int_t)counter_read(&n->control_refused)));
}

static const struct argument net_arguments[] = {
	{"mode", "virtio", false, "what kind of card (default: virtio)"},
	{"tap", "NAME", false, "the tap to attach to"},
	{"fd", "N", false, "instead of tap: an open tap that was inherited"},
	{"mac", "ADDRESS", false, "default: made from the tap's name"},
	{"queues", "N", false, "queue pairs (default: 1)"},
	{NULL, NULL, false, NULL},
};

const struct device_type device_net = {
	.name = "net",
	.help = "a network card on a tap",
	.arguments = net_arguments,
	.many = true,
	.check = net_check,
	.create = net_create,
	.destroy = net_device_destroy,
	.status = net_status,
};
