/*
 * What a limit does to a disk's requests, without a VM: the rate over every second, and how
 * long requests wait, through the same disk, buckets and loop that a VM's requests take.
 *
 *     limit_steps file=PATH,read-ops=1000[,...] SECONDS LOAD
 *
 * Reads of 4 KiB arrive at random (Poisson), LOAD times the limit's operations a second on
 * average; above 1 the queue never runs dry. Prints JSON: how many were answered over the
 * second that had the most, and over the one that had the fewest, of all the seconds that begin
 * with an answer; percentiles of the time from arrival to answer and of the time between
 * answers, in microseconds; and "steps": the part of all answers that came in batches of ten or
 * more within a millisecond, which is what a bucket that is refilled now and then looks like.
 */
#include <inttypes.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/quantile.h"
#include "lib/random.h"
#include "vmm/block/disk.h"

#define BLOCK     4096
#define SECOND    1000000000ULL
#define STEP      10
#define STEP_NS   1000000
#define TIMES_MAX 4000000

struct asked {
	struct disk_request r;
	struct iovec iov;
	uint64_t arrived;
	uint8_t data[BLOCK];
};

static struct {
	struct disk *disk;
	struct loop *loop;
	struct loop_source timer;
	struct random random;
	double mean_ns; /* between arrivals */
	uint64_t next, end;
	unsigned int in_flight;
	bool over;
	struct quantile latency;
	uint64_t *times; /* of answers */
	size_t answers;
	pthread_mutex_t lock;
	pthread_cond_t done;
} t;

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * SECOND + (uint64_t)now.tv_nsec;
}

static void answered(struct disk_request *r, int error)
{
	struct asked *a = r->owner;
	uint64_t now = now_ns();

	if (error)
		fprintf(stderr, "limit_steps: %s\n", strerror(error));
	if (now < t.end && t.answers < TIMES_MAX) {
		quantile_add(&t.latency, now - a->arrived);
		t.times[t.answers++] = now;
	}
	t.in_flight--;
	free(a);
}

static void ask(uint64_t arrived)
{
	struct asked *a = calloc(1, sizeof(*a));
	uint64_t blocks = disk_info(t.disk)->bytes / BLOCK;

	if (!a)
		return;
	a->arrived = arrived;
	a->iov = (struct iovec){a->data, BLOCK};
	a->r = (struct disk_request){.op = DISK_READ,
				     .offset = random_below(&t.random, blocks) * BLOCK,
				     .bytes = BLOCK,
				     .iov = &a->iov,
				     .iov_count = 1,
				     .done = answered,
				     .owner = a};
	t.in_flight++;
	disk_submit(t.disk, &a->r);
}

static void set_timer(void)
{
	struct itimerspec when = {
		.it_value = {(time_t)(t.next / SECOND), (long)(t.next % SECOND)}};

	timerfd_settime(t.timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static void end(void)
{
	pthread_mutex_lock(&t.lock);
	t.over = true;
	pthread_cond_signal(&t.done);
	pthread_mutex_unlock(&t.lock);
}

/* All that have arrived by now, and the time of the next. */
static void arrive(struct loop_source *s, uint32_t events)
{
	uint64_t now = now_ns(), n;

	(void)events;
	if (read(s->fd, &n, sizeof(n)) != sizeof(n))
		return;
	for (; t.next <= now && t.next < t.end;
	     t.next +=
	     1 + (uint64_t)(-log((double)(random_next(&t.random) >> 11) / 9007199254740992.0 +
				 1e-17) *
			    t.mean_ns))
		ask(t.next);
	disk_run(t.disk);
	if (t.next < t.end)
		set_timer();
	else
		end();
}

/* ---- what came of it ---- */

static void any_second(size_t *most, size_t *fewest)
{
	size_t last = 0;

	*most = 0;
	*fewest = SIZE_MAX;
	for (size_t first = 0; first < t.answers; first++) {
		while (last < t.answers && t.times[last] - t.times[first] < SECOND)
			last++;
		if (last - first > *most)
			*most = last - first;
		if (t.times[first] + SECOND < t.end && last - first < *fewest)
			*fewest = last - first;
	}
}

static double in_steps(void)
{
	size_t batched = 0, last;

	for (size_t first = 0; first < t.answers; first = last) {
		for (last = first;
		     last < t.answers && t.times[last] - t.times[first] < STEP_NS;)
			last++;
		if (last - first >= STEP)
			batched += last - first;
	}
	return t.answers ? (double)batched / (double)t.answers : 0;
}

static void print_quantiles(const char *name, struct quantile *q)
{
	static const struct {
		const char *name;
		double part;
	} parts[] = {{"p1", .01}, {"p10", .1},  {"p25", .25},   {"p50", .5}, {"p75", .75},
		     {"p90", .9}, {"p99", .99}, {"p999", .999}, {"max", 1}};

	printf("\"%s_us\": {", name);
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		printf("%s\"%s\": %.1f", i ? ", " : "", parts[i].name,
		       (double)quantile_at(q, parts[i].part) / 1000);
	printf("},\n ");
}

static void report(void)
{
	struct quantile between = {0};
	size_t most, fewest;

	for (size_t i = 1; i < t.answers; i++)
		quantile_add(&between, t.times[i] - t.times[i - 1]);
	any_second(&most, &fewest);
	printf("{\"answers\": %zu, \"most_in_a_second\": %zu, \"fewest_in_a_second\": %zu,\n ",
	       t.answers, most, fewest);
	print_quantiles("latency", &t.latency);
	print_quantiles("between", &between);
	printf("\"steps\": %.4f}\n", in_steps());
	quantile_free(&between);
	quantile_free(&t.latency);
}

static int run(const char *option, double seconds, double load)
{
	static const struct argument table[] = {DISK_ARGUMENTS, {NULL, NULL, false, NULL}};
	struct arguments a;
	uint64_t ops = 0;

	t.loop = loop_create("io");
	t.times = malloc(TIMES_MAX * sizeof(*t.times));
	if (!t.loop || !t.times || arguments_parse(&a, option, table) || disk_check(&a) ||
	    arguments_number(&a, "read-ops", 1, UINT32_MAX, &ops))
		return -1;
	t.disk = disk_open(&a, t.loop);
	arguments_free(&a);
	if (!t.disk || loop_start(t.loop))
		return -1;
	random_seed(&t.random, 1);
	t.mean_ns = (double)SECOND / ((double)ops * load);
	t.timer = (struct loop_source){timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC), arrive,
				       NULL};
	t.next = now_ns() + 1000000;
	t.end = t.next + (uint64_t)(seconds * (double)SECOND);
	if (t.timer.fd < 0 || loop_add(t.loop, &t.timer, EPOLLIN))
		return err_errno("arrivals");
	set_timer();
	pthread_mutex_lock(&t.lock);
	while (!t.over)
		pthread_cond_wait(&t.done, &t.lock);
	pthread_mutex_unlock(&t.lock);
	loop_remove(t.loop, &t.timer);
	loop_stop(t.loop);
	disk_drain(t.disk);
	report();
	disk_close(t.disk);
	loop_destroy(t.loop);
	free(t.times);
	return close(t.timer.fd);
}

int main(int argc, char **argv)
{
	pthread_mutex_init(&t.lock, NULL);
	pthread_cond_init(&t.done, NULL);
	if (argc != 4) {
		fputs("usage: limit_steps file=PATH,read-ops=N[,...] SECONDS LOAD\n", stderr);
		return EXIT_USAGE;
	}
	if (run(argv[1], atof(argv[2]), atof(argv[3]))) {
		err_print("limit_steps");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
