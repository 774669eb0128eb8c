/* The connection to a vhost-user back end: made, lost, made again. */
#include "vmm/virtio/vhost_user_port.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/cleanup.h"
#include "vmm/virtio/counter.h"

#define RETRY_S       1
#define FIRST_WAIT_S  30 /* for a back end that is to connect to us */
#define FIRST_WAIT_MS 100

int vhost_user_port_check(const struct arguments *a)
{
	const char *path = arguments_get(a, "socket", "");
	const size_t most = sizeof(((struct sockaddr_un *)0)->sun_path) - 1;

	if (strlen(path) <= most)
		return 0;
	return err_set("socket=%s: a socket's path has at most %zu characters", path, most);
}

static int new_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
}

/* -1 with errno: nobody is there, or nobody who takes us now. */
static int connect_to(const struct sockaddr_un *address)
{
	int fd = new_socket(), saved;

	if (fd < 0 || !connect(fd, (const struct sockaddr *)address, sizeof(*address)))
		return fd;
	saved = errno;
	close(fd);
	errno = saved;
	return -1;
}

static int find(struct vhost_user_port *p)
{
	if (p->listen_fd >= 0)
		return accept4(p->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	return connect_to(&p->address);
}

static void hang_up(struct vhost_user_port *p)
{
	if (p->fd >= 0)
		close(p->fd);
	p->fd = -1;
	p->user.failed = true;
	__atomic_store_n(&p->connected, false, __ATOMIC_RELAXED);
}

static int greet(struct vhost_user_port *p)
{
	if (vhost_user_greet(&p->user, p->fd, p->wanted_protocol)) {
		hang_up(p);
		return -1;
	}
	__atomic_store_n(&p->connected, true, __ATOMIC_RELAXED);
	return 0;
}

/* A socket that nobody listens at was left behind by somebody who died. */
static int remove_stale(const struct vhost_user_port *p)
{
	int fd = connect_to(&p->address);

	if (fd < 0 && errno == ECONNREFUSED)
		unlink(p->address.sun_path);
	if (fd < 0)
		return 0;
	close(fd);
	return err_set("%s: somebody listens there already; without \"server\" we would "
		       "connect to him",
		       p->name);
}

static int listen_at(struct vhost_user_port *p)
{
	if (remove_stale(p))
		return -1;
	p->listen_fd = new_socket();
	if (p->listen_fd < 0 ||
	    bind(p->listen_fd, (const struct sockaddr *)&p->address, sizeof(p->address)))
		return err_errno("%s: cannot make the socket", p->name);
	return cleanup_file(p->address.sun_path) || listen(p->listen_fd, 1)
		       ? err_add("%s", p->name)
		       : 0;
}

static bool asked_to_end(void)
{
	sigset_t pending;

	return !sigpending(&pending) &&
	       (sigismember(&pending, SIGINT) || sigismember(&pending, SIGTERM));
}

static int await_first(struct vhost_user_port *p)
{
	struct pollfd ready = {.fd = p->listen_fd, .events = POLLIN};

	for (int i = 0; i < FIRST_WAIT_S * 1000 / FIRST_WAIT_MS && !asked_to_end(); i++)
		if (poll(&ready, 1, FIRST_WAIT_MS) > 0 && (p->fd = find(p)) >= 0)
			return 0;
	if (asked_to_end())
		return err_set("%s: told to end before anybody connected", p->name);
	return err_set("%s: nobody has connected in %d s; add the port to the switch, as its "
		       "client",
		       p->name, FIRST_WAIT_S);
}

int vhost_user_port_open(struct vhost_user_port *p, const char *path, bool server)
{
	p->fd = p->listen_fd = p->timer_fd = -1;
	p->user.failed = true;
	p->address.sun_family = AF_UNIX;
	snprintf(p->address.sun_path, sizeof(p->address.sun_path), "%s", path);
	p->loop = loop_create("vhost-user");
	if (!p->loop || (server && (listen_at(p) || await_first(p))))
		return -1;
	if (!server && (p->fd = find(p)) < 0)
		return err_errno("%s: cannot connect to it; is the switch running, and has it "
				 "this port?",
				 p->name);
	return greet(p) ? err_add("%s", p->name) : 0;
}

static void watch(struct vhost_user_port *p)
{
	p->socket.fd = p->fd;
	loop_add(p->loop, &p->socket, EPOLLIN);
}

static void lose(struct vhost_user_port *p)
{
	if (p->fd < 0)
		return;
	loop_remove(p->loop, &p->socket);
	hang_up(p);
	p->down(p);
}

void vhost_user_port_drop(struct vhost_user_port *p)
{
	err_print("strata-vmm");
	lose(p);
}

/* Outside of an exchange a back end has nothing to say. */
static void socket_ready(struct loop_source *s, uint32_t events)
{
	struct vhost_user_port *p = s->owner;

	(void)events;
	fprintf(stderr, "strata-vmm: %s: the back end has gone; waiting for it to come back\n",
		p->name);
	lose(p);
}

static void look_again(struct loop_source *s, uint32_t events)
{
	struct vhost_user_port *p = s->owner;
	uint64_t times;

	(void)events;
	if (read(s->fd, &times, sizeof(times)) != sizeof(times) || p->fd >= 0)
		return;
	p->fd = find(p);
	if (p->fd < 0)
		return;
	if (greet(p) || p->up(p)) {
		if (!p->complained)
			err_print("strata-vmm");
		p->complained = true;
		hang_up(p);
		return;
	}
	watch(p);
	p->complained = false;
	counter_add(&p->reconnects, 1);
	fprintf(stderr, "strata-vmm: %s: the back end is back\n", p->name);
}

int vhost_user_port_start(struct vhost_user_port *p)
{
	const struct itimerspec every = {{RETRY_S, 0}, {RETRY_S, 0}};

	p->socket = (struct loop_source){p->fd, socket_ready, p};
	p->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	p->timer = (struct loop_source){p->timer_fd, look_again, p};
	if (p->timer_fd < 0 || timerfd_settime(p->timer_fd, 0, &every, NULL))
		return err_errno("%s: cannot make a timer", p->name);
	if (loop_add(p->loop, &p->timer, EPOLLIN))
		return -1;
	watch(p);
	return loop_start(p->loop);
}

void vhost_user_port_stop(struct vhost_user_port *p)
{
	if (p->loop)
		loop_stop(p->loop);
}

void vhost_user_port_close(struct vhost_user_port *p)
{
	if (!p->loop)
		return;
	if (p->fd >= 0)
		close(p->fd);
	if (p->listen_fd >= 0)
		close(p->listen_fd);
	if (p->timer_fd >= 0)
		close(p->timer_fd);
	loop_destroy(p->loop);
}

void vhost_user_port_status(const struct vhost_user_port *p, json_t *into)
{
	json_object_set_new(into, "socket", json_string(p->address.sun_path));
	json_object_set_new(into, "connected",
			    json_boolean(__atomic_load_n(&p->connected, __ATOMIC_RELAXED)));
	json_object_set_new(into, "reconnects",
			    json_integer((json_int_t)counter_read(&p->reconnects)));
}
