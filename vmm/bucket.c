/* A token bucket, in whole numbers: see bucket.h. */
#include "vmm/bucket.h"

#define TOKEN \
	1000000000LL /* billionths of one: a token a second is one of these a nanosecond */

static int64_t full(const struct bucket *b)
{
	return (int64_t)b->burst * TOKEN;
}

/* Nanoseconds until the level has risen that far; 0 if it has. */
static uint64_t time_to(const struct bucket *b, int64_t level)
{
	if (b->level >= level)
		return 0;
	return ((uint64_t)(level - b->level) + b->rate - 1) / b->rate;
}

static void refill(struct bucket *b, uint64_t now_ns)
{
	uint64_t passed = now_ns > b->at ? now_ns - b->at : 0;

	if (passed >= time_to(b, full(b)))
		b->level = b->level > full(b) ? b->level : full(b);
	else
		b->level += (int64_t)(passed * b->rate);
	if (now_ns > b->at)
		b->at = now_ns;
}

void bucket_set(struct bucket *b, uint64_t rate, uint64_t burst, uint64_t now_ns)
{
	uint64_t before = b->rate;

	if (before)
		refill(b, now_ns);
	b->rate = rate < BUCKET_RATE_MAX ? rate : BUCKET_RATE_MAX;
	b->burst = burst < BUCKET_BURST_MAX ? burst : BUCKET_BURST_MAX;
	b->burst += !b->burst;
	b->at = now_ns;
	if (!before || b->level > full(b))
		b->level = full(b);
}

uint64_t bucket_wait(struct bucket *b, uint64_t tokens, uint64_t now_ns)
{
	if (!b->rate)
		return 0;
	refill(b, now_ns);
	return time_to(b, (int64_t)(tokens < b->burst ? tokens : b->burst) * TOKEN);
}

void bucket_take(struct bucket *b, uint64_t tokens, uint64_t now_ns)
{
	int64_t most = (int64_t)BUCKET_BURST_MAX * TOKEN;

	if (!b->rate)
		return;
	refill(b, now_ns);
	if (tokens > BUCKET_BURST_MAX || b->level < -most + (int64_t)tokens * TOKEN)
		b->level = -most;
	else
		b->level -= (int64_t)tokens * TOKEN;
}
