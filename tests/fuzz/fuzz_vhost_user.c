/*
 * Fuzzes vhost-user from the back end's side: the input is all that it ever sends, cut where
 * the input says. The front end may give the connection up; it may not crash, hang, or keep a
 * descriptor that came along.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "vmm/virtio/vhost_user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define SENT_MAX 8192

/* The bytes, with a descriptor at each place whose first byte says so. */
static void say(int fd, const uint8_t *data, size_t size)
{
	while (size > 1) {
		union {
			struct cmsghdr head;
			char room[CMSG_SPACE(sizeof(int))];
		} control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
		size_t part = *data & 0x7f ? *data & 0x7f : size - 1;
		struct iovec iov = {(void *)(data + 1), part < size - 1 ? part : size - 1};
		struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};

		if (*data & 0x80) {
			memcpy(CMSG_DATA(&control.head), &fd, sizeof(int));
			h.msg_control = &control;
			h.msg_controllen = sizeof(control);
		}
		if (sendmsg(fd, &h, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
			return;
		data += iov.iov_len + 1;
		size -= iov.iov_len + 1;
	}
}

static void use(struct vhost_user *u)
{
	struct vhost *v = &u->vhost;
	uint8_t config[256];
	struct vhost_vring_state state = {0, 256};
	struct vhost_vring_addr addresses = {0};
	struct vhost_vring_file file = {0, -1};

	if (u->queues > VIRTIO_QUEUES_MAX)
		abort();
	vhost_user_get_config(u, config, 60);
	v->ops->set_features(v, v->features);
	v->ops->set_size(v, &state);
	v->ops->set_base(v, &state);
	v->ops->set_addresses(v, &addresses);
	v->ops->set_kick(v, &file);
	v->ops->set_call(v, &file);
	v->ops->run(v, 0, true);
	v->ops->run(v, 0, false);
	v->ops->get_base(v, &state);
}

static int lowest_free(void)
{
	int fd = dup(0);

	close(fd);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vhost_user u;
	int pair[2], before;

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
		abort();
	before = lowest_free();
	say(pair[1], data, size < SENT_MAX ? size : SENT_MAX);
	shutdown(pair[1], SHUT_WR); /* no exchange waits for more */
	if (!vhost_user_greet(&u, pair[0], ~0ULL))
		use(&u);
	if (lowest_free() != before)
		abort();
	close(pair[0]);
	close(pair[1]);
	return 0;
}
