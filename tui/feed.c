/* Where the model comes from: see feed.h. */
#include "tui/feed.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "tracer/analyse.h"

#define BEGINNING_BYTES (1u << 20) /* of a file: some 70,000 events */
#define CHUNK_BYTES     (1u << 20)
#define LOOK_MS         200
#define LATEST_MAX      5000
#define HEAD_BYTES      4096

struct feed {
	const char *path;
	struct feed_options options;
	struct analysis *analysis; /* of the thread alone */
	pthread_t thread;
	pthread_mutex_t lock;
	struct model *model; /* the beginning's, or the analysis's; see owned */
	bool owned;          /* by us, and not by the analysis */
	bool loading;
	double part;
	char error[512];
	int notice, wake; /* eventfds: to the interface; to the thread */
	atomic_bool stop, frozen;
};

static void tell(int fd)
{
	const uint64_t one = 1;

	while (write(fd, &one, sizeof(one)) < 0 && errno == EINTR)
		;
}

static void publish(struct feed *f, struct model *m, bool owned)
{
	pthread_mutex_lock(&f->lock);
	if (f->owned && f->model != m)
		model_free(f->model);
	f->model = m;
	f->owned = owned;
	pthread_mutex_unlock(&f->lock);
	tell(f->notice);
}

static void end(struct feed *f, bool failed)
{
	pthread_mutex_lock(&f->lock);
	f->loading = false;
	f->part = 1;
	if (failed)
		snprintf(f->error, sizeof(f->error), "%s", err_text());
	pthread_mutex_unlock(&f->lock);
	tell(f->notice);
}

/* ---- a recording that is whole ---- */

/* What its beginning says, for as long as the rest is read. */
static void beginning(struct feed *f)
{
	const struct analyse_options o = {.requests_max = f->options.requests_max,
					  .growing = true};
	struct analysis *a = analysis_open(f->path, &o);
	struct analysis_progress p;

	if (!a)
		return;
	if (analysis_step(a, BEGINNING_BYTES) <= 0) {
		analysis_close(a);
		return;
	}
	analysis_progress(a, &p);
	if (p.size <= 2 * BEGINNING_BYTES || analysis_finish(a))
		analysis_close(a); /* all of it is as quick, or it says why not */
	else
		publish(f, analysis_take(a), true);
}

static void progressed(struct feed *f, const struct analysis *a)
{
	struct analysis_progress p;

	analysis_progress(a, &p);
	pthread_mutex_lock(&f->lock);
	f->part = p.size ? (double)(p.learnt + p.joined) / (2 * (double)p.size) : 0;
	pthread_mutex_unlock(&f->lock);
	tell(f->notice);
}

/* A chunk, within the lock; from when there are more requests than the beginning had, they are
 * what is shown. */
static int join_chunk(struct feed *f, struct analysis *a)
{
	struct model *m = analysis_model(a);
	bool better;
	int more;

	pthread_mutex_lock(&f->lock);
	more = analysis_join(a, CHUNK_BYTES);
	better = f->model && f->model != m && m->seen > f->model->seen;
	pthread_mutex_unlock(&f->lock);
	if (better)
		publish(f, m, false);
	progressed(f, a);
	return more;
}

static int whole(struct feed *f, struct analysis *a)
{
	int more = 1;

	while (more > 0 && !atomic_load(&f->stop)) {
		more = analysis_learn(a, CHUNK_BYTES);
		progressed(f, a);
	}
	for (more = more < 0 ? -1 : 1; more > 0 && !atomic_load(&f->stop);)
		more = join_chunk(f, a);
	if (more < 0)
		return -1;
	pthread_mutex_lock(&f->lock);
	more = atomic_load(&f->stop) ? 0 : analysis_finish(a);
	pthread_mutex_unlock(&f->lock);
	return more;
}

static void load(struct feed *f)
{
	const struct analyse_options o = {.requests_max = f->options.requests_max};
	struct analysis *a;

	beginning(f);
	a = analysis_open(f->path, &o);
	if (!a) {
		end(f, true);
		return;
	}
	f->analysis = a; /* closed with the feed: its model may be on the screen */
	if (whole(f, a)) {
		end(f, true);
		return;
	}
	if (!atomic_load(&f->stop))
		publish(f, analysis_model(a), false);
	end(f, false);
}

/* ---- one that is being written ---- */

static void pause_ms(struct feed *f, int ms)
{
	struct pollfd p = {.fd = f->wake, .events = POLLIN};

	poll(&p, 1, ms);
}

/* Bytes that were read need no room any more; where the file system cannot do that, they stay.
 */
static void throw_away(const struct feed *f, int fd)
{
	struct analysis_progress p;

	analysis_progress(f->analysis, &p);
	if (p.joined > HEAD_BYTES) /* the file's header is looked at again each time */
		(void)!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, HEAD_BYTES,
				 (off_t)(p.joined - HEAD_BYTES));
}

static int look(struct feed *f)
{
	int more = 1, result = 0;

	while (more > 0 && !result && !atomic_load(&f->stop)) {
		pthread_mutex_lock(&f->lock); /* held for a chunk, not for all there is */
		more = analysis_step(f->analysis, CHUNK_BYTES);
		result = more < 0 ? -1 : analysis_until_now(f->analysis);
		f->model = analysis_model(f->analysis);
		pthread_mutex_unlock(&f->lock);
	}
	tell(f->notice);
	return result;
}

static void follow(struct feed *f)
{
	int fd = f->options.throw_away ? open(f->path, O_WRONLY | O_CLOEXEC) : -1, result = 0;

	while (!atomic_load(&f->stop) && !result) {
		if (!atomic_load(&f->frozen) && !access(f->path, R_OK)) {
			result = look(f);
			if (fd < 0 && f->options.throw_away)
				fd = open(f->path, O_WRONLY | O_CLOEXEC);
			if (fd >= 0)
				throw_away(f, fd);
		}
		pause_ms(f, LOOK_MS);
	}
	if (fd >= 0)
		close(fd);
	end(f, result != 0);
}

static void *reader(void *arg)
{
	struct feed *f = arg;

	if (f->options.growing)
		follow(f);
	else
		load(f);
	return NULL;
}

/* ---- the interface's side ---- */

static void release(struct feed *f)
{
	if (f->owned)
		model_free(f->model);
	analysis_close(f->analysis);
	if (f->notice >= 0)
		close(f->notice);
	if (f->wake >= 0)
		close(f->wake);
	pthread_mutex_destroy(&f->lock);
	free(f);
}

static int start(struct feed *f)
{
	const struct analyse_options o = {
		.requests_max = f->options.requests_max ? f->options.requests_max : LATEST_MAX,
		.latest = true,
		.growing = true};
	int error;

	if (f->notice < 0 || f->wake < 0)
		return err_errno("make an eventfd");
	if (f->options.growing) {
		f->analysis = analysis_open(f->path, &o);
		if (!f->analysis)
			return -1;
	}
	error = pthread_create(&f->thread, NULL, reader, f);
	if (!error)
		return 0;
	errno = error;
	return err_errno("start the reader's thread");
}

struct feed *feed_open(const char *path, const struct feed_options *options)
{
	struct feed *f = calloc(1, sizeof(*f));

	if (!f) {
		err_set("%s: out of memory", path);
		return NULL;
	}
	f->path = path;
	f->options = *options;
	f->loading = true;
	f->notice = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	f->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	pthread_mutex_init(&f->lock, NULL);
	if (!start(f))
		return f;
	release(f);
	return NULL;
}

void feed_close(struct feed *f)
{
	if (!f)
		return;
	atomic_store(&f->stop, true);
	tell(f->wake);
	if (f->thread)
		pthread_join(f->thread, NULL);
	release(f);
}

int feed_fd(const struct feed *f)
{
	return f->notice;
}

bool feed_taken(struct feed *f)
{
	uint64_t n;

	return read(f->notice, &n, sizeof(n)) == (ssize_t)sizeof(n);
}

struct model *feed_lock(struct feed *f)
{
	pthread_mutex_lock(&f->lock);
	/* before its first block, nothing can be said of it */
	return f->model && f->model->place != PLACE_NONE ? f->model : NULL;
}

void feed_unlock(struct feed *f)
{
	pthread_mutex_unlock(&f->lock);
}

double feed_part(const struct feed *f)
{
	return f->part;
}

bool feed_loading(const struct feed *f)
{
	return f->loading;
}

const char *feed_error(const struct feed *f)
{
	return f->error;
}

void feed_freeze(struct feed *f, bool frozen)
{
	atomic_store(&f->frozen, frozen);
}

int feed_wait(struct feed *f)
{
	if (f->thread)
		pthread_join(f->thread, NULL);
	f->thread = 0;
	return f->error[0] ? err_set("%s", f->error) : 0;
}
