/* Random numbers that a seed repeats: see random.h. */
#include "lib/random.h"

static uint64_t splitmix64(uint64_t *x)
{
	uint64_t z = (*x += 0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

void random_seed(struct random *r, uint64_t seed)
{
	for (int i = 0; i < 4; i++)
		r->s[i] = splitmix64(&seed);
}

static uint64_t rotate(uint64_t x, int k)
{
	return x << k | x >> (64 - k);
}

uint64_t random_next(struct random *r)
{
	uint64_t *s = r->s, result = rotate(s[1] * 5, 7) * 9, t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotate(s[3], 45);
	return result;
}

uint64_t random_below(struct random *r, uint64_t n)
{
	/* The last, incomplete run of n values is drawn again: no value is favoured. */
	uint64_t limit = UINT64_MAX - UINT64_MAX % n, x;

	do
		x = random_next(r);
	while (x >= limit);
	return x % n;
}

void random_order(struct random *r, unsigned int *order, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		order[i] = i;
	random_choose(r, order, n, n);
}

void random_choose(struct random *r, unsigned int *order, unsigned int n, unsigned int k)
{
	for (unsigned int i = 0; i < k && i + 1 < n; i++) {
		unsigned int j = i + (unsigned int)random_below(r, n - i), t = order[i];

		order[i] = order[j];
		order[j] = t;
	}
}
