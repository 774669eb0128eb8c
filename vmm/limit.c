/* What a device may carry, and the timers of those that have to wait: see limit.h. */
#include "vmm/limit.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/now.h"

#define BURST "burst-ms"

const struct limit_names net_limits = {
	.rate = {{"rx-bytes", "rx-packets"}, {"tx-bytes", "tx-packets"}},
	.way = {"rx", "tx"},
};

const struct limit_names disk_limits = {
	.rate = {{"read-bytes", "read-ops"}, {"write-bytes", "write-ops"}},
	.way = {"read", "write"},
};

void limits_init(struct limits *l, const struct limit_names *names, struct loop *loop,
		 void (*resume)(void *owner, enum limit_way way), void *owner)
{
	*l = (struct limits){
		.names = names,
		.loop = loop,
		.resume = resume,
		.owner = owner,
		.burst_ms = LIMIT_BURST_MS,
	};
	pthread_mutex_init(&l->lock, NULL);
	for (int way = 0; way < LIMIT_WAYS; way++) {
		l->side[way].limits = l;
		l->side[way].timer.fd = -1;
	}
}

void limits_destroy(struct limits *l)
{
	if (!l->names)
		return;
	for (int way = 0; way < LIMIT_WAYS; way++) {
		struct limit_side *s = &l->side[way];

		if (s->timer.fd < 0)
			continue;
		loop_remove(l->loop, &s->timer);
		close(s->timer.fd);
	}
	pthread_mutex_destroy(&l->lock);
	l->names = NULL;
}

/* ---- waiting ---- */

static bool any_rate(const struct limits *l)
{
	for (int way = 0; way < LIMIT_WAYS; way++)
		for (int of = 0; of < LIMIT_OFS; of++)
			if (l->side[way].bucket[of].rate)
				return true;
	return false;
}

/* Without a rate, they who still wait have to find that out. */
static void set_any(struct limits *l)
{
	atomic_store_explicit(
		&l->any, any_rate(l) || l->side[LIMIT_IN].since || l->side[LIMIT_OUT].since,
		memory_order_relaxed);
}

/* Nobody waits any more. Lock held. */
static void settle(struct limit_side *s, uint64_t now)
{
	if (!s->since)
		return;
	s->waited_ns += now - s->since;
	s->since = 0;
	set_any(s->limits);
}

static void timer_expires(struct loop_source *source, uint32_t events)
{
	struct limit_side *s = source->owner;
	struct limits *l = s->limits;
	uint64_t n;

	(void)events;
	if (read(source->fd, &n, sizeof(n)) != sizeof(n))
		return;
	pthread_mutex_lock(&l->lock);
	s->due = 0;
	pthread_mutex_unlock(&l->lock);
	l->resume(l->owner, s == &l->side[LIMIT_IN] ? LIMIT_IN : LIMIT_OUT);
	pthread_mutex_lock(&l->lock);
	if (!s->due) /* what waited has been done, or is gone: a ring that was reset */
		settle(s, now_ns());
	pthread_mutex_unlock(&l->lock);
}

static void set_timer(struct limit_side *s, uint64_t due)
{
	struct itimerspec when = {
		.it_value = {(time_t)(due / 1000000000ULL), (long)(due % 1000000000ULL)}};

	if (s->due == due)
		return;
	s->due = due;
	timerfd_settime(s->timer.fd, TFD_TIMER_ABSTIME, &when, NULL);
}

static int need_timer(struct limits *l, struct limit_side *s)
{
	if (s->timer.fd >= 0)
		return 0;
	s->timer = (struct loop_source){
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK),
		.ready = timer_expires,
		.owner = s,
	};
	if (s->timer.fd < 0)
		return err_errno("make the timer of a limit");
	if (!loop_add(l->loop, &s->timer, EPOLLIN))
		return 0;
	close(s->timer.fd);
	s->timer.fd = -1;
	return -1;
}

/* How long until the piece is affordable in all respects. Lock held. */
static uint64_t missing(struct limit_side *s, uint64_t bytes, uint64_t now)
{
	uint64_t a = bucket_wait(&s->bucket[LIMIT_BYTES], bytes, now);
	uint64_t b = bucket_wait(&s->bucket[LIMIT_OPS], 1, now);

	return a > b ? a : b;
}

static bool must_wait(struct limit_side *s, uint64_t bytes, uint64_t now)
{
	uint64_t left = missing(s, bytes, now);

	if (left && !s->since) {
		s->since = now;
		s->waits++;
	}
	if (left)
		set_timer(s, now + left);
	else
		settle(s, now);
	return left;
}

bool limits_wait(struct limits *l, enum limit_way way, uint64_t bytes)
{
	uint64_t since, now;
	bool wait;

	if (!atomic_load_explicit(&l->any, memory_order_relaxed))
		return false;
	pthread_mutex_lock(&l->lock);
	since = l->side[way].since;
	now = now_ns();
	wait = must_wait(&l->side[way], bytes, now);
	pthread_mutex_unlock(&l->lock);
	if (since && !wait && l->waited)
		l->waited(l->owner, way, since, now);
	return wait;
}

void limits_charge(struct limits *l, enum limit_way way, uint64_t bytes)
{
	uint64_t now;

	if (!atomic_load_explicit(&l->any, memory_order_relaxed))
		return;
	pthread_mutex_lock(&l->lock);
	now = now_ns();
	bucket_take(&l->side[way].bucket[LIMIT_BYTES], bytes, now);
	bucket_take(&l->side[way].bucket[LIMIT_OPS], 1, now);
	pthread_mutex_unlock(&l->lock);
}

/* ---- settings ---- */

static uint64_t burst_of(const struct limits *l, uint64_t rate)
{
	return (uint64_t)((double)rate * (double)l->burst_ms / 1000);
}

static struct bucket *find(struct limits *l, const char *name, struct limit_side **side)
{
	for (int way = 0; way < LIMIT_WAYS; way++)
		for (int of = 0; of < LIMIT_OFS; of++) {
			*side = &l->side[way];
			if (!strcmp(l->names->rate[way][of], name))
				return &l->side[way].bucket[of];
		}
	return NULL;
}

static void set_burst(struct limits *l, uint64_t ms, uint64_t now)
{
	l->burst_ms = ms;
	for (int way = 0; way < LIMIT_WAYS; way++)
		for (int of = 0; of < LIMIT_OFS; of++) {
			struct bucket *b = &l->side[way].bucket[of];

			if (b->rate)
				bucket_set(b, b->rate, burst_of(l, b->rate), now);
		}
}

/* Whoever waits shall look at the new terms. Lock held. */
static void look_again(struct limits *l, uint64_t now)
{
	for (int way = 0; way < LIMIT_WAYS; way++)
		if (l->side[way].timer.fd >= 0 && l->side[way].since)
			set_timer(&l->side[way], now);
}

static int set(struct limits *l, const char *name, uint64_t value)
{
	uint64_t now = now_ns();
	struct limit_side *side;
	struct bucket *b = find(l, name, &side);

	if (!strcmp(name, BURST)) {
		if (value < 1 || value > LIMIT_BURST_MS_MAX)
			return err_set(BURST " is from 1 to %d", LIMIT_BURST_MS_MAX);
		set_burst(l, value, now);
	} else if (!b) {
		return err_set("it has no limit \"%.40s\"; there are %s, %s, %s, %s and " BURST,
			       name, l->names->rate[0][0], l->names->rate[0][1],
			       l->names->rate[1][0], l->names->rate[1][1]);
	} else if (value > BUCKET_RATE_MAX) {
		return err_set("%s of %llu is more than the %llu that it can be", name,
			       (unsigned long long)value, BUCKET_RATE_MAX);
	} else if (value && need_timer(l, side)) {
		return -1;
	} else {
		bucket_set(b, value, burst_of(l, value), now);
	}
	look_again(l, now);
	set_any(l);
	return 0;
}

int limits_set(struct limits *l, const char *name, uint64_t value)
{
	int result;

	pthread_mutex_lock(&l->lock);
	result = set(l, name, value);
	pthread_mutex_unlock(&l->lock);
	return result;
}

int limits_arguments(struct limits *l, const struct arguments *a)
{
	uint64_t ms = LIMIT_BURST_MS;

	if (arguments_number(a, BURST, 1, LIMIT_BURST_MS_MAX, &ms) || limits_set(l, BURST, ms))
		return -1;
	for (int i = 0; i < LIMIT_WAYS * LIMIT_OFS; i++) {
		const char *name = l->names->rate[i / LIMIT_OFS][i % LIMIT_OFS];
		uint64_t value = 0;

		if ((i % LIMIT_OFS ? arguments_number
				   : arguments_size)(a, name, 1, BUCKET_RATE_MAX, &value))
			return -1;
		if (value && limits_set(l, name, value))
			return -1;
	}
	return 0;
}

const char *limits_named_in(const char *option)
{
	const struct limit_names *const all[] = {&net_limits, &disk_limits};

	for (int i = 0; i < 2 * LIMIT_WAYS * LIMIT_OFS; i++) {
		const char *name = all[i / 4]->rate[i / 2 % 2][i % 2];
		const char *found = strstr(option, name);

		if (found && (found == option || found[-1] == ',') &&
		    found[strlen(name)] == '=')
			return name;
	}
	return NULL;
}

/* ---- status ---- */

static json_t *side_status(const struct limit_side *s)
{
	uint64_t waiting = s->since ? now_ns() - s->since : 0;

	return json_pack("{s:I, s:I}", "waits", (json_int_t)s->waits, "waited_ns",
			 (json_int_t)(s->waited_ns + waiting));
}

void limits_status(struct limits *l, json_t *into)
{
	json_t *o = json_object();

	pthread_mutex_lock(&l->lock);
	for (int way = 0; way < LIMIT_WAYS; way++) {
		for (int of = 0; of < LIMIT_OFS; of++)
			json_object_set_new(
				o, l->names->rate[way][of],
				json_integer((json_int_t)l->side[way].bucket[of].rate));
		json_object_set_new(o, l->names->way[way], side_status(&l->side[way]));
	}
	json_object_set_new(o, BURST, json_integer((json_int_t)l->burst_ms));
	pthread_mutex_unlock(&l->lock);
	json_object_set_new(into, "limits", o);
}
