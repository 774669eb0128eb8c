/*
 * The host's end of a network card: which tap its frames go through, under which address the
 * guest is known. Every card that is not passed through takes the same settings for it:
 *
 *     tap=NAME (a tap, or a macvtap) or fd=N (an inherited one), mac=ADDRESS
 */
#ifndef STRATA_VMM_NET_LINK_H
#define STRATA_VMM_NET_LINK_H

#include <jansson.h>
#include <linux/if_ether.h>
#include <net/if.h>
#include <stdbool.h>

#include "vmm/device.h"

#define LINK_QUEUES_MAX 16

/* Rows for a card's table of arguments. */
#define LINK_ARGUMENTS                                                                        \
	{"tap", "NAME", false, "the tap or macvtap to attach to"},                            \
		{"fd", "N", false, "instead of tap: an open tap that was inherited"},         \
	{                                                                                     \
		"mac", "ADDRESS", false, "default: made from the tap's name; a macvtap's own" \
	}

struct net_link {
	char tap[IFNAMSIZ];
	uint8_t mac[ETH_ALEN];
	bool fixed_address; /* a macvtap's: frames for another are not delivered */
	unsigned int mtu;   /* 0: not known */
	int filter_fd;      /* what a macvtap shall deliver besides; -1: nothing is filtered */
	unsigned int queues;
	int fd[LINK_QUEUES_MAX]; /* with 12-byte virtio-net headers, non-blocking; -1: not open
				  */
};

/* What the table of arguments cannot say. Failing is wrong usage. */
int link_check(const struct arguments *a);

/* The address that text says; NULL: one that is always the same for that name. -1 with a
 * sentence. */
int link_address(uint8_t mac[ETH_ALEN], const char *text, const char *name);

/* Open that many queues of it, all but the first detached. -1 with a sentence, nothing left
 * open. */
int link_open(struct net_link *l, const struct arguments *a, unsigned int queues);

/* Close what is still open: an fd that somebody took over is set to -1 by him. */
void link_close(struct net_link *l);

/* Have every frame delivered that the way to the guest brings along. -1 if that cannot be. */
int link_set_promiscuous(struct net_link *l, bool on);

/* "tap", "mac" and "mtu", for status. */
void link_status(const struct net_link *l, json_t *into);

#endif
