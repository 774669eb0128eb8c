/* What is to be known of how far a result can be trusted: the report's last part, see print.h.
 */
#include "tracer/print.h"

#include <string.h>

#include "lib/printable.h"
#include "lib/units.h"
#include "tracer/drops.h"
#include "tracer/summary.h"

#define NAME_WIDTH     12
#define DROPS_SHOWN    4
#define MESSAGES_SHOWN 4

static void name(FILE *f, struct table_style style, const char *text)
{
	fputs(table_on(style, COLOUR_BOLD), f);
	table_pad(f, style, text, NAME_WIDTH, false);
	fputs(table_off(style), f);
}

/* A figure that should be 0 stands out when it is not. */
static void bad(FILE *f, struct table_style style, uint64_t count, const char *what)
{
	fprintf(f, "%s%s %s%s", count ? table_on(style, COLOUR_RED) : "", units_count(count).s,
		what, count ? table_off(style) : "");
}

/* A recording may say anything. */
static void print_clean(const char *text, FILE *f)
{
	for (; *text; text++)
		fputc(printable(*text), f);
}

static void fact_command(const struct model *m, FILE *f, struct table_style style)
{
	const char *failed = json_string_value(json_object_get(m->meta, "command_failed"));

	if (!failed)
		return;
	name(f, style, "command");
	print_clean(failed, f);
	fputs(": it may not have asked all that it was to ask\n", f);
}

static void fact_requests(const struct model *m, FILE *f, struct table_style style)
{
	int most = summary_most_missing(m);

	name(f, style, "requests");
	fprintf(f, "%s seen, %s complete, ", units_count(m->seen).s,
		units_count(m->complete).s);
	bad(f, style, m->partial, "partial");
	if (m->unanswered)
		fprintf(f, " (%s without a reply)", units_count(m->unanswered).s);
	if (m->retransmits || m->http.retransmitted)
		fprintf(f, ", %s packets sent again",
			units_count(m->retransmits > m->http.retransmitted
					    ? m->retransmits
					    : m->http.retransmitted)
				.s);
	fputc('\n', f);
	fact_command(m, f, style);
	if (most < 0)
		return;
	name(f, style, "");
	fprintf(f, "missing most often: %s, in %s requests\n", hop_table[most].name,
		units_count(m->hops[most].missing).s);
}

static void fact_drops(const struct model *m, FILE *f, struct table_style style)
{
	for (size_t i = 0; i < m->drop_count && i < DROPS_SHOWN; i++) {
		const struct drop *what = &m->drops[i].what;
		char text[128];

		name(f, style, i ? "" : "drops");
		drop_text(m, what, text, sizeof(text));
		fprintf(f, "%s %s: %s, in the %s's kernel\n",
			units_count(m->drops[i].packets).s,
			what->direction == DIRECTION_REPLY ? "of replies" : "of requests", text,
			what->domain ? "guest" : "host");
	}
	if (m->drop_count > DROPS_SHOWN) {
		name(f, style, "");
		fprintf(f, "%s in all; the JSON has the others\n", units_count(m->dropped).s);
	}
}

static void fact_events(const struct model *m, FILE *f, struct table_style style)
{
	bool first = true;

	name(f, style, "events");
	fprintf(f, "%s recorded, ", units_count(m->events).s);
	bad(f, style, model_lost(m), "lost");
	for (int s = 0; s < LOST_STAGES; s++) {
		if (!m->lost[s])
			continue;
		fprintf(f, "%s%s: %s", first ? " (" : ", ", lost_stage_name((enum lost_stage)s),
			units_count(m->lost[s]).s);
		first = false;
	}
	fputs(first ? "" : ")", f);
	if (m->events_rejected)
		fprintf(f, ", %s made no sense", units_count(m->events_rejected).s);
	fputc('\n', f);
	if (m->recording.discarded) {
		name(f, style, "flight recorder");
		fprintf(f, "%s of %s blocks were kept\n", units_count(m->recording.blocks).s,
			units_count(m->recording.blocks + m->recording.discarded).s);
	}
	if (m->recording.damaged || !m->recording.complete) {
		name(f, style, "recording");
		fprintf(f, "%s, %s damaged blocks skipped, %s unread at its end\n",
			m->recording.complete ? "closed in order" : "was not closed in order",
			units_count(m->recording.damaged).s,
			units_bytes(m->recording.unread_bytes).s);
	}
}

static void aligned(const struct model_domain *d, FILE *f, struct table_style style)
{
	fprintf(f, "%s within %s%s of the host", d->name, style.utf8 ? "±" : "+-",
		units_ns(d->error_ns, style.utf8).s);
	/* the quickest crossings tell how far off it could be at most, whoever computed it */
	if (d->shortest_in_ns >= 0 && d->shortest_in_ns < INT64_MAX &&
	    d->shortest_out_ns >= 0 && d->shortest_out_ns < INT64_MAX)
		fprintf(f, "; by causality alone between -%s and +%s",
			units_ns((uint64_t)d->shortest_in_ns, style.utf8).s,
			units_ns((uint64_t)d->shortest_out_ns, style.utf8).s);
	fputc('\n', f);
}

static void fact_clock(const struct model *m, FILE *f, struct table_style style)
{
	for (unsigned int i = 1; i < m->domain_count; i++) {
		const struct model_domain *d = &m->domains[i];

		name(f, style, i == 1 ? "clock" : "");
		if (d->aligned)
			aligned(d, f, style);
		else if (!d->events)
			fprintf(f,
				"nobody looks into %s: it is one layer, on the host's clock\n",
				d->name);
		else
			fprintf(f, "%s%s could not be aligned: its %s events are left out%s\n",
				table_on(style, COLOUR_RED), d->name, units_count(d->events).s,
				table_off(style));
	}
	name(f, style, "causality");
	bad(f, style, m->violations, m->violations == 1 ? "violation" : "violations");
	fprintf(f, " in %s pairs of cause and effect", units_count(m->pairs_checked).s);
	if (m->pairs_across)
		fprintf(f, ", %s of them across two kernels", units_count(m->pairs_across).s);
	fputc('\n', f);
}

/* Held back, interrupts bring several frames each. */
static void fact_interrupts(const struct model *m, FILE *f, struct table_style style)
{
	double host = summary_frames_per_irq(m, false), guest = summary_frames_per_irq(m, true);

	if (host <= 0 && guest <= 0)
		return;
	name(f, style, "interrupts");
	fputs("frames that each brought: ", f);
	if (host > 0)
		fprintf(f, "%.1f at the host's NIC%s", host, guest > 0 ? ", " : "");
	if (guest > 0)
		fprintf(f, "%.1f in the guest", guest);
	fputc('\n', f);
}

/* By which interrupts it was told: of QEMU's card nobody else knows. */
static void fact_messages(const struct model *m, FILE *f, struct table_style style)
{
	size_t which[MESSAGES_SHOWN];
	size_t n = messages_of_requests(&m->messages, which, MESSAGES_SHOWN);

	for (size_t i = 0; i < n; i++) {
		const struct message *at = &m->messages.at[which[i]];
		const char *vm = model_vm_name(m, at->vm);

		name(f, style, "");
		if (at->data)
			fprintf(f, "vector %u at CPU %u", message_vector(at),
				message_destination(at));
		else
			fprintf(f, "line %u", at->address);
		fprintf(f, " of %s announced %s requests\n", vm ? vm : "the guest",
			units_count(at->requests).s);
	}
}

static void fact_steal(const struct model *m, FILE *f, struct table_style style)
{
	for (unsigned int i = 1; i < m->domain_count; i++) {
		json_int_t ms = summary_steal_ms(m, i);

		if (ms < 0)
			continue;
		name(f, style, "steal");
		fprintf(f, "%s saw %s of CPU time go to others\n", m->domains[i].name,
			units_ns((uint64_t)ms * 1000000, style.utf8).s);
	}
}

/* A time of the overhead object; -1 if it is not there. */
static json_int_t overhead_ns(const json_t *overhead, const char *key)
{
	const json_t *n = json_object_get(overhead, key);

	return json_is_integer(n) ? json_integer_value(n) : -1;
}

/* Medians at the client: without, with, and again without a tracer. */
static bool overhead_at_client(const json_t *overhead, FILE *f, struct table_style style)
{
	json_int_t before = overhead_ns(overhead, "untraced_before_p50_ns");
	json_int_t traced = overhead_ns(overhead, "traced_p50_ns");
	json_int_t after = overhead_ns(overhead, "untraced_after_p50_ns");

	if (before <= 0 || traced < 0 || after < 0)
		return false;
	fprintf(f, "median at the client %s untraced, %s traced, %s untraced again: %s %.2f\n",
		units_ns((uint64_t)before, style.utf8).s,
		units_ns((uint64_t)traced, style.utf8).s,
		units_ns((uint64_t)after, style.utf8).s, style.utf8 ? "×" : "x",
		json_real_value(json_object_get(overhead, "ratio")));
	return true;
}

static void fact_overhead(const struct model *m, FILE *f, struct table_style style)
{
	json_t *overhead = summary_overhead(m);
	json_int_t host = overhead_ns(overhead, "host_probes_ns_per_request");
	json_int_t guest = overhead_ns(overhead, "guest_probes_ns_per_request");
	bool told;

	name(f, style, "overhead");
	told = overhead_at_client(overhead, f, style);
	if (host >= 0) {
		if (told)
			name(f, style, "");
		fprintf(f, "the probes ran %s per request in the host",
			units_ns((uint64_t)host, style.utf8).s);
		if (guest >= 0)
			fprintf(f, ", %s in the guest",
				units_ns((uint64_t)guest, style.utf8).s);
		fputc('\n', f);
	} else if (!told) {
		fputs("not measured in this run\n", f);
	}
	json_decref(overhead);
}

/* How long it took until all probes were in force, and until none was. */
static void fact_attached(const struct model *m, FILE *f, struct table_style style)
{
	const json_t *attach = json_object_get(m->meta, "attach_ns"),
		     *detach = json_object_get(m->meta, "detach_ns");

	if (!json_is_integer(attach))
		return;
	name(f, style, "");
	fprintf(f, "attached in %s",
		units_ns((uint64_t)json_integer_value(attach), style.utf8).s);
	if (json_is_integer(detach))
		fprintf(f, ", detached in %s",
			units_ns((uint64_t)json_integer_value(detach), style.utf8).s);
	fputc('\n', f);
}

static void fact_probes(const struct model *m, FILE *f, struct table_style style)
{
	unsigned int here = 0, in_force = 0;
	const char *between = "; inferred: ";

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		here += m->hops[hop].here;
		in_force += m->hops[hop].in_force;
	}
	name(f, style, "probes");
	fprintf(f, "%u of %u hops can be marked", in_force, here);
	for (int hop = 0; hop < HOP_COUNT; hop++) {
		if (!m->hops[hop].in_force || !m->hops[hop].inferred)
			continue;
		fprintf(f, "%s%s", between, hop_table[hop].name);
		between = ", ";
	}
	between = "; not: ";
	for (int hop = 0; hop < HOP_COUNT; hop++) {
		if (!m->hops[hop].here || m->hops[hop].in_force)
			continue;
		fprintf(f, "%s%s", between, hop_table[hop].name);
		between = ", ";
	}
	fputc('\n', f);
	fact_attached(m, f, style);
}

/* Why a probe that was there at first is not to the end. */
static void fact_taken_off(const struct model *m, FILE *f, struct table_style style)
{
	const json_t *probe;
	size_t i;

	json_array_foreach (json_object_get(m->meta, "probes"), i, probe) {
		const char *why = json_string_value(json_object_get(probe, "why_not"));
		const char *probe_name = json_string_value(json_object_get(probe, "name"));

		if (!why || !probe_name || strncmp(why, "taken off", strlen("taken off")))
			continue;
		name(f, style, "uprobes");
		print_clean(probe_name, f);
		fputs(": ", f);
		print_clean(why, f);
		fputc('\n', f);
	}
}

/* While it was traced, and now. */
static void fact_filter(const struct model *m, FILE *f, struct table_style style)
{
	const char *traced = json_string_value(json_object_get(m->meta, "filter"));
	char text[FILTER_TEXT_MAX] = "";

	if (m->filter)
		filter_text(m->filter, text, sizeof(text));
	if (traced && *traced) {
		name(f, style, "traced");
		print_clean(traced, f);
		fputc('\n', f);
	}
	if (*text) {
		name(f, style, "filter");
		print_clean(text, f);
		fprintf(f, ": %s of %s requests\n", units_count(m->seen).s,
			units_count(m->seen + m->filtered).s);
	}
}

void print_facts(const struct model *m, FILE *f, struct table_style style)
{
	fact_requests(m, f, style);
	fact_filter(m, f, style);
	fact_drops(m, f, style);
	fact_events(m, f, style);
	fact_clock(m, f, style);
	fact_interrupts(m, f, style);
	fact_messages(m, f, style);
	fact_steal(m, f, style);
	fact_overhead(m, f, style);
	fact_probes(m, f, style);
	fact_taken_off(m, f, style);
	name(f, style, "placement");
	fprintf(f, "%s, mode %s, switch %s; measured from %s%s to %s\n", place_name(m->place),
		m->mode, m->switch_kind, hop_table[m->first].name,
		m->earliest == m->first ? "" : " or the interrupt before it",
		hop_table[m->last].name);
	if (!place_is_vm(m->place)) {
		name(f, style, "layers");
		fprintf(f,
			"without a VM, \"vm\" is the network stack of the server's kernel%s\n",
			m->place == PLACE_CONTAINER ? ", \"hypervisor\" the vSwitch" : "");
	}
	if (m->sample) {
		name(f, style, "sample");
		fprintf(f, "one connection in %u, chosen by its addresses and ports\n",
			m->sample);
	}
	if (m->testbed) {
		name(f, style, "testbed");
		fputs("times in the testbed are those of an emulated machine: only ratios mean "
		      "something\n",
		      f);
	}
}
