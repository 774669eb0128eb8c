/* What the figures add up to: see summary.h. */
#include "tracer/summary.h"

#include <arpa/inet.h>
#include <float.h>
#include <stdio.h>
#include <string.h>

bool summary_layer_here(const struct model *m, enum strata_layer layer, enum strata_direction d)
{
	for (int hop = m->earliest; hop < (int)m->last; hop++)
		if (m->hops[hop].in_force && hop_table[hop].layer == layer &&
		    hop_table[hop].direction == d)
			return true;
	return false;
}

static double part(const struct model *m, uint64_t sum)
{
	return m->end_to_end.sum ? (double)sum / (double)m->end_to_end.sum : 0;
}

double summary_share(const struct model *m, enum strata_layer layer, enum strata_direction d)
{
	return part(m, m->layers[layer][d].took.sum);
}

double summary_unattributed_share(const struct model *m)
{
	return part(m, m->unattributed.sum);
}

static double deviation(double value, double median, double scale)
{
	double off = value > median ? value - median : median - value;

	return off / (median + scale);
}

/* What is optional and absent is left out of the ladder: a fuller one shows more. */
static double bareness(const struct model *m, const struct request *r)
{
	unsigned int absent = 0;

	for (int hop = m->earliest; hop <= (int)m->last; hop++)
		absent += m->hops[hop].expected && !(r->hops[hop].flags & HOP_SEEN);
	return absent * 0.5;
}

/* How far a request is from the median of every layer, each measured by its own size. */
static double distance(struct model *m, const struct request *r)
{
	double scale = (double)quantile_at(&m->end_to_end, 0.5) / 100 + 1;
	double sum = deviation((double)r->end_to_end_ns,
			       (double)quantile_at(&m->end_to_end, 0.5), scale);
	uint64_t gap =
		r->unattributed_ns[DIRECTION_REQUEST] + r->unattributed_ns[DIRECTION_REPLY];

	sum += deviation((double)gap, (double)quantile_at(&m->unattributed, 0.5), scale);
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		for (int d = 0; d < DIRECTION_COUNT; d++)
			sum += deviation((double)r->layer_ns[layer][d],
					 (double)quantile_at(&m->layers[layer][d].took, 0.5),
					 scale);
	return sum;
}

const struct request *summary_typical(struct model *m)
{
	const struct request *best = NULL;
	double least = DBL_MAX;

	for (size_t i = 0; i < m->request_count; i++) {
		const struct request *r = &m->requests[i];
		double d;

		if (!r->complete || !r->measured)
			continue;
		/* a doubtful one only where there is no other */
		d = distance(m, r) + bareness(m, r) + (r->violations ? 1e6 : 0);
		if (d < least) {
			least = d;
			best = r;
		}
	}
	return best;
}

const char *summary_why_none(const struct model *m)
{
	if (m->seen)
		return NULL;
	if (m->filtered)
		return "the filter wants none of those that there were";
	return m->hops[HOP_NIC_RX].events || m->hops[HOP_CLIENT_XMIT].events
		       ? "what was sent to the server's ports begins none (--protocol)"
		       : "nothing was sent to the server's ports there";
}

int summary_most_missing(const struct model *m)
{
	int most = -1;

	for (int hop = 0; hop < HOP_COUNT; hop++)
		if (m->hops[hop].missing &&
		    (most < 0 || m->hops[hop].missing > m->hops[most].missing))
			most = hop;
	return most;
}

double summary_mean(const struct quantile *q)
{
	return q->count ? (double)q->sum / (double)q->count : 0;
}

size_t summary_exits(const struct model *m, enum exit_kind kinds[EXIT_KINDS])
{
	size_t count = 0;

	for (int kind = 0; kind < EXIT_KINDS; kind++) {
		uint64_t sum = m->exits[kind].per_request.sum;
		size_t at = count;

		if (!sum)
			continue;
		for (; at && m->exits[kinds[at - 1]].per_request.sum < sum; at--)
			kinds[at] = kinds[at - 1];
		kinds[at] = (enum exit_kind)kind;
		count++;
	}
	return count;
}

struct model_cause summary_cause(const struct model *m, enum cause cause)
{
	struct model_cause sum = {0};

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		const struct model_cause *c = &m->causes[hop][cause];

		sum.requests += c->requests;
		sum.sum_ns += c->sum_ns;
		if (c->max_ns > sum.max_ns)
			sum.max_ns = c->max_ns;
	}
	return sum;
}

size_t summary_rivals(const struct model *m, uint16_t *actors, size_t max)
{
	size_t count = 0;

	for (uint16_t i = 1; i < m->actors.count; i++) {
		size_t at = count;

		if (!m->actors.at[i].had_ns)
			continue;
		for (; at && m->actors.at[actors[at - 1]].had_ns < m->actors.at[i].had_ns; at--)
			if (at < max)
				actors[at] = actors[at - 1];
		if (at < max)
			actors[at] = i;
		count += count < max;
	}
	return count;
}

struct summary_address summary_address(const uint8_t addr[16], uint16_t port)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
	struct summary_address text;
	char ip[INET6_ADDRSTRLEN];

	if (!memcmp(addr, mapped, sizeof(mapped))) {
		inet_ntop(AF_INET, addr + 12, ip, sizeof(ip));
		snprintf(text.s, sizeof(text.s), "%s:%u", ip, port);
	} else {
		inet_ntop(AF_INET6, addr, ip, sizeof(ip));
		snprintf(text.s, sizeof(text.s), "[%s]:%u", ip, port);
	}
	return text;
}

/* Sum of a number in all objects of an array, or values of an object. */
static json_int_t sum_of(const json_t *list, const char *key)
{
	json_int_t sum = 0;
	const char *name;
	json_t *o;
	size_t i;

	json_array_foreach (list, i, o)
		sum += json_integer_value(json_object_get(o, key));
	json_object_foreach ((json_t *)list, name, o)
		sum += json_integer_value(json_object_get(o, key));
	return sum;
}

json_t *summary_overhead(const struct model *m)
{
	json_int_t host = sum_of(json_object_get(m->meta, "probes"), "run_time_ns");
	json_int_t guest = sum_of(json_object_get(m->meta, "agents"), "bpf_run_time_ns");
	json_t *measured = json_object_get(m->meta, "overhead");
	json_t *o = json_is_object(measured) ? json_copy(measured) : json_object();

	if (host && m->seen)
		json_object_set_new(o, "host_probes_ns_per_request",
				    json_integer(host / (json_int_t)m->seen));
	if (guest && m->seen)
		json_object_set_new(o, "guest_probes_ns_per_request",
				    json_integer(guest / (json_int_t)m->seen));
	if (json_object_size(o))
		return o;
	json_decref(o);
	return NULL;
}

double summary_frames_per_irq(const struct model *m, bool guest)
{
	uint64_t irqs = m->hops[guest ? HOP_GUEST_IRQ : HOP_NIC_IRQ].events;
	uint64_t frames = m->hops[guest ? HOP_GUEST_NAPI : HOP_NIC_RX].events;

	return irqs ? (double)frames / (double)irqs : 0;
}

json_int_t summary_steal_ms(const struct model *m, unsigned int domain)
{
	const json_t *ms;
	char key[12];

	snprintf(key, sizeof(key), "%u", domain);
	ms = json_object_get(json_object_get(json_object_get(m->meta, "agents"), key),
			     "steal_ms");
	return json_is_integer(ms) ? json_integer_value(ms) : -1;
}
