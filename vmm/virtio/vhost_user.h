/*
 * vhost-user, the front end (QEMU's docs/interop/vhost-user.rst): a virtio device whose rings
 * another process works, told over a Unix socket where they are, in the words of vhost.
 *
 * The back end is not trusted to speak sense: what it says is checked, and every exchange has
 * to end within a time. After the first that does not, the connection is given up, and
 * everything asked of it fails at once.
 *
 * Threading: one thread at a time; exchanges block it, for VHOST_USER_WAIT_MS at most.
 */
#ifndef STRATA_VMM_VIRTIO_VHOST_USER_H
#define STRATA_VMM_VIRTIO_VHOST_USER_H

#include "vmm/virtio/vhost.h"

#define VHOST_USER_WAIT_MS 5000

/* Of the protocol's own features, those that we use. */
#define VHOST_USER_F_PROTOCOL         30 /* among the device's */
#define VHOST_USER_PROTOCOL_MQ        0
#define VHOST_USER_PROTOCOL_REPLY_ACK 3
#define VHOST_USER_PROTOCOL_CONFIG    9

struct vhost_user {
	struct vhost vhost;
	int fd;
	uint64_t protocol;   /* features agreed upon */
	unsigned int queues; /* most that it can work; 0: it did not say */
	bool failed;
};

/*
 * Speak to the back end at the other end of the socket fd, which stays the caller's: agree on
 * the protocol's features, of those wanted, and learn of its own. -1 with a sentence.
 */
int vhost_user_greet(struct vhost_user *u, int fd, uint64_t wanted_protocol);

/* The device's configuration space (VHOST_USER_PROTOCOL_CONFIG). -1 with a sentence. */
int vhost_user_get_config(struct vhost_user *u, void *config, uint32_t bytes);

#endif
