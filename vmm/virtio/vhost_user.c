/* vhost-user, the front end's messages. */
#include "vmm/virtio/vhost_user.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/now.h"

enum request {
	GET_FEATURES = 1,
	SET_FEATURES = 2,
	SET_OWNER = 3,
	SET_MEM_TABLE = 5,
	SET_VRING_NUM = 8,
	SET_VRING_ADDR = 9,
	SET_VRING_BASE = 10,
	GET_VRING_BASE = 11,
	SET_VRING_KICK = 12,
	SET_VRING_CALL = 13,
	SET_VRING_ERR = 14,
	GET_PROTOCOL_FEATURES = 15,
	SET_PROTOCOL_FEATURES = 16,
	GET_QUEUE_NUM = 17,
	SET_VRING_ENABLE = 18,
	GET_CONFIG = 24,
};

#define VERSION    1U
#define REPLY      4U
#define NEED_REPLY 8U
#define NO_FD      (1U << 8) /* beside a ring's number */

#define CONFIG_MAX  256
#define REGIONS_MAX 2
#define FDS_MAX     8 /* that a confused back end may send along; none is wanted */

struct region {
	uint64_t guest_address, bytes, user_address, file_offset;
};

struct config {
	uint32_t offset, bytes, flags;
	uint8_t data[CONFIG_MAX];
};

struct message {
	uint32_t request, flags, bytes;
	union {
		uint64_t number;
		struct vhost_vring_state state;
		struct vhost_vring_addr addresses;
		struct {
			uint32_t count, padding;
			struct region region[REGIONS_MAX];
		} memory;
		struct config config;
	} __attribute__((packed)) body;
} __attribute__((packed));

#define HEADER_BYTES offsetof(struct message, body)

static int await(int fd, short events, int64_t deadline)
{
	struct pollfd p = {.fd = fd, .events = events};
	int64_t left = deadline - now_ms();
	int ready = left > 0 ? poll(&p, 1, (int)left) : 0;

	if (ready < 0 && errno != EINTR)
		return err_errno("waiting for it");
	return ready || left > 0
		       ? 0
		       : err_set("it does not answer in %d s", VHOST_USER_WAIT_MS / 1000);
}

static bool again(void)
{
	return errno == EAGAIN || errno == EINTR;
}

/* A message is sent whole, or not at all: it is smaller than any socket's buffer. */
static int send_message(int fd, const struct message *m, const int *fds, unsigned int count,
			int64_t deadline)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(REGIONS_MAX * sizeof(int))];
	} control = {0};
	struct iovec iov = {(void *)(uintptr_t)m, HEADER_BYTES + m->bytes};
	struct msghdr h = {.msg_iov = &iov, .msg_iovlen = 1};
	ssize_t n;

	if (count) {
		h.msg_control = &control;
		h.msg_controllen = CMSG_SPACE(count * sizeof(int));
		control.head.cmsg_level = SOL_SOCKET;
		control.head.cmsg_type = SCM_RIGHTS;
		control.head.cmsg_len = CMSG_LEN(count * sizeof(int));
		memcpy(CMSG_DATA(&control.head), fds, count * sizeof(int));
	}
	while ((n = sendmsg(fd, &h, MSG_NOSIGNAL | MSG_DONTWAIT)) < 0 && again())
		if (await(fd, POLLOUT, deadline))
			return -1;
	if (n < 0)
		return err_errno("it takes no message");
	return (size_t)n == iov.iov_len ? 0 : err_set("it took half a message");
}

/* Nothing that we ask for comes with descriptors. */
static void close_descriptors(struct msghdr *h)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fds[FDS_MAX];

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		memcpy(fds, CMSG_DATA(c), count * sizeof(int));
		while (count)
			close(fds[--count]);
	}
}

static int receive_bytes(int fd, void *to, size_t bytes, int64_t deadline)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	size_t done = 0;

	while (done < bytes) {
		struct iovec iov = {(char *)to + done, bytes - done};
		struct msghdr h = {.msg_iov = &iov,
				   .msg_iovlen = 1,
				   .msg_control = &control,
				   .msg_controllen = sizeof(control)};
		ssize_t n = recvmsg(fd, &h, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

		if (n < 0 && again()) {
			if (await(fd, POLLIN, deadline))
				return -1;
			continue;
		}
		if (n < 0)
			return err_errno("cannot read from it");
		close_descriptors(&h);
		if (!n)
			return err_set("it has hung up");
		done += (size_t)n;
	}
	return 0;
}

static int receive_reply(int fd, uint32_t request, void *body, uint32_t bytes, int64_t deadline)
{
	struct message m;

	if (receive_bytes(fd, &m, HEADER_BYTES, deadline))
		return -1;
	if (m.request != request || (m.flags & (3 | REPLY)) != (VERSION | REPLY) ||
	    m.bytes != bytes)
		return err_set("it answers request %u with message %u, flags 0x%x, %u bytes",
			       request, m.request, m.flags, m.bytes);
	return receive_bytes(fd, body, bytes, deadline);
}

static int fail(struct vhost_user *u, enum request request)
{
	u->failed = true;
	return err_add("vhost-user: request %d", (int)request);
}

/* Ask, and have the reply's body in place of the message's. */
static int ask(struct vhost_user *u, enum request request, struct message *m, uint32_t reply)
{
	int64_t deadline = now_ms() + VHOST_USER_WAIT_MS;

	if (u->failed)
		return err_set("vhost-user: the connection was given up");
	m->request = request;
	m->flags = VERSION;
	if (send_message(u->fd, m, NULL, 0, deadline) ||
	    receive_reply(u->fd, request, &m->body, reply, deadline))
		return fail(u, request);
	return 0;
}

static int ask_number(struct vhost_user *u, enum request request, uint64_t *number)
{
	struct message m = {0};

	if (ask(u, request, &m, sizeof(m.body.number)))
		return -1;
	*number = m.body.number;
	return 0;
}

/* Tell; and wait until it is done, if the back end can say so. */
static int tell(struct vhost_user *u, enum request request, struct message *m, const int *fds,
		unsigned int count)
{
	int64_t deadline = now_ms() + VHOST_USER_WAIT_MS;
	bool acknowledged = u->protocol >> VHOST_USER_PROTOCOL_REPLY_ACK & 1;
	uint64_t refused = 0;

	if (u->failed)
		return err_set("vhost-user: the connection was given up");
	m->request = request;
	m->flags = VERSION | (acknowledged ? NEED_REPLY : 0);
	if (send_message(u->fd, m, fds, count, deadline) ||
	    (acknowledged &&
	     receive_reply(u->fd, request, &refused, sizeof(refused), deadline)))
		return fail(u, request);
	if (!refused)
		return 0;
	err_set("it refuses");
	return fail(u, request);
}

static int tell_number(struct vhost_user *u, enum request request, uint64_t number)
{
	struct message m = {.bytes = sizeof(number), .body.number = number};

	return tell(u, request, &m, NULL, 0);
}

static struct vhost_user *user(struct vhost *v)
{
	return (struct vhost_user *)v;
}

static int set_features(struct vhost *v, uint64_t features)
{
	/* Agreed on, rings wait until they are enabled. */
	return tell_number(user(v), SET_FEATURES,
			   features | (v->features & 1ULL << VHOST_USER_F_PROTOCOL));
}

static int set_memory(struct vhost *v, const struct guest_memory *m)
{
	struct message message = {.body.memory.count = (uint32_t)m->regions};
	int fds[REGIONS_MAX];

	for (int i = 0; i < m->regions; i++) {
		fds[i] = m->fd;
		message.body.memory.region[i] = (struct region){
			.guest_address = m->region[i].start,
			.bytes = m->region[i].bytes,
			.user_address = (uint64_t)(uintptr_t)m->region[i].host,
			.file_offset = m->region[i].file_offset,
		};
	}
	message.bytes = 8 + (uint32_t)m->regions * (uint32_t)sizeof(struct region);
	return tell(user(v), SET_MEM_TABLE, &message, fds, (unsigned int)m->regions);
}

static int tell_state(struct vhost *v, enum request request, const struct vhost_vring_state *s)
{
	struct message m = {.bytes = sizeof(*s), .body.state = *s};

	return tell(user(v), request, &m, NULL, 0);
}

static int set_size(struct vhost *v, const struct vhost_vring_state *s)
{
	return tell_state(v, SET_VRING_NUM, s);
}

static int set_base(struct vhost *v, const struct vhost_vring_state *s)
{
	return tell_state(v, SET_VRING_BASE, s);
}

static int get_base(struct vhost *v, struct vhost_vring_state *s)
{
	struct message m = {.bytes = sizeof(*s), .body.state = *s};

	if (ask(user(v), GET_VRING_BASE, &m, sizeof(*s)))
		return -1;
	s->num = m.body.state.num;
	return 0;
}

static int set_addresses(struct vhost *v, const struct vhost_vring_addr *a)
{
	struct message m = {.bytes = sizeof(*a), .body.addresses = *a};

	return tell(user(v), SET_VRING_ADDR, &m, NULL, 0);
}

static int tell_file(struct vhost *v, enum request request, const struct vhost_vring_file *f)
{
	bool none = f->fd < 0;
	struct message m = {.bytes = sizeof(uint64_t),
			    .body.number = f->index | (none ? NO_FD : 0)};

	return tell(user(v), request, &m, &f->fd, !none);
}

static int set_kick(struct vhost *v, const struct vhost_vring_file *f)
{
	return tell_file(v, SET_VRING_KICK, f);
}

static int set_call(struct vhost *v, const struct vhost_vring_file *f)
{
	return tell_file(v, SET_VRING_CALL, f);
}

static int set_error(struct vhost *v, const struct vhost_vring_file *f)
{
	return tell_file(v, SET_VRING_ERR, f);
}

/* Without the protocol's features a ring runs from its doorbell to the question for its base.
 */
static int run(struct vhost *v, unsigned int ring, bool on)
{
	const struct vhost_vring_state s = {ring, on};

	if (!(v->features >> VHOST_USER_F_PROTOCOL & 1))
		return 0;
	return tell_state(v, SET_VRING_ENABLE, &s);
}

static const struct vhost_ops ops = {
	.set_features = set_features,
	.set_memory = set_memory,
	.set_size = set_size,
	.set_base = set_base,
	.get_base = get_base,
	.set_addresses = set_addresses,
	.set_kick = set_kick,
	.set_call = set_call,
	.set_error = set_error,
	.run = run,
};

static int agree_on_protocol(struct vhost_user *u, uint64_t wanted)
{
	uint64_t offered, queues = 0;

	if (!(u->vhost.features >> VHOST_USER_F_PROTOCOL & 1))
		return 0;
	if (ask_number(u, GET_PROTOCOL_FEATURES, &offered) ||
	    tell_number(u, SET_PROTOCOL_FEATURES, offered & wanted))
		return -1;
	u->protocol = offered & wanted;
	if (u->protocol >> VHOST_USER_PROTOCOL_MQ & 1 && ask_number(u, GET_QUEUE_NUM, &queues))
		return -1;
	u->queues = queues < VIRTIO_QUEUES_MAX ? (unsigned int)queues : VIRTIO_QUEUES_MAX;
	return 0;
}

int vhost_user_greet(struct vhost_user *u, int fd, uint64_t wanted_protocol)
{
	struct message owner = {0};

	*u = (struct vhost_user){.vhost.ops = &ops, .fd = fd};
	if (ask_number(u, GET_FEATURES, &u->vhost.features) ||
	    agree_on_protocol(u, wanted_protocol) || tell(u, SET_OWNER, &owner, NULL, 0))
		return -1;
	if (!(u->vhost.features >> VIRTIO_F_VERSION_1 & 1)) {
		u->failed = true;
		return err_set("vhost-user: it knows nothing of virtio 1");
	}
	return 0;
}

int vhost_user_get_config(struct vhost_user *u, void *config, uint32_t bytes)
{
	const uint32_t head = offsetof(struct config, data);
	struct message m = {.bytes = head + bytes, .body.config.bytes = bytes};

	if (bytes > CONFIG_MAX || !(u->protocol >> VHOST_USER_PROTOCOL_CONFIG & 1))
		return err_set("vhost-user: it does not tell its configuration");
	if (ask(u, GET_CONFIG, &m, head + bytes))
		return -1;
	memcpy(config, m.body.config.data, bytes);
	return 0;
}
