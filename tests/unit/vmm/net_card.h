/*
 * A guest's side of the virtio network device, small, for its unit tests: a driver with rings
 * in memory of its own, and socket pairs in place of the tap's queues. What cannot be fails the
 * test at once. The 82540EM's is card.h.
 */
#ifndef STRATA_TESTS_NET_CARD_H
#define STRATA_TESTS_NET_CARD_H

#include "tests/unit/vmm/driver.h"
#include "vmm/virtio/net_tap.h"

#define NET_CARD_RING 16 /* descriptors of each ring */

/* The queues of two pairs; of one pair, the control queue is the third. */
enum { NET_RX, NET_TX, NET_CTRL_OF_ONE, NET_CTRL = 4, NET_QUEUES };

struct net_card {
	struct driver driver;
	struct driver_queue dq[NET_QUEUES];
	struct loop *loop;
	struct trace trace;
	struct net_tap net;
	int wire[2]; /* our ends of the socket pairs */
};

/* The station's address, until the guest chooses another. */
extern const uint8_t net_card_address[ETH_ALEN];

/* A device of one pair of queues or of two. */
void net_card_make(struct net_card *c, unsigned int pairs);
void net_card_free(struct net_card *c);

/* The driver accepts these features, sets up every queue, and starts the device. */
void net_card_start(struct net_card *c, uint64_t features);
void net_card_kick(struct net_card *c, unsigned int queue);

/* What byte i of every frame is. */
uint8_t net_card_pattern(size_t i);

/* A frame of so many bytes arrives on the first pair's wire. */
void net_card_arrive(struct net_card *c, size_t bytes);

/* Offer a receive buffer made of one descriptor; returns where it is. */
uint64_t net_card_offer(struct net_card *c, uint16_t index, uint32_t bytes);

/* One frame of so many bytes came in so many receive buffers; or nothing, if there are none. */
void net_card_expect(struct net_card *c, size_t bytes, unsigned int buffers);

#endif
