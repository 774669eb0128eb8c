/* vhost-user against a back end in a thread of ours: every message, and what it may do wrong.
 */
#include "tests/unit/vmm/cmocka.h"

#include <pthread.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/virtio/vhost_user.h"

enum { MESSAGES_MAX = 32, BODY_MAX = 256, FDS_MAX = 8 };

#define FEATURES (1ULL << VHOST_USER_F_PROTOCOL | 1ULL << VIRTIO_F_VERSION_1 | 0x20)
#define PROTOCOL (1ULL << VHOST_USER_PROTOCOL_MQ | 1ULL << VHOST_USER_PROTOCOL_REPLY_ACK)

struct header {
	uint32_t request, flags, bytes;
};

struct message {
	struct header header;
	uint8_t body[BODY_MAX];
	int fds[FDS_MAX];
	unsigned int fd_count;
};

/* ---- the back end: answers, and remembers ---- */

static struct {
	int fd;
	pthread_t thread;
	uint64_t features, protocol;
	/* what it does wrong: to this request, by this much */
	uint32_t wrong_request;
	enum {
		HONEST,
		REFUSES,
		WRONG_SIZE,
		WRONG_REQUEST,
		NO_REPLY_FLAG,
		HANGS_UP,
		SENDS_FDS
	} sin;

	struct message message[MESSAGES_MAX];
	unsigned int count;
} back;

static bool receive(struct message *m)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(FDS_MAX * sizeof(int))];
	} control;
	struct iovec iov = {&m->header, sizeof(m->header)};
	struct msghdr h = {&(char[1]){0}, 0, &iov, 1, &control, sizeof(control), 0};
	struct cmsghdr *c;

	if (recvmsg(back.fd, &h, MSG_WAITALL) != sizeof(m->header))
		return false;
	c = CMSG_FIRSTHDR(&h);
	if (c) {
		m->fd_count = (unsigned int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		memcpy(m->fds, CMSG_DATA(c), m->fd_count * sizeof(int));
	}
	return !m->header.bytes ||
	       (m->header.bytes <= BODY_MAX && recv(back.fd, m->body, m->header.bytes,
						    MSG_WAITALL) == (ssize_t)m->header.bytes);
}

static void reply(const struct message *m, const void *body, uint32_t bytes)
{
	struct header h = {m->header.request, 5, bytes};
	int sin = m->header.request == back.wrong_request ? (int)back.sin : HONEST;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	struct iovec iov = {&h, sizeof(h)};
	struct msghdr with_fd = {NULL, 0, &iov, 1, &control, sizeof(control), 0};
	uint64_t refusal = 1;

	h.request += sin == WRONG_REQUEST;
	h.bytes += sin == WRONG_SIZE;
	h.flags ^= sin == NO_REPLY_FLAG ? 4 : 0;
	memcpy(CMSG_DATA(&control.head), &back.fd, sizeof(int));
	assert_int_equal(sin == SENDS_FDS ? sendmsg(back.fd, &with_fd, MSG_NOSIGNAL)
					  : send(back.fd, &h, sizeof(h), MSG_NOSIGNAL),
			 sizeof(h));
	/* He may have hung up over the header. */
	if (send(back.fd, sin == REFUSES ? &refusal : body, bytes, MSG_NOSIGNAL) < 0)
		return;
}

static void answer(const struct message *m)
{
	const uint64_t queues = 4, zero = 0;
	const struct vhost_vring_state base = {m->body[0], 77};
	uint8_t config[12 + 60];

	memcpy(config, m->body, 12);
	memset(config + 12, 0xc0, 60);
	switch (m->header.request) {
	case 1:
		reply(m, &back.features, 8);
		break;
	case 11:
		reply(m, &base, sizeof(base));
		break;
	case 15:
		reply(m, &back.protocol, 8);
		break;
	case 17:
		reply(m, &queues, 8);
		break;
	case 24:
		reply(m, config, sizeof(config));
		break;
	default:
		if (m->header.flags & 8)
			reply(m, &zero, 8);
	}
}

static void *back_end(void *arg)
{
	(void)arg;
	while (back.count < MESSAGES_MAX && receive(&back.message[back.count])) {
		struct message *m = &back.message[back.count++];

		if (m->header.request == back.wrong_request && back.sin == HANGS_UP)
			break;
		answer(m);
	}
	shutdown(back.fd, SHUT_RDWR);
	return NULL;
}

static struct vhost_user user;
static int front;

static int set_up(void **state)
{
	int pair[2];

	(void)state;
	memset(&back, 0, sizeof(back));
	back.features = FEATURES;
	back.protocol = PROTOCOL | 1ULL << 40;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	front = pair[0];
	back.fd = pair[1];
	return pthread_create(&back.thread, NULL, back_end, NULL);
}

/* The back end's thread has seen everything. */
static void hang_up(void)
{
	if (front < 0)
		return;
	shutdown(front, SHUT_RDWR);
	pthread_join(back.thread, NULL);
	close(front);
	front = -1;
}

static int tear_down(void **state)
{
	(void)state;
	hang_up();
	for (unsigned int i = 0; i < back.count; i++)
		for (unsigned int j = 0; j < back.message[i].fd_count; j++)
			close(back.message[i].fds[j]);
	close(back.fd);
	return 0;
}

static int greet(void)
{
	return vhost_user_greet(&user, front, PROTOCOL);
}

static const struct message *last(void)
{
	hang_up();
	assert_true(back.count > 0);
	return &back.message[back.count - 1];
}

static void they_greet(void **state)
{
	const uint32_t requests[] = {1, 15, 16, 17, 3};

	(void)state;
	assert_int_equal(greet(), 0);
	assert_int_equal(user.vhost.features, FEATURES);
	assert_int_equal(user.protocol, PROTOCOL);
	assert_int_equal(user.queues, 4);
	hang_up();
	assert_int_equal(back.count, 5);
	for (unsigned int i = 0; i < 5; i++) {
		assert_int_equal(back.message[i].header.request, requests[i]);
		assert_int_equal(back.message[i].header.flags & 3, 1);
	}
	assert_int_equal(back.message[2].body[0], PROTOCOL); /* and no more than we know */
	assert_int_equal(back.message[2].body[5], 0);
	assert_true(back.message[4].header.flags & 8);
}

/* One that knows nothing of the protocol's features is fine, too. */
static void they_greet_plainly(void **state)
{
	struct vhost_vring_state s = {3, 0};

	(void)state;
	back.features = 1ULL << VIRTIO_F_VERSION_1;
	assert_int_equal(greet(), 0);
	assert_int_equal(user.protocol, 0);
	assert_int_equal(user.vhost.ops->set_features(&user.vhost, back.features), 0);
	assert_int_equal(user.vhost.ops->run(&user.vhost, 3, true), 0);
	assert_int_equal(user.vhost.ops->get_base(&user.vhost, &s), 0);
	assert_int_equal(s.num, 77);
	hang_up();
	assert_int_equal(back.count, 4); /* to run, nothing is said */
	assert_int_equal(back.message[2].header.flags, 1);
}

static void without_virtio_1_it_is_of_no_use(void **state)
{
	(void)state;
	back.features = 0x20;
	assert_int_equal(greet(), -1);
	assert_non_null(strstr(err_text(), "virtio 1"));
}

static void memory_goes_with_its_file(void **state)
{
	struct guest_memory m;
	const struct message *sent;
	uint64_t word[4];

	(void)state;
	assert_int_equal(guest_memory_create(&m, 2 << 20, true), 0);
	assert_int_equal(greet(), 0);
	assert_int_equal(user.vhost.ops->set_memory(&user.vhost, &m), 0);
	sent = last();
	assert_int_equal(sent->header.request, 5);
	assert_int_equal(sent->header.bytes, 8 + 32);
	assert_int_equal(sent->body[0], 1);
	memcpy(word, sent->body + 8, sizeof(word));
	assert_int_equal(word[0], 0);
	assert_int_equal(word[1], 2 << 20);
	assert_ptr_equal((void *)word[2], m.region[0].host);
	assert_int_equal(word[3], m.region[0].file_offset);
	assert_int_equal(sent->fd_count, 1);
	guest_memory_destroy(&m);
}

static void rings_are_told(void **state)
{
	struct vhost_vring_addr a = {7, 0, 0x1000, 0x3000, 0x2000, 0};
	struct vhost_vring_state s = {7, 0};
	const struct vhost_ops *ops;
	uint64_t word[4];
	int fd = eventfd(0, EFD_CLOEXEC);

	(void)state;
	assert_int_equal(greet(), 0);
	ops = user.vhost.ops;
	assert_int_equal(ops->set_features(&user.vhost, 0x20), 0);
	assert_int_equal(ops->set_size(&user.vhost, &(struct vhost_vring_state){7, 256}), 0);
	assert_int_equal(ops->set_base(&user.vhost, &(struct vhost_vring_state){7, 9}), 0);
	assert_int_equal(ops->set_addresses(&user.vhost, &a), 0);
	assert_int_equal(ops->set_kick(&user.vhost, &(struct vhost_vring_file){7, fd}), 0);
	assert_int_equal(ops->set_call(&user.vhost, &(struct vhost_vring_file){7, -1}), 0);
	assert_int_equal(ops->run(&user.vhost, 7, true), 0);
	assert_int_equal(ops->get_base(&user.vhost, &s), 0);
	assert_int_equal(s.num, 77);
	hang_up();
	close(fd);
	memcpy(word, back.message[5].body, 8);
	assert_int_equal(word[0], 0x20 | 1ULL << VHOST_USER_F_PROTOCOL);
	assert_int_equal(back.message[6].header.request, 8);
	assert_int_equal(back.message[7].header.request, 10);
	assert_int_equal(back.message[8].header.request, 9);
	assert_int_equal(back.message[8].header.bytes, 40);
	memcpy(word, back.message[8].body + 8, 24);
	assert_int_equal(word[0], 0x1000);
	assert_int_equal(word[1], 0x3000); /* used, then available */
	assert_int_equal(word[2], 0x2000);
	assert_int_equal(back.message[9].header.request, 12);
	assert_int_equal(back.message[9].body[0], 7);
	assert_int_equal(back.message[9].body[1], 0);
	assert_int_equal(back.message[9].fd_count, 1);
	assert_int_equal(back.message[10].header.request, 13);
	assert_int_equal(back.message[10].body[1], 1); /* no descriptor */
	assert_int_equal(back.message[10].fd_count, 0);
	assert_int_equal(back.message[11].header.request, 18);
	assert_int_equal(back.message[11].body[4], 1);
	assert_int_equal(back.message[12].header.request, 11);
}

static void configuration_is_read(void **state)
{
	uint8_t config[60];

	(void)state;
	back.protocol |= 1ULL << VHOST_USER_PROTOCOL_CONFIG;
	assert_int_equal(
		vhost_user_greet(&user, front, PROTOCOL | 1ULL << VHOST_USER_PROTOCOL_CONFIG),
		0);
	assert_int_equal(vhost_user_get_config(&user, config, sizeof(config)), 0);
	assert_int_equal(config[59], 0xc0);
	assert_int_equal(vhost_user_get_config(&user, config, 257), -1);
}

/* Whatever it does wrong, it is said, and it is not spoken to again. */
static void sins_end_the_connection(void **state)
{
	const struct {
		int sin;
		const char *words;
	} rows[] = {
		{REFUSES, "refuses"},         {WRONG_SIZE, "answers request 8"},
		{WRONG_REQUEST, "message 9"}, {NO_REPLY_FLAG, "flags 0x1"},
		{HANGS_UP, "hung up"},
	};
	struct vhost_vring_state s = {0, 256};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (i) {
			tear_down(NULL);
			set_up(NULL);
		}
		back.wrong_request = 8;
		back.sin = rows[i].sin;
		assert_int_equal(greet(), 0);
		assert_int_equal(user.vhost.ops->set_size(&user.vhost, &s), -1);
		if (!strstr(err_text(), rows[i].words))
			fail_msg("\"%s\" does not say \"%s\"", err_text(), rows[i].words);
		assert_true(user.failed);
		assert_int_equal(user.vhost.ops->get_base(&user.vhost, &s), -1);
		assert_non_null(strstr(err_text(), "given up"));
	}
}

/* Descriptors that nobody asked for are closed. */
static void gifts_are_declined(void **state)
{
	struct vhost_vring_state s = {0, 256};
	int before = dup(0), after;

	(void)state;
	close(before);
	back.wrong_request = 8;
	back.sin = SENDS_FDS;
	assert_int_equal(greet(), 0);
	assert_int_equal(user.vhost.ops->set_size(&user.vhost, &s), 0);
	after = dup(0);
	close(after);
	assert_int_equal(after, before);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(they_greet),
		T(they_greet_plainly),
		T(without_virtio_1_it_is_of_no_use),
		T(memory_goes_with_its_file),
		T(rings_are_told),
		T(configuration_is_read),
		T(sins_end_the_connection),
		T(gifts_are_declined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
