/*
 * Threads that each do one request after the other: for what io_uring cannot do, and for all
 * of it where io_uring is not permitted. They start when they are needed.
 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/block/engine.h"

#define WORKERS_MAX 16
#define STACK_BYTES (64 << 10)

struct workers {
	struct file *file;
	struct loop_source source; /* an eventfd: something is finished */
	unsigned int max;
	unsigned int in_flight; /* the loop's thread only */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work, done;
	bool stopping;
	struct file_queue todo, finished;
	unsigned int idle, count;
	pthread_t thread[WORKERS_MAX];
};

static void *work(void *arg)
{
	struct workers *w = arg;
	struct file_request *r;

	pthread_setname_np(pthread_self(), "strata-disk");
	pthread_mutex_lock(&w->lock);
	for (;;) {
		while (!w->todo.first && !w->stopping) {
			w->idle++;
			pthread_cond_wait(&w->work, &w->lock);
			w->idle--;
		}
		r = file_queue_take(&w->todo);
		if (!r)
			break;
		pthread_mutex_unlock(&w->lock);
		r->error = file_execute(w->file, r);
		pthread_mutex_lock(&w->lock);
		file_queue_put(&w->finished, r);
		pthread_cond_signal(&w->done);
		eventfd_write(w->source.fd, 1);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* Signals are for other threads. Lock held. */
static int start_thread(struct workers *w)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int error;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&w->thread[w->count], &attributes, work, w);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (!error)
		w->count++;
	return error;
}

void workers_submit(struct workers *w, struct file_request *r)
{
	int error = 0;

	w->in_flight++;
	pthread_mutex_lock(&w->lock);
	if (!w->idle && w->count < w->max)
		error = start_thread(w);
	if (w->count) {
		file_queue_put(&w->todo, r);
		pthread_cond_signal(&w->work);
	} else {
		r->error = error;
		file_queue_put(&w->finished, r);
		eventfd_write(w->source.fd, 1);
	}
	pthread_mutex_unlock(&w->lock);
}

bool workers_run(struct workers *w)
{
	struct file_request *r;
	bool any = false;

	for (;;) {
		pthread_mutex_lock(&w->lock);
		r = file_queue_take(&w->finished);
		pthread_mutex_unlock(&w->lock);
		if (!r)
			return any;
		any = true;
		w->in_flight--;
		file_finished(w->file, r, r->error);
	}
}

void workers_wait(struct workers *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->finished.first)
		pthread_cond_wait(&w->done, &w->lock);
	pthread_mutex_unlock(&w->lock);
}

bool workers_busy(const struct workers *w)
{
	return w->in_flight;
}

static void ready(struct loop_source *s, uint32_t events)
{
	struct workers *w = s->owner;
	eventfd_t n;

	(void)events;
	eventfd_read(s->fd, &n);
	file_run(w->file);
}

struct workers *workers_create(struct file *f, unsigned int count)
{
	struct workers *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->file = f;
	w->max = count < WORKERS_MAX ? count : WORKERS_MAX;
	file_queue_init(&w->todo);
	file_queue_init(&w->finished);
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	pthread_cond_init(&w->done, NULL);
	w->source = (struct loop_source){eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK), ready, w};
	if (w->source.fd < 0 || loop_add(f->loop, &w->source, EPOLLIN)) {
		err_errno("disk %s: no threads for it", f->path);
		if (w->source.fd >= 0)
			close(w->source.fd);
		free(w);
		return NULL;
	}
	return w;
}

void workers_destroy(struct workers *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_broadcast(&w->work);
	pthread_mutex_unlock(&w->lock);
	for (unsigned int i = 0; i < w->count; i++)
		pthread_join(w->thread[i], NULL);
	loop_remove(w->file->loop, &w->source);
	close(w->source.fd);
	pthread_cond_destroy(&w->work);
	pthread_cond_destroy(&w->done);
	pthread_mutex_destroy(&w->lock);
	free(w);
}
