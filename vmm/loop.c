/*
 * An event loop on a thread of its own: epoll, and a list of calls that others want run there.
 * Calls run between two batches of events, which is what lets loop_remove() promise that a
 * batch taken before the removal is done with.
 */
#include "vmm/loop.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/now.h"

#define BATCH 32

struct call {
	void (*fn)(void *arg);
	void *arg;
	bool done;
	struct call *next;
};

struct loop {
	char name[16];
	int epoll_fd;
	int wake_fd;
	struct loop_source wake;
	pthread_t thread;
	_Atomic int tid;
	_Atomic bool stopping;

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t done;
	bool running;
	struct call *calls;

	/* the loop's thread only */
	struct epoll_event batch[BATCH];
	int batch_count, batch_next;
	struct loop_timer *timers; /* those that are set, in no order: there are few */
};

static void wake_ready(struct loop_source *s, uint32_t events)
{
	uint64_t n;

	(void)events;
	if (read(s->fd, &n, sizeof(n)) < 0)
		return; /* someone else's wake was read together with ours */
}

static void wake(struct loop *l)
{
	uint64_t one = 1;

	/* Cannot fail but by overflow, and then the loop is awake anyway. */
	if (write(l->wake_fd, &one, sizeof(one)) < 0)
		return;
}

struct loop *loop_create(const char *name)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l) {
		err_errno("cannot make the event loop %s", name);
		return NULL;
	}
	snprintf(l->name, sizeof(l->name), "%s", name);
	pthread_mutex_init(&l->lock, NULL);
	pthread_cond_init(&l->done, NULL);
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	l->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->wake = (struct loop_source){.fd = l->wake_fd, .ready = wake_ready, .owner = l};
	if (l->epoll_fd < 0 || l->wake_fd < 0 || loop_add(l, &l->wake, EPOLLIN)) {
		err_errno("cannot make the event loop %s", name);
		loop_destroy(l);
		return NULL;
	}
	return l;
}

void loop_destroy(struct loop *l)
{
	if (!l)
		return;
	loop_stop(l);
	if (l->epoll_fd >= 0)
		close(l->epoll_fd);
	if (l->wake_fd >= 0)
		close(l->wake_fd);
	pthread_cond_destroy(&l->done);
	pthread_mutex_destroy(&l->lock);
	free(l);
}

/* Run what is asked for; with last, let nobody ask again. */
static void run_calls(struct loop *l, bool last)
{
	pthread_mutex_lock(&l->lock);
	while (l->calls) {
		struct call *c = l->calls;

		l->calls = c->next;
		pthread_mutex_unlock(&l->lock);
		c->fn(c->arg);
		pthread_mutex_lock(&l->lock);
		c->done = true;
		pthread_cond_broadcast(&l->done);
	}
	if (last)
		l->running = false;
	pthread_mutex_unlock(&l->lock);
}

void loop_set_timer(struct loop *l, struct loop_timer *t, uint64_t due_ns)
{
	struct loop_timer **link = &l->timers;

	if (!t->due_ns && due_ns) {
		t->next = l->timers;
		l->timers = t;
	} else if (t->due_ns && !due_ns) {
		while (*link != t)
			link = &(*link)->next;
		*link = t->next;
	}
	t->due_ns = due_ns;
}

static struct loop_timer *first_due(const struct loop *l)
{
	struct loop_timer *first = l->timers;

	for (struct loop_timer *t = first; t; t = t->next)
		if (t->due_ns < first->due_ns)
			first = t;
	return first;
}

/* For events, or until a timer is due. */
static int wait_for_batch(struct loop *l)
{
	const struct loop_timer *t = first_due(l);
	uint64_t now = t ? now_ns() : 0, left = t && t->due_ns > now ? t->due_ns - now : 0;
	struct timespec wait = {.tv_sec = (time_t)(left / 1000000000),
				.tv_nsec = (long)(left % 1000000000)};

	if (!t)
		return epoll_wait(l->epoll_fd, l->batch, BATCH, -1);
	return epoll_pwait2(l->epoll_fd, l->batch, BATCH, &wait, NULL);
}

static void run_timers(struct loop *l)
{
	uint64_t now = l->timers ? now_ns() : 0;
	struct loop_timer *t;

	while ((t = first_due(l)) && t->due_ns <= now) {
		loop_set_timer(l, t, 0);
		t->expired(t);
	}
}

static void *loop_main(void *arg)
{
	struct loop *l = arg;

	pthread_setname_np(pthread_self(), l->name);
	atomic_store(&l->tid, gettid());
	while (!atomic_load(&l->stopping)) {
		l->batch_count = wait_for_batch(l);
		for (int i = 0; i < l->batch_count; i++) {
			struct loop_source *s = l->batch[i].data.ptr;

			l->batch_next = i + 1;
			if (s) /* not removed by an earlier one of this batch */
				s->ready(s, l->batch[i].events);
		}
		l->batch_count = 0;
		run_calls(l, false);
		run_timers(l);
	}
	run_calls(l, true);
	return NULL;
}

int loop_start(struct loop *l)
{
	int error;

	l->running = true;
	error = pthread_create(&l->thread, NULL, loop_main, l);
	if (error) {
		l->running = false;
		return err_set("cannot start the thread %s: %s", l->name, strerror(error));
	}
	return 0;
}

void loop_stop(struct loop *l)
{
	pthread_mutex_lock(&l->lock);
	bool running = l->running;
	pthread_mutex_unlock(&l->lock);

	if (!running)
		return;
	atomic_store(&l->stopping, true);
	wake(l);
	pthread_join(l->thread, NULL);
}

static int control(struct loop *l, int op, struct loop_source *s, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.ptr = s};

	if (epoll_ctl(l->epoll_fd, op, s->fd, &e))
		return err_errno("cannot wait for descriptor %d in the thread %s", s->fd,
				 l->name);
	return 0;
}

int loop_add(struct loop *l, struct loop_source *s, uint32_t events)
{
	return control(l, EPOLL_CTL_ADD, s, events);
}

int loop_modify(struct loop *l, struct loop_source *s, uint32_t events)
{
	return control(l, EPOLL_CTL_MOD, s, events);
}

static bool on_loop_thread(const struct loop *l)
{
	return atomic_load(&l->tid) == gettid();
}

static void nothing(void *arg)
{
	(void)arg;
}

void loop_remove(struct loop *l, struct loop_source *s)
{
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, s->fd, NULL);
	if (!on_loop_thread(l)) {
		loop_call(l, nothing, NULL); /* outlasts a batch taken before the removal */
		return;
	}
	for (int i = 0; i < l->batch_count; i++)
		if (l->batch[i].data.ptr == s)
			l->batch[i].data.ptr = NULL;
}

void loop_call(struct loop *l, void (*fn)(void *arg), void *arg)
{
	struct call c = {.fn = fn, .arg = arg}, **tail;

	pthread_mutex_lock(&l->lock);
	if (!l->running || on_loop_thread(l)) {
		pthread_mutex_unlock(&l->lock);
		fn(arg);
		return;
	}
	for (tail = &l->calls; *tail; tail = &(*tail)->next)
		;
	*tail = &c;
	wake(l);
	while (!c.done)
		pthread_cond_wait(&l->done, &l->lock);
	pthread_mutex_unlock(&l->lock);
}

bool loop_has_more(const struct loop *l, uint64_t wait_ns)
{
	struct pollfd p = {.fd = l->epoll_fd, .events = POLLIN};
	struct timespec wait = {.tv_sec = (time_t)(wait_ns / 1000000000),
				.tv_nsec = (long)(wait_ns % 1000000000)};

	return l->batch_next < l->batch_count || ppoll(&p, 1, &wait, NULL) > 0;
}

int loop_tid(const struct loop *l)
{
	return atomic_load(&l->tid);
}
