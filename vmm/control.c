/* The control socket: connections, lines, and nothing of what the lines mean (request.c). */
#include "vmm/control.h"

#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/cleanup.h"
#include "vmm/loop.h"

#define CLIENTS_MAX       16
#define REQUEST_BYTES_MAX 65536
#define REPLY_WAIT_MS     2000 /* for a client that does not read */

struct client {
	struct control *control;
	struct loop_source source; /* fd -1: free */
	size_t used;
	char line[REQUEST_BYTES_MAX];
};

struct control {
	struct machine *machine;
	struct loop *loop;
	struct loop_source listener;
	struct client client[CLIENTS_MAX];
};

static void hang_up(struct client *k)
{
	loop_remove(k->control->loop, &k->source);
	close(k->source.fd);
	k->source.fd = -1;
}

static bool send_all(int fd, const char *bytes, size_t count)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};

	while (count) {
		ssize_t n = send(fd, bytes, count, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n > 0) {
			bytes += n;
			count -= (size_t)n;
		} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
			return false;
		} else if (poll(&p, 1, REPLY_WAIT_MS) == 0) {
			return false;
		}
	}
	return true;
}

static bool answer(struct client *k, const char *line, size_t length)
{
	char *reply = control_answer(k->control->machine, line, length);
	bool sent = reply && send_all(k->source.fd, reply, strlen(reply)) &&
		    send_all(k->source.fd, "\n", 1);

	free(reply);
	return sent;
}

/* Answer the whole lines of what has come; keep the rest. */
static bool take_lines(struct client *k)
{
	size_t from = 0;
	char *end;

	while ((end = memchr(k->line + from, '\n', k->used - from))) {
		size_t length = (size_t)(end - k->line) - from;

		if (length && !answer(k, k->line + from, length))
			return false;
		from += length + 1;
	}
	memmove(k->line, k->line + from, k->used - from);
	k->used -= from;
	return true;
}

static void client_ready(struct loop_source *s, uint32_t events)
{
	static const char too_long[] =
		"{\"ok\":false,\"error\":\"the request is longer than 65536 bytes\"}\n";
	struct client *k = s->owner;
	ssize_t n = recv(s->fd, k->line + k->used, sizeof(k->line) - k->used, MSG_DONTWAIT);

	(void)events;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		k->used += (size_t)n;
	if (n <= 0 || !take_lines(k)) {
		hang_up(k);
	} else if (k->used == sizeof(k->line)) {
		send_all(s->fd, too_long, sizeof(too_long) - 1);
		hang_up(k);
	}
}

static void listener_ready(struct loop_source *s, uint32_t events)
{
	static const char busy[] =
		"{\"ok\":false,\"error\":\"16 clients are connected already\"}\n";
	struct control *c = s->owner;
	int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd < 0)
		return;
	for (int i = 0; i < CLIENTS_MAX; i++) {
		struct client *k = &c->client[i];

		if (k->source.fd >= 0)
			continue;
		k->used = 0;
		k->source = (struct loop_source){.fd = fd, .ready = client_ready, .owner = k};
		if (loop_add(c->loop, &k->source, EPOLLIN) == 0)
			return;
		k->source.fd = -1;
		break;
	}
	send_all(fd, busy, sizeof(busy) - 1);
	close(fd);
}

/* Remove what a dead process left; refuse what a living one answers. */
static int clear_path(const struct sockaddr_un *a)
{
	int fd, error;
	struct stat st;

	if (lstat(a->sun_path, &st))
		return 0;
	if (!S_ISSOCK(st.st_mode))
		return err_set("control socket %s: there is something else at that path",
			       a->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	error = fd < 0 ? -1 : connect(fd, (const struct sockaddr *)a, sizeof(*a));
	if (fd >= 0)
		close(fd);
	if (error == 0)
		return err_set("control socket %s: another machine answers there", a->sun_path);
	if (unlink(a->sun_path))
		return err_errno("control socket %s: cannot replace the old one", a->sun_path);
	return 0;
}

static int listen_at(const char *path)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	mode_t old;
	int fd, ret;

	if (strlen(path) >= sizeof(a.sun_path))
		return err_set(
			"control socket %s: the path is longer than the %zu bytes a socket's may be",
			path, sizeof(a.sun_path) - 1);
	strcpy(a.sun_path, path);
	if (clear_path(&a))
		return -1;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_errno("control socket %s", path);
	old = umask(0177);
	ret = bind(fd, (struct sockaddr *)&a, sizeof(a));
	umask(old);
	if (ret || listen(fd, CLIENTS_MAX)) {
		err_errno("control socket %s: cannot listen there", path);
		close(fd);
		return -1;
	}
	return fd;
}

struct control *control_start(struct machine *m, const char *path)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c) {
		err_errno("cannot make the control socket");
		return NULL;
	}
	c->machine = m;
	c->listener = (struct loop_source){.fd = -1, .ready = listener_ready, .owner = c};
	for (int i = 0; i < CLIENTS_MAX; i++)
		c->client[i] = (struct client){.control = c, .source.fd = -1};
	c->loop = loop_create("control");
	if (!c->loop)
		goto fail;
	c->listener.fd = listen_at(path);
	if (c->listener.fd < 0 || cleanup_file(path) ||
	    loop_add(c->loop, &c->listener, EPOLLIN) || loop_start(c->loop))
		goto fail;
	return c;
fail:
	control_stop(c);
	return NULL;
}

void control_stop(struct control *c)
{
	if (!c)
		return;
	if (c->loop)
		loop_stop(c->loop);
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (c->client[i].source.fd >= 0)
			hang_up(&c->client[i]);
	if (c->listener.fd >= 0)
		close(c->listener.fd);
	loop_destroy(c->loop);
	free(c);
}
