/* The host's end of a network card: its settings checked, its tap opened. */
#include "vmm/net/link.h"

#include <stdio.h>
#include <string.h>
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

int link_open(struct net_link *l, const struct arguments *a, unsigned int queues)
{
	const char *tap = arguments_get(a, "tap", NULL), *mac = arguments_get(a, "mac", NULL);

	*l = (struct net_link){.queues = queues};
	memset(l->fd, -1, sizeof(l->fd));
	if (tap ? open_queues(l, tap) : adopt(l, a)) {
		link_close(l);
		return -1;
	}
	default_mac(l->mac, l->tap);
	return mac ? parse_mac(l->mac, mac) : 0;
}

void link_close(struct net_link *l)
{
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
	json_object_set_new(into, "tap", json_string(l->tap));
	json_object_set_new(into, "mac", json_string(text));
}
