/* One clock for all kernels: see clock.h for the idea. */
#include "lib/clock.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <x86intrin.h>

#include "lib/err.h"
#include "lib/now.h"

/* Reads per sample: an interrupt or a preempted vCPU spoils some, never all. */
#define READS 64

/* Of one domain: at ten a second, more than seven hours of them. */
#define SAMPLES_MAX (1u << 18)

struct line {
	struct clock_sample *samples;
	size_t count, capacity;
	uint64_t widest;    /* bracket, ticks */
	double residual_ns; /* largest deviation of a sample from its neighbours' line */
	int64_t offset;     /* domain TSC = host TSC * ratio + offset */
	long double ratio;  /* long double: 64 bits of mantissa, as many as a TSC has */
	bool related;       /* offset and ratio are known */
};

struct clock {
	struct line line[CLOCK_DOMAINS_MAX];
	bool latest; /* what is asked about moves on with the samples */
};

struct clock_sample clock_sample_now(void)
{
	struct clock_sample best = {.bracket = UINT64_MAX};

	for (int i = 0; i < READS; i++) {
		uint64_t before, after, time_ns;

		_mm_lfence(); /* RDTSC is not ordered with what stands before it */
		before = __rdtsc();
		_mm_lfence();
		time_ns = now_ns();
		_mm_lfence();
		after = __rdtsc();
		if (after - before < best.bracket)
			best = (struct clock_sample){before + (after - before) / 2, time_ns,
						     after - before};
	}
	return best;
}

struct clock *clock_create(void)
{
	struct clock *c = calloc(1, sizeof(*c));

	if (!c) {
		err_set("out of memory for clocks");
		return NULL;
	}
	for (size_t i = 0; i < CLOCK_DOMAINS_MAX; i++)
		c->line[i].ratio = 1;
	c->line[0].related = true;
	return c;
}

void clock_destroy(struct clock *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < CLOCK_DOMAINS_MAX; i++)
		free(c->line[i].samples);
	free(c);
}

void clock_keep_latest(struct clock *c)
{
	c->latest = true;
}

void clock_set_relation(struct clock *c, unsigned int domain, int64_t offset, double ratio)
{
	if (domain >= CLOCK_DOMAINS_MAX || !(ratio > 1e-6 && ratio < 1e6))
		return;
	c->line[domain].offset = offset;
	c->line[domain].ratio = ratio;
	c->line[domain].related = true;
}

/* A recording may say anything; what is absurd must only stay defined. */
static int64_t whole(long double v)
{
	if (!(v > -9.2e18L))
		return INT64_MIN;
	return v < 9.2e18L ? (int64_t)v : INT64_MAX;
}

/* The line through a and b at that TSC. */
static uint64_t time_on_line(const struct clock_sample *a, const struct clock_sample *b,
			     uint64_t tsc)
{
	long double slope = (long double)(b->time_ns - a->time_ns) / (b->tsc - a->tsc);
	long double ns = (long double)(int64_t)(tsc - a->tsc) * slope;

	return a->time_ns + (uint64_t)whole(ns + (ns < 0 ? -0.5L : 0.5L));
}

static uint64_t tsc_on_line(const struct clock_sample *a, const struct clock_sample *b,
			    uint64_t time_ns)
{
	long double slope = (long double)(b->tsc - a->tsc) / (b->time_ns - a->time_ns);

	return a->tsc + (uint64_t)whole((long double)(int64_t)(time_ns - a->time_ns) * slope);
}

/* Of three samples: how far is the middle one off the line of the others? */
static void measure_residual(struct line *l, const struct clock_sample s[3])
{
	int64_t off = (int64_t)(s[1].time_ns - time_on_line(&s[0], &s[2], s[1].tsc));
	double abs = off < 0 ? -(double)off : (double)off;

	if (abs > l->residual_ns)
		l->residual_ns = abs;
}

static void forget_oldest(struct line *l)
{
	memmove(l->samples, l->samples + l->count / 2,
		(l->count - l->count / 2) * sizeof(*l->samples));
	l->count -= l->count / 2;
}

/* Leave out every other one, but neither end; how far it was off is in the error's bound. */
static void thin(struct line *l)
{
	size_t kept = 1;

	for (size_t i = 2; i < l->count; i += 2) {
		measure_residual(l, l->samples + i - 2);
		l->samples[kept++] = l->samples[i];
	}
	if (l->count % 2 == 0)
		l->samples[kept++] = l->samples[l->count - 1];
	l->count = kept;
}

int clock_add(struct clock *c, unsigned int domain, const struct clock_sample *s)
{
	struct line *l;

	if (domain >= CLOCK_DOMAINS_MAX)
		return err_set("clock domain %u: there are at most %u", domain,
			       CLOCK_DOMAINS_MAX);
	l = &c->line[domain];
	/* a guest's TSC may pass 2^64: its offset can be negative */
	if (l->count && ((int64_t)(s->tsc - l->samples[l->count - 1].tsc) <= 0 ||
			 s->time_ns <= l->samples[l->count - 1].time_ns))
		return err_set("clock domain %u: a sample runs backwards", domain);
	if (l->count == SAMPLES_MAX && c->latest)
		forget_oldest(l);
	else if (l->count == SAMPLES_MAX)
		thin(l);
	if (l->count == l->capacity) {
		size_t capacity = l->capacity ? l->capacity * 2 : 64;
		struct clock_sample *samples = realloc(l->samples, capacity * sizeof(*samples));

		if (!samples)
			return err_set("out of memory for %zu clock samples", capacity);
		l->samples = samples;
		l->capacity = capacity;
	}
	l->samples[l->count++] = *s;
	if (s->bracket > l->widest)
		l->widest = s->bracket;
	if (l->count >= 3)
		measure_residual(l, l->samples + l->count - 3);
	return 0;
}

bool clock_ready(const struct clock *c, unsigned int domain)
{
	if (!domain)
		return true;
	return domain < CLOCK_DOMAINS_MAX && c->line[domain].related &&
	       c->line[domain].count >= 2 && c->line[0].count >= 2;
}

/* Index of the first of the two samples whose line holds for key. */
#define SEGMENT(l, field, key)                                                \
	({                                                                    \
		size_t lo_ = 0, hi_ = (l)->count - 1;                         \
		while (hi_ - lo_ > 1) {                                       \
			size_t mid_ = lo_ + (hi_ - lo_) / 2;                  \
			if ((int64_t)((key) - (l)->samples[mid_].field) >= 0) \
				lo_ = mid_;                                   \
			else                                                  \
				hi_ = mid_;                                   \
		}                                                             \
		(l)->samples + lo_;                                           \
	})

uint64_t clock_to_host(const struct clock *c, unsigned int domain, uint64_t time_ns)
{
	const struct line *l, *host = &c->line[0];
	const struct clock_sample *s;
	uint64_t tsc;

	if (!domain || !clock_ready(c, domain))
		return time_ns;
	l = &c->line[domain];
	s = SEGMENT(l, time_ns, time_ns);
	tsc = tsc_on_line(s, s + 1, time_ns) - (uint64_t)l->offset;
	if (l->ratio != 1)
		tsc = (uint64_t)whole((long double)tsc / l->ratio + 0.5L);
	s = SEGMENT(host, tsc, tsc);
	return time_on_line(s, s + 1, tsc);
}

/* Half the widest bracket, in ns, plus the largest residual. */
static double line_error_ns(const struct line *l)
{
	const struct clock_sample *a = &l->samples[0], *b = &l->samples[l->count - 1];
	double ns_per_tick = (double)(b->time_ns - a->time_ns) / (double)(b->tsc - a->tsc);

	return (double)l->widest / 2 * ns_per_tick + l->residual_ns;
}

uint64_t clock_error_ns(const struct clock *c, unsigned int domain)
{
	if (!domain || !clock_ready(c, domain))
		return 0;
	return (uint64_t)whole(line_error_ns(&c->line[0]) + line_error_ns(&c->line[domain]) +
			       1);
}

static int64_t ns_of(clockid_t id)
{
	struct timespec t;

	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* The closest of a few. */
int64_t clock_realtime_to_monotonic_ns(void)
{
	int64_t best = INT64_MAX, offset = 0;

	for (int i = 0; i < 5; i++) {
		int64_t before = ns_of(CLOCK_MONOTONIC), day = ns_of(CLOCK_REALTIME),
			after = ns_of(CLOCK_MONOTONIC);

		if (after - before >= best)
			continue;
		best = after - before;
		offset = before + best / 2 - day;
	}
	return offset;
}
