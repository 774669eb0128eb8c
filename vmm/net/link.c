/* The host's end of a network card: its settings checked, its tap opened. */
#include "vmm/net/link.h"

#include <linux/if_packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/net/tap.h"

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

int link_address(uint8_t mac[ETH_ALEN], const char *text, const char *name)
{
	default_mac(mac, name);
	return text ? parse_mac(mac, text) : 0;
}

int link_check(const struct arguments *a)
{
	uint8_t mac[ETH_ALEN];

	if (arguments_has(a, "tap") == arguments_has(a, "fd"))
		return err_set("give it either tap=NAME or fd=N");
	if (strlen(arguments_get(a, "tap", "")) >= IFNAMSIZ)
		return err_set("tap=%s: a name has at most %d characters",
			       arguments_get(a, "tap", ""), IFNAMSIZ - 1);
	if (arguments_has(a, "fd") && arguments_has(a, "queues"))
		return err_set("fd=N is one queue; for several give it tap=NAME");
	return arguments_has(a, "mac") ? parse_mac(mac, arguments_get(a, "mac", "")) : 0;
}

static int adopt(struct net_link *l, const struct arguments *a)
{
	uint64_t inherited = 0;

	if (arguments_number(a, "fd", 0, INT32_MAX, &inherited))
		return -1;
	l->fd[0] = (int)inherited;
	return tap_adopt(l->fd[0], l->tap) ? -1 : tap_prepare(l->fd[0]);
}

static int open_queues(struct net_link *l, const char *tap)
{
	snprintf(l->tap, sizeof(l->tap), "%s", tap);
	for (unsigned int i = 0; i < l->queues; i++) {
		l->fd[i] = tap_open(tap, l->queues > 1);
		if (l->fd[i] < 0 || tap_prepare(l->fd[i]))
			return -1;
		/* Until the driver asks for it, no flow may be steered to it. */
		if (i)
			tap_attach_queue(l->fd[i], false);
	}
	return 0;
}

static unsigned int find_mtu(const char *name)
{
	struct ifreq request = {0};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int mtu = 0;

	snprintf(request.ifr_name, IFNAMSIZ, "%s", name);
	if (fd >= 0 && !ioctl(fd, SIOCGIFMTU, &request))
		mtu = request.ifr_mtu;
	if (fd >= 0)
		close(fd);
	return mtu > 0 ? (unsigned int)mtu : 0;
}

/* As long as filter_fd is open, and no longer, the interface delivers what is asked for. */
static int filter(const struct net_link *l, unsigned short type, bool on)
{
	struct packet_mreq what = {.mr_ifindex = (int)if_nametoindex(l->tap), .mr_type = type};

	return setsockopt(l->filter_fd, SOL_PACKET,
			  on ? PACKET_ADD_MEMBERSHIP : PACKET_DROP_MEMBERSHIP, &what,
			  sizeof(what));
}

/* The guest joins multicast groups that its macvtap knows nothing of: IPv6 needs some. */
static void take_all_multicast(struct net_link *l)
{
	l->filter_fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	if (l->filter_fd < 0 || filter(l, PACKET_MR_ALLMULTI, true))
		fprintf(stderr,
			"strata-vmm: macvtap %s: cannot have it deliver all multicast, which "
			"needs CAP_NET_RAW; the guest may not be reached by IPv6\n",
			l->tap);
}

int link_set_promiscuous(struct net_link *l, bool on)
{
	if (!l->fixed_address)
		return 0;
	return l->filter_fd < 0 ? -1 : filter(l, PACKET_MR_PROMISC, on);
}

static int choose_address(struct net_link *l, const char *mac)
{
	uint8_t own[ETH_ALEN];

	if (!l->fixed_address)
		return link_address(l->mac, mac, l->tap);
	if (tap_address(l->fd[0], l->mac))
		return -1;
	if (mac && (parse_mac(own, mac) || memcmp(own, l->mac, ETH_ALEN)))
		return err_set("mac=%s: macvtap %s delivers frames for its own address only; "
			       "leave mac= out, or: ip link set %s address %s",
			       mac, l->tap, l->tap, mac);
	return 0;
}

static int set_up(struct net_link *l, const struct arguments *a)
{
	const char *tap = arguments_get(a, "tap", NULL);

	if (tap ? open_queues(l, tap) : adopt(l, a))
		return -1;
	l->mtu = find_mtu(l->tap);
	l->fixed_address = tap_is_macvtap(l->tap);
	if (choose_address(l, arguments_get(a, "mac", NULL)))
		return -1;
	if (l->fixed_address)
		take_all_multicast(l);
	return 0;
}

int link_open(struct net_link *l, const struct arguments *a, unsigned int queues)
{
	*l = (struct net_link){.queues = queues, .filter_fd = -1};
	memset(l->fd, -1, sizeof(l->fd));
	if (!set_up(l, a))
		return 0;
	link_close(l);
	return -1;
}

void link_close(struct net_link *l)
{
	if (!l->queues)
		return;
	if (l->filter_fd >= 0)
		close(l->filter_fd);
	l->filter_fd = -1;
	for (unsigned int i = 0; i < l->queues; i++) {
		if (l->fd[i] >= 0)
			close(l->fd[i]);
		l->fd[i] = -1;
	}
}

void link_status(const struct net_link *l, json_t *into)
{
	const uint8_t *mac = l->mac;
	char text[18];

	snprintf(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	if (l->queues)
		json_object_set_new(into, "tap", json_string(l->tap));
	json_object_set_new(into, "mac", json_string(text));
	json_object_set_new(into, "mtu", l->mtu ? json_integer(l->mtu) : json_null());
}
