/* How requests spread over a measure: see histogram.h. */
#include "tui/histogram.h"

#include <math.h>
#include <string.h>

static void extremes(struct histogram *h, const struct model *m, const struct measure *what,
		     uint64_t *least, uint64_t *most)
{
	*least = UINT64_MAX;
	*most = 0;
	for (size_t i = 0; i < m->request_count; i++) {
		uint64_t ns;

		if (!measure_of(m, &m->requests[i], what, &ns)) {
			h->no_data++;
			continue;
		}
		*least = ns < *least ? ns : *least;
		*most = ns > *most ? ns : *most;
	}
}

/* Edges: every 2^(1/4), or wider where that would be too many. */
static void cut(struct histogram *h, uint64_t least, uint64_t most, int buckets_max)
{
	double low = log2((double)least + 1), high = log2((double)most + 2);
	double step = 0.25;

	if (buckets_max > HISTOGRAM_BUCKETS_MAX)
		buckets_max = HISTOGRAM_BUCKETS_MAX;
	if ((high - low) / step > buckets_max)
		step = (high - low) / buckets_max;
	h->from_ns[0] = least;
	while (h->count < buckets_max && h->from_ns[h->count] <= most) {
		uint64_t edge = (uint64_t)exp2(low + step * (h->count + 1)) - 1;

		/* integers are not finer than one */
		edge = edge > h->from_ns[h->count] ? edge : h->from_ns[h->count] + 1;
		h->from_ns[++h->count] = edge;
	}
	if (h->from_ns[h->count] <= most)
		h->from_ns[h->count] = most + 1;
}

static int bucket_of(const struct histogram *h, uint64_t ns)
{
	int at = 0;

	while (at + 1 < h->count && ns >= h->from_ns[at + 1])
		at++;
	return at;
}

void histogram_make(struct histogram *h, const struct model *m, const struct measure *what,
		    int buckets_max)
{
	uint64_t least, most;

	memset(h, 0, sizeof(*h));
	extremes(h, m, what, &least, &most);
	if (least > most || buckets_max < 1)
		return;
	cut(h, least, most, buckets_max);
	for (size_t i = 0; i < m->request_count; i++) {
		uint64_t ns;
		int at;

		if (!measure_of(m, &m->requests[i], what, &ns))
			continue;
		at = bucket_of(h, ns);
		h->requests[at]++;
		h->most = h->requests[at] > h->most ? h->requests[at] : h->most;
	}
}

struct bucket histogram_bucket(const struct histogram *h, const struct measure *what, int at)
{
	return (struct bucket){.set = true,
			       .what = *what,
			       .from_ns = h->from_ns[at],
			       .to_ns = h->from_ns[at + 1]};
}
