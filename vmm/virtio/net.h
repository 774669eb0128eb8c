/*
 * The virtio network device (virtio 1.2, 5.1), private to its files: what every such card is
 * to its driver, whoever moves the frames. net.c (features, life), net_ctrl.c (the control
 * queue). Who moves the frames is a back end: net_tap.c (we ourselves), vhost_net.c (the host's
 * kernel), vhost_user_net.c (another process).
 *
 * Threading: all of it on the device's loop, but for init, destroy and status.
 */
#ifndef STRATA_VMM_VIRTIO_NET_H
#define STRATA_VMM_VIRTIO_NET_H

#include <linux/virtio_net.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm/loop.h"
#include "vmm/net/link.h"
#include "vmm/virtio/counter.h"
#include "vmm/virtio/pci.h"
#include "vmm/virtio/virtio.h"

#define NET_PAIRS_MAX    16
#define NET_HEADER_BYTES sizeof(struct virtio_net_hdr_v1)

/* 1.2's successors, younger than the headers that we are built with */
#ifndef VIRTIO_NET_F_HOST_USO
#define VIRTIO_NET_F_GUEST_USO4 54
#define VIRTIO_NET_F_GUEST_USO6 55
#define VIRTIO_NET_F_HOST_USO   56
#endif

#define NET_GUEST_OFFLOADS                                                   \
	(1ULL << VIRTIO_NET_F_GUEST_CSUM | 1ULL << VIRTIO_NET_F_GUEST_TSO4 | \
	 1ULL << VIRTIO_NET_F_GUEST_TSO6 | 1ULL << VIRTIO_NET_F_GUEST_ECN |  \
	 1ULL << VIRTIO_NET_F_GUEST_USO4 | 1ULL << VIRTIO_NET_F_GUEST_USO6)

struct virtio_net;

/* Who moves the frames. Receive queues are 2i, transmit queues 2i + 1 of pair i. */
struct net_backend {
	/* The driver is ready, features are final; no queue is started yet. -1 with a sentence.
	 */
	int (*start)(struct virtio_net *n);
	void (*stop)(struct virtio_net *n); /* after its queues */

	/* A queue that is enabled, and taken back. May be called when it is so already. -1 with
	 * a sentence. */
	int (*start_queue)(struct virtio_net *n, unsigned int queue);
	void (*stop_queue)(struct virtio_net *n, unsigned int queue);

	/* Its pair is not active any more. NULL: it is taken back, like any other. */
	void (*rest_queue)(struct virtio_net *n, unsigned int queue);

	/* The doorbell of a queue rang, unless the back end has it. May be NULL. */
	void (*kick)(struct virtio_net *n, unsigned int queue);

	/* May be NULL. */
	void (*interrupt_changed)(struct virtio_net *n, unsigned int queue);

	/* What the guest takes now, of NET_GUEST_OFFLOADS. NULL: cannot be changed later. */
	void (*set_offloads)(struct virtio_net *n, uint64_t guest_features);
};

struct virtio_net {
	struct virtio_device device;
	struct virtio_pci transport;
	const struct net_backend *backend;
	char name[128];
	struct net_link link; /* of back ends that have a tap */
	struct virtio_net_config config;
	unsigned int pairs;
	unsigned int active_pairs;
	bool promiscuous;
	uint64_t control_commands, control_refused;
};

/*
 * Set up the device without putting it on a transport: n->name, link and backend are set.
 * withheld: features that the back end does not have. Fails with a sentence.
 */
int net_init(struct virtio_net *n, unsigned int pairs, uint64_t withheld, struct loop *loop,
	     const struct guest_memory *m);
void net_destroy(struct virtio_net *n);

/* Which pair's frames flow. A pair of the tap that is not active gets none. */
void net_set_active_pairs(struct virtio_net *n, unsigned int pairs);

/* The TUN_F_ bits that stand for these features. */
unsigned int net_tun_offloads(uint64_t guest_features);

/* Features that this tap's kernel does not have. */
uint64_t net_withheld_by_tap(int fd);

/* A carrier to tell the guest of; no-op if it is so already. */
void net_set_link(struct virtio_net *n, bool up);

/* The tap was removed: the link is down for good, and stderr says why. */
void net_tap_gone(struct virtio_net *n);

/* The control queue was kicked. */
void net_control(struct virtio_net *n, unsigned int queue);
void net_control_reset(struct virtio_net *n);

/* Put the card on the machine's PCI bus, and say in the status what every card does. */
int net_add(struct virtio_net *n, struct machine *m);
void net_status(struct virtio_net *n, json_t *into);

#endif
