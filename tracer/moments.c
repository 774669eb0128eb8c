/* Context events in time order: see moments.h. */
#include "tracer/moments.h"

#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "tracer/model.h"

static int make_room(struct moments *m, size_t max)
{
	if (m->start + m->count < m->capacity)
		return 0;
	if (m->count >= max) {
		m->start += m->count - max / 2;
		m->count = max / 2;
	}
	if (m->start && m->start >= m->count) {
		memmove(m->at, m->at + m->start, m->count * sizeof(*m->at));
		m->start = 0;
		return 0;
	}
	size_t capacity = m->capacity ? m->capacity * 2 : 256;
	struct moment *at = realloc(m->at, capacity * sizeof(*at));

	if (!at)
		return err_set("out of memory for context events");
	m->at = at;
	m->capacity = capacity;
	return 0;
}

static bool took_time(const struct observation *o)
{
	return o->hop == CONTEXT_VCPU_OUT || o->hop == CONTEXT_TASK_OFF;
}

int moments_add(struct moments *m, const struct observation *o, size_t max)
{
	if (make_room(m, max))
		return -1;
	m->at[m->start + m->count++] = (struct moment){
		.time_ns = o->time_ns,
		.took_ns = o->len | (took_time(o) ? MOMENT_LONG(o->flow) : 0),
		.reason = o->packet,
		.irqs = o->seq,
		.about = (uint32_t)o->flow,
		.tid = o->tid,
		.cpu = o->cpu,
		.vcpu = o->queue,
		.vm = o->vm,
		.domain = o->domain,
		.flags = o->flags & EVENT_INFERRED ? HOP_SEEN | HOP_INFERRED : HOP_SEEN,
	};
	return 0;
}

static bool fits(const struct moment *m, const struct window *w)
{
	return m->vm == w->vm && (w->vcpu == ANY_VCPU || m->vcpu == w->vcpu) &&
	       (!w->tid || m->tid == w->tid);
}

/* Index of the first moment at or after that time. */
static size_t lower_bound(const struct moments *m, uint64_t time_ns)
{
	size_t lo = 0, hi = m->count;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (m->at[m->start + mid].time_ns < time_ns)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct moment *moments_first(const struct moments *m, const struct window *w)
{
	for (size_t i = lower_bound(m, w->from_ns); i < m->count; i++) {
		const struct moment *at = &m->at[m->start + i];

		if (at->time_ns > w->to_ns)
			return NULL;
		if (fits(at, w))
			return at;
	}
	return NULL;
}

const struct moment *moments_last(const struct moments *m, const struct window *w)
{
	for (size_t i = lower_bound(m, w->to_ns + 1); i-- > 0;) {
		const struct moment *at = &m->at[m->start + i];

		if (at->time_ns < w->from_ns)
			return NULL;
		if (fits(at, w))
			return at;
	}
	return NULL;
}

uint64_t moments_overlap(const struct moments *m, const struct window *w)
{
	uint64_t sum = 0;

	for (size_t i = lower_bound(m, w->from_ns); i < m->count; i++) {
		const struct moment *at = &m->at[m->start + i];
		uint64_t from_ns = at->time_ns - at->took_ns, to_ns = at->time_ns;

		if (!fits(at, w))
			continue;
		if (from_ns >= w->to_ns)
			break;
		sum += (to_ns < w->to_ns ? to_ns : w->to_ns) -
		       (from_ns > w->from_ns ? from_ns : w->from_ns);
	}
	return sum;
}

/* Several vCPUs' absences overlap, and are in order of their ends. */
#define OVERHANG_NS 1000000u

void moments_within(const struct moments *m, const struct window *w,
		    void (*each)(void *ctx, const struct moment *at), void *ctx)
{
	for (size_t i = lower_bound(m, w->from_ns); i < m->count; i++) {
		const struct moment *at = &m->at[m->start + i];

		if (at->time_ns > w->to_ns + OVERHANG_NS)
			return;
		if (fits(at, w) && at->time_ns - at->took_ns < w->to_ns)
			each(ctx, at);
	}
}
