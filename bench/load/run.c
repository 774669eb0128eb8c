/*
 * Runs the requests: see run.h.
 *
 * Each connection has a thread of its own, which does nothing between its request and the reply
 * but wait in read(): another connection's work is never part of what is measured. The first
 * thread waits for signals; workers have them blocked, but for SIGUSR1, which does nothing but
 * interrupt their system calls.
 */
#include "bench/load/run.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/err.h"
#include "lib/now.h"

#define SECOND_NS UINT64_C(1000000000)
/* A SYN that met no network is repeated by the kernel after 1 s; a slow server needs as long.
 */
#define WAIT_TRY_S       0.25
#define WAIT_TRY_MAX_S   1.0
#define WAIT_PAUSE_NS    20000000
#define PROGRESS_FROM_NS (2 * SECOND_NS)
#define STOP_AGAIN_NS    20000000

struct worker {
	struct run *run;
	pthread_t thread;
	struct connection kept, fresh;
	struct body *body;
};

static void nothing(int signal)
{
	(void)signal;
}

static void sleep_until(uint64_t when_ns, const atomic_bool *stop)
{
	struct timespec t = {.tv_sec = when_ns / SECOND_NS, .tv_nsec = when_ns % SECOND_NS};

	while (!atomic_load(stop) &&
	       clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

static void request_text(const struct load_options *o, bool fresh, char *out, size_t bytes)
{
	snprintf(out, bytes, "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: strata-load\r\n%s\r\n",
		 o->path, o->host, fresh ? "Connection: close\r\n" : "");
}

static bool is_fresh(const struct load_options *o, unsigned int index)
{
	return o->mode == MODE_NEW || (o->mode == MODE_MIXED && index % 2);
}

static enum failure attempt(struct worker *w, struct connection *c, bool fresh,
			    struct sample *s)
{
	const struct load_options *o = w->run->options;
	enum failure failure;
	char text[8192];

	if (c->fd < 0) {
		failure = connection_open(c, o, o->timeout_s, &w->run->stop);
		if (failure != FAILURE_NONE) {
			s->failure = failure;
			return failure;
		}
	}
	request_text(o, fresh, text, sizeof(text));
	return connection_request(c, o, text, strlen(text), w->body, s, &w->run->stop);
}

static enum failure do_request(struct worker *w, unsigned int index, struct sample *s)
{
	bool fresh = is_fresh(w->run->options, index);
	struct connection *c = fresh ? &w->fresh : &w->kept;
	bool reused = c->fd >= 0 && c->requests > 0;
	enum failure failure = attempt(w, c, fresh, s);

	/* RFC 9112, 9.3.1: a server may close an idle connection; then the request is repeated
	 */
	if (failure == FAILURE_RESET && reused && s->status == 0) {
		atomic_fetch_add(&w->run->reconnects, 1);
		connection_close(c);
		failure = attempt(w, c, fresh, s);
	}
	if (fresh)
		connection_close(c);
	return failure;
}

static bool is_dead(struct run *r)
{
	unsigned int failures = atomic_fetch_add(&r->unanswered, 1) + 1;
	uint64_t silent_ns = now_ns() - atomic_load(&r->answered_ns);

	return failures >= GIVE_UP_AFTER ||
	       (failures >= GIVE_UP_TIMEOUTS &&
		silent_ns >= GIVE_UP_TIMEOUTS * r->options->timeout_s * 1e9);
}

static void account(struct run *r, enum failure failure)
{
	bool unanswered = failure == FAILURE_CONNECT || failure == FAILURE_TIMEOUT ||
			  failure == FAILURE_RESET;

	if (failure == FAILURE_STOPPED)
		return;
	if (failure != FAILURE_NONE) {
		atomic_fetch_add(&r->errors, 1);
		pthread_mutex_lock(&r->lock);
		if (!r->first_error[0])
			snprintf(r->first_error, sizeof(r->first_error), "%s", err_text());
		pthread_mutex_unlock(&r->lock);
	}
	atomic_fetch_add(&r->finished, 1);
	if (!unanswered) {
		atomic_store(&r->unanswered, 0);
		atomic_store(&r->answered_ns, now_ns());
	} else if (is_dead(r)) {
		atomic_store(&r->gave_up, true);
		atomic_store(&r->stop, true);
	}
}

static void *work(void *arg)
{
	struct worker *w = arg;
	struct run *r = w->run;
	const struct load_options *o = r->options;

	while (!atomic_load(&r->stop)) {
		unsigned int index = atomic_fetch_add(&r->next, 1);
		struct sample *s = &r->samples[index];

		if (index >= o->requests)
			break;
		s->failure = FAILURE_STOPPED;
		if (o->rate > 0) {
			s->intended_ns = r->start_ns + index * (SECOND_NS / o->rate);
			sleep_until(s->intended_ns, &r->stop);
			if (atomic_load(&r->stop))
				break;
		}
		account(r, do_request(w, index, s));
	}
	connection_close(&w->kept);
	connection_close(&w->fresh);
	atomic_fetch_sub(&r->running, 1);
	kill(getpid(), SIGUSR2); /* the first thread waits for this */
	return NULL;
}

/* The first connection, so that a missing server is one clear error. */
static int connect_first(struct run *r, struct connection *c)
{
	const struct load_options *o = r->options;
	uint64_t until = now_ns() + o->wait_s * 1e9;
	double try_s = o->wait_s > 0 ? WAIT_TRY_S : o->timeout_s;

	while (connection_open(c, o, try_s, &r->stop)) {
		struct timespec pause = {.tv_nsec = WAIT_PAUSE_NS};

		if (o->wait_s == 0)
			return -1;
		if (now_ns() >= until)
			return err_add("gave up after waiting %g s", o->wait_s);
		nanosleep(&pause, NULL);
		if (try_s < WAIT_TRY_MAX_S)
			try_s *= 2;
	}
	return 0;
}

static void progress(const struct run *r, uint64_t now, unsigned int *last)
{
	unsigned int done = atomic_load(&r->finished);

	fprintf(stderr, "load: %u of %u requests, %u errors, %u in the last second, %.0f s\n",
		done, r->options->requests, atomic_load(&r->errors), done - *last,
		(now - r->start_ns) / 1e9);
	*last = done;
}

/* Until all threads have ended: progress, and signals. */
static void attend(struct run *r, struct worker *workers, unsigned int count)
{
	uint64_t tick = r->start_ns + SECOND_NS;
	unsigned int last = 0;
	siginfo_t info;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR2);
	while (atomic_load(&r->running) > 0) {
		uint64_t now = now_ns();
		uint64_t wait = atomic_load(&r->stop) ? STOP_AGAIN_NS
				: tick > now          ? tick - now
						      : 0;
		struct timespec t = {.tv_sec = wait / SECOND_NS, .tv_nsec = wait % SECOND_NS};
		int signal = sigtimedwait(&set, &info, &t);

		if (signal == SIGINT || signal == SIGTERM) {
			r->interrupted = true;
			atomic_store(&r->stop, true);
		}
		/* again and again: one that comes just before a read() is without effect */
		for (unsigned int i = 0; atomic_load(&r->stop) && i < count; i++)
			pthread_kill(workers[i].thread, SIGUSR1);
		now = now_ns();
		if (now < tick)
			continue;
		if (now - r->start_ns >= PROGRESS_FROM_NS)
			progress(r, now, &last);
		else
			last = atomic_load(&r->finished);
		tick += SECOND_NS;
	}
}

static int start_workers(struct run *r, struct worker *workers, unsigned int *started)
{
	for (unsigned int i = 0; i < r->options->connections; i++, (*started)++) {
		int error;

		workers[i].body = body_create();
		if (!workers[i].body)
			return err_set("out of memory for %u connections",
				       r->options->connections);
		atomic_fetch_add(&r->running, 1);
		error = pthread_create(&workers[i].thread, NULL, work, &workers[i]);
		if (error) {
			atomic_fetch_sub(&r->running, 1);
			return err_set("starting a thread: %s", strerror(error));
		}
	}
	return 0;
}

static void catch_signals(void)
{
	struct sigaction interrupt = {.sa_handler = nothing}, ignore = {.sa_handler = SIG_IGN};
	sigset_t set;

	sigaction(SIGUSR1, &interrupt, NULL); /* without SA_RESTART */
	sigaction(SIGPIPE, &ignore, NULL);
	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGUSR2);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static int run_workers(struct run *r)
{
	unsigned int count = r->options->connections, started = 0;
	struct worker *workers = calloc(count, sizeof(*workers));
	int ret;

	if (!workers)
		return err_set("out of memory for %u connections", count);
	for (unsigned int i = 0; i < count; i++)
		workers[i] = (struct worker){.run = r, .kept.fd = -1, .fresh.fd = -1};
	ret = connect_first(r, is_fresh(r->options, 0) ? &workers[0].fresh : &workers[0].kept);
	if (ret == 0) {
		catch_signals(); /* until here, they simply end the program */
		r->start_ns = now_ns();
		atomic_store(&r->answered_ns, r->start_ns);
		ret = start_workers(r, workers, &started);
		if (ret < 0)
			atomic_store(&r->stop, true);
		attend(r, workers, started);
		r->end_ns = now_ns();
	}
	for (unsigned int i = 0; i < started; i++)
		pthread_join(workers[i].thread, NULL);
	for (unsigned int i = 0; i < count; i++)
		body_destroy(workers[i].body);
	connection_close(&workers[0].kept);
	connection_close(&workers[0].fresh);
	free(workers);
	return ret;
}

int run_load(struct run *r, const struct load_options *o)
{
	*r = (struct run){.options = o, .lock = PTHREAD_MUTEX_INITIALIZER};
	r->samples = calloc(o->requests, sizeof(*r->samples));
	if (!r->samples)
		return err_set("out of memory for %u requests", o->requests);
	if (run_workers(r) < 0) {
		run_free(r);
		return -1;
	}
	r->issued = atomic_load(&r->next) < o->requests ? atomic_load(&r->next) : o->requests;
	return 0;
}

void run_free(struct run *r)
{
	free(r->samples);
	r->samples = NULL;
}
