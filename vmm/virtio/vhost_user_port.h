/*
 * The connection to a vhost-user back end, kept up: the back end may be restarted under the
 * running guest. We connect to its socket, or listen for it (server), and look for it again
 * each second while it is gone.
 *
 * Threading: it has a loop of its own, the device's, so that a back end which does not answer
 * holds up nobody else. Callbacks run there.
 */
#ifndef STRATA_VMM_VIRTIO_VHOST_USER_PORT_H
#define STRATA_VMM_VIRTIO_VHOST_USER_PORT_H

#include <jansson.h>
#include <sys/un.h>

#include "vmm/device.h"
#include "vmm/loop.h"
#include "vmm/virtio/vhost_user.h"

struct vhost_user_port {
	/* the owner's, before it is opened */
	const char *name;         /* for sentences: "vhost-user /run/web.sock" */
	uint64_t wanted_protocol; /* VHOST_USER_PROTOCOL_ bits */
	void *owner;
	/* A back end has come again, and was greeted: give it the rings. -1 with a sentence
	 * drops it. */
	int (*up)(struct vhost_user_port *p);
	/* It is gone; ops fail from now on. */
	void (*down)(struct vhost_user_port *p);

	struct vhost_user user;
	struct loop *loop;

	/* its own */
	struct sockaddr_un address;
	int fd, listen_fd, timer_fd;
	struct loop_source socket, timer;
	bool complained;     /* of a back end that comes and cannot be used, each second */
	uint64_t reconnects; /* read by any thread */
	bool connected;      /* the same */
};

/* Is "socket" a path that a socket can have? Failing is wrong usage. */
int vhost_user_port_check(const struct arguments *a);

/* Have the first back end, or wait a while for one as a server, and greet it. -1 with a
 * sentence. vhost_user_port_close() undoes it in any case. */
int vhost_user_port_open(struct vhost_user_port *p, const char *path, bool server);

/* Run its loop: from now on up() and down() are called. */
int vhost_user_port_start(struct vhost_user_port *p);

/* An exchange has failed: give the connection up. Says the error's text, calls down(). */
void vhost_user_port_drop(struct vhost_user_port *p);

/* Stop its loop, after which the device may be taken apart; and the rest. */
void vhost_user_port_stop(struct vhost_user_port *p);
void vhost_user_port_close(struct vhost_user_port *p);

/* "socket", "connected", "reconnects", for status. */
void vhost_user_port_status(const struct vhost_user_port *p, json_t *into);

#endif
