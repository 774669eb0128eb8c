/* Attribution and causality: see attribution.h. */
#include "tracer/attribution.h"

#include <string.h>

/* What a hop is worth when not all can be right: an end is needed to measure at all. */
enum { WORTH_OPTIONAL = 1, WORTH_NEEDED = 4, WORTH_END = 64 };

struct chain {
	enum strata_hop hop[HOP_COUNT];
	size_t count;
};

/* By how much times of these two domains may seem reversed. */
static uint64_t tolerance(const struct model *m, const struct hop_seen *a,
			  const struct hop_seen *b)
{
	if (a->domain == b->domain)
		return 0;
	return m->domains[a->domain].error_ns + m->domains[b->domain].error_ns;
}

static bool follows(const struct model *m, const struct hop_seen *cause,
		    const struct hop_seen *effect)
{
	return effect->time_ns + tolerance(m, cause, effect) >= cause->time_ns;
}

static struct chain seen_hops(const struct model *m, const struct request *r)
{
	struct chain c = {.count = 0};

	for (int hop = m->earliest; hop <= (int)m->last; hop++)
		if (r->hops[hop].flags & HOP_SEEN)
			c.hop[c.count++] = (enum strata_hop)hop;
	return c;
}

static void shorten(int64_t *shortest, int64_t took)
{
	if (took < *shortest)
		*shortest = took;
}

static void check_across(struct model *m, const struct hop_seen *cause,
			 const struct hop_seen *effect)
{
	int64_t took = (int64_t)(effect->time_ns - cause->time_ns);

	m->pairs_across++;
	shorten(&m->domains[effect->domain].shortest_in_ns, took);
	shorten(&m->domains[cause->domain].shortest_out_ns, took);
}

static void check_pairs(struct model *m, struct request *r, const struct chain *c)
{
	for (size_t i = 1; i < c->count; i++) {
		const struct hop_seen *cause = &r->hops[c->hop[i - 1]];
		const struct hop_seen *effect = &r->hops[c->hop[i]];

		m->pairs_checked++;
		if (cause->domain != effect->domain)
			check_across(m, cause, effect);
		if (follows(m, cause, effect))
			continue;
		r->violations++;
		m->violations++;
		m->violations_after[c->hop[i]]++;
	}
}

static unsigned int worth(const struct model *m, enum strata_hop hop)
{
	if (hop == m->first || hop == m->last)
		return WORTH_END;
	return m->hops[hop].needed ? WORTH_NEEDED : WORTH_OPTIONAL;
}

/* Keep the worthiest hops among which no effect is before its cause; leave out the others. */
static void leave_out(const struct model *m, struct request *r, struct chain *c)
{
	unsigned int best[HOP_COUNT];
	int before[HOP_COUNT], at = 0;
	struct chain kept = {.count = 0};
	bool keep[HOP_COUNT] = {false};

	if (!c->count)
		return;
	for (int i = 0; i < (int)c->count; i++) {
		best[i] = worth(m, c->hop[i]);
		before[i] = -1;
		for (int j = 0; j < i; j++) {
			unsigned int sum = best[j] + worth(m, c->hop[i]);

			if (sum > best[i] &&
			    follows(m, &r->hops[c->hop[j]], &r->hops[c->hop[i]])) {
				best[i] = sum;
				before[i] = j;
			}
		}
		if (best[i] > best[at])
			at = i;
	}
	for (int i = at; i >= 0; i = before[i])
		keep[i] = true;
	for (size_t i = 0; i < c->count; i++) {
		if (keep[i])
			kept.hop[kept.count++] = c->hop[i];
		else
			r->hops[c->hop[i]].flags |= HOP_LEFT_OUT;
	}
	*c = kept;
}

static void clamp(struct model *m, struct request *r, const struct chain *c)
{
	for (size_t i = 1; i < c->count; i++) {
		const struct hop_seen *cause = &r->hops[c->hop[i - 1]];
		struct hop_seen *effect = &r->hops[c->hop[i]];

		if (effect->time_ns >= cause->time_ns)
			continue;
		if (cause->time_ns - effect->time_ns > m->clamped_max_ns)
			m->clamped_max_ns = cause->time_ns - effect->time_ns;
		effect->time_ns = cause->time_ns;
		effect->flags |= HOP_CLAMPED;
	}
}

static bool usable(const struct request *r, int hop)
{
	return (r->hops[hop].flags & (HOP_SEEN | HOP_LEFT_OUT)) == HOP_SEEN;
}

/* Is a hop of another layer missing between the two? */
static bool gap_between(const struct model *m, const struct request *r, enum strata_hop from,
			enum strata_hop to)
{
	for (int hop = (int)from + 1; hop < (int)to; hop++)
		if (m->hops[hop].expected && hop_table[hop].layer != hop_table[from].layer &&
		    model_covers(m, r, hop))
			return true;
	return false;
}

/* Hops that were moved or left out since it was joined may leave less room for it. */
static uint64_t outside(const struct request *r, const struct rung *rung)
{
	uint64_t ns = r->hops[rung->hop].outside_ns;

	return ns < rung->took_ns ? ns : rung->took_ns;
}

size_t request_ladder(const struct model *m, const struct request *r,
		      struct rung rungs[HOP_COUNT])
{
	uint64_t start_ns = 0;
	size_t n = 0;

	for (int hop = m->earliest; hop <= (int)m->last; hop++) {
		if (!usable(r, hop))
			continue;
		if (!n)
			start_ns = r->hops[hop].time_ns;
		rungs[n].hop = (enum strata_hop)hop;
		rungs[n].time_ns = r->hops[hop].time_ns - start_ns;
		rungs[n].took_ns = 0;
		rungs[n].outside_ns = 0;
		rungs[n].unattributed = false;
		if (n) {
			rungs[n - 1].took_ns = rungs[n].time_ns - rungs[n - 1].time_ns;
			rungs[n - 1].outside_ns = outside(r, &rungs[n - 1]);
			rungs[n - 1].unattributed =
				gap_between(m, r, rungs[n - 1].hop, rungs[n].hop);
		}
		n++;
	}
	return n;
}

static void add_up(const struct model *m, struct request *r)
{
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(m, r, rungs);

	r->end_to_end_ns = r->hops[m->last].time_ns - r->hops[r->first].time_ns;
	for (size_t i = 0; i + 1 < n; i++) {
		const struct hop_info *hop = &hop_table[rungs[i].hop];

		if (rungs[i].unattributed) {
			r->unattributed_ns[hop->direction] += rungs[i].took_ns;
			continue;
		}
		r->layer_ns[hop->layer][hop->direction] +=
			rungs[i].took_ns - rungs[i].outside_ns;
		r->layer_ns[LAYER_HYPERVISOR][hop->direction] += rungs[i].outside_ns;
		r->outside_ns[hop->direction] += rungs[i].outside_ns;
	}
}

/*
 * Causes were found before hops were moved or left out: what is left of a hop may be less than
 * what they claim. Of what nobody claims the hop itself may be the cause.
 */
static void settle_causes(const struct model *m, struct request *r)
{
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(m, r, rungs);
	struct request_causes found = r->causes;

	r->causes.count = 0;
	for (size_t i = 0; r->measured && i + 1 < n; i++) {
		enum cause held = cause_held(rungs[i].hop);
		uint64_t left_ns = rungs[i].took_ns;

		for (uint8_t k = 0; !rungs[i].unattributed && k < found.count; k++) {
			struct request_cause part = found.at[k];

			if (part.hop != rungs[i].hop)
				continue;
			part.ns = part.ns < left_ns ? part.ns : left_ns;
			left_ns -= part.ns;
			if (part.ns)
				causes_put(&r->causes, &part);
		}
		if (rungs[i].unattributed || held == CAUSE_COUNT || !left_ns ||
		    (held == CAUSE_WORK && !m->causes_told))
			continue;
		causes_add(&r->causes,
			   &(struct request_cause){
				   .ns = left_ns,
				   .hop = (uint8_t)rungs[i].hop,
				   .cause = (uint8_t)held,
				   .layer = (uint8_t)hop_table[rungs[i].hop].layer});
	}
}

static enum strata_hop begins(const struct model *m, const struct request *r)
{
	for (int hop = m->earliest; hop < (int)m->first; hop++)
		if (usable(r, hop))
			return (enum strata_hop)hop;
	return m->first;
}

static bool has_needed(const struct model *m, const struct request *r)
{
	for (int hop = 0; hop < HOP_COUNT; hop++)
		if (m->hops[hop].needed && !(r->hops[hop].flags & HOP_SEEN) &&
		    model_covers(m, r, hop))
			return false;
	return true;
}

void attribute(struct model *m, struct request *r)
{
	struct chain c = seen_hops(m, r);

	check_pairs(m, r, &c);
	leave_out(m, r, &c);
	clamp(m, r, &c);
	r->complete = r->http.answered && has_needed(m, r);
	r->first = (uint8_t)begins(m, r);
	r->measured = r->http.answered && usable(r, m->first) && usable(r, m->last);
	if (r->measured)
		add_up(m, r);
	settle_causes(m, r);
}
