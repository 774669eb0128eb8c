/*
 * The virtual machine: what the requests met inside it and around it. A VM has exits,
 * interrupts and waits; of what nobody recorded it says so.
 */
#include <stdio.h>

#include "lib/units.h"
#include "tracer/cause.h"
#include "tracer/summary.h"
#include "tui/lines.h"

#define RIVALS_SHOWN 5

static void quantile_line(struct lines *l, const char *what, struct quantile *q)
{
	if (q->count)
		lines_add(l, STYLE_TEXT, "%-34s %10s %10s %10s", what,
			  units_ns(quantile_at(q, 0.5), false).s,
			  units_ns(quantile_at(q, 0.99), false).s,
			  units_ns(quantile_at(q, 1), false).s);
	else
		lines_add(l, STYLE_DIM, "%-34s %10s", what, "no data");
}

static void count_line(struct lines *l, const char *what, struct quantile *q, const char *names)
{
	lines_add(l, STYLE_TEXT, "%-20s %8.1f %8llu %8llu  %s", what, summary_mean(q),
		  (unsigned long long)quantile_at(q, 0.5),
		  (unsigned long long)quantile_at(q, 0.99), names);
}

static void exits(struct model *m, struct lines *l)
{
	enum exit_kind kinds[EXIT_KINDS];
	size_t n = summary_exits(m, kinds);

	lines_add(l, STYLE_STRONG, "%-20s %8s %8s %8s  %s", "while it was in the VM", "mean",
		  "p50", "p99", "KVM calls it");
	if (!m->exits_per_request.count) {
		lines_add(l, STYLE_DIM, "%-20s %8s", "exits, interrupts", "no data");
		return;
	}
	count_line(l, "exits", &m->exits_per_request, "");
	for (size_t i = 0; i < n; i++) {
		const struct model_exits *x = &m->exits[kinds[i]];
		char names[128], kind[24];
		size_t out = 0;

		names[0] = '\0';
		for (int k = 0; k < 4 && x->names[k]; k++)
			out += (size_t)snprintf(names + out, sizeof(names) - out, "%s%s",
						k ? ", " : "", x->names[k]);
		snprintf(kind, sizeof(kind), "  %s", exit_kind_name(kinds[i]));
		count_line(l, kind, &m->exits[kinds[i]].per_request, names);
	}
	count_line(l, "interrupts", &m->interrupts_per_request, "");
}

static void waits(struct model *m, struct lines *l)
{
	lines_add(l, STYLE_STRONG, "%-34s %10s %10s %10s", "waits", "p50", "p99", "max");
	quantile_line(l, "vCPU outside guest mode, request", &m->outside[DIRECTION_REQUEST]);
	quantile_line(l, "vCPU outside guest mode, reply", &m->outside[DIRECTION_REPLY]);
	quantile_line(l, "vCPU runnable until it ran", &m->hops[HOP_VCPU_WAKE].took);
	quantile_line(l, "vCPU ran until guest mode", &m->hops[HOP_VCPU_RUN].took);
	if (m->hops[HOP_VHOST_RX_WAKE].here) {
		quantile_line(l, "vhost runnable until it ran, in",
			      &m->hops[HOP_VHOST_RX_WAKE].took);
		quantile_line(l, "vhost runnable until it ran, out",
			      &m->hops[HOP_VHOST_TX_WAKE].took);
	}
	quantile_line(l, "frame in the port's queue", &m->hops[HOP_PORT_XMIT].took);
	quantile_line(l, "guest mode until the handler", &m->hops[HOP_KVM_ENTRY].took);
}

/* Time of requests that somebody else's use of a CPU took, by who that was. */
static void rivals(const struct model *m, struct lines *l)
{
	uint16_t shown[RIVALS_SHOWN];
	size_t n = summary_rivals(m, shown, RIVALS_SHOWN);

	lines_add(l, STYLE_STRONG, "%-20s %10s %10s  %s", "who ran instead", "in all", "cgroup",
		  "whose it is");
	if (!n)
		lines_add(l, STYLE_DIM, "%-20s %10s",
			  m->causes_told ? "nobody" : "not followed",
			  m->causes_told ? "-" : "no data");
	for (size_t i = 0; i < n; i++) {
		const struct actor *a = &m->actors.at[shown[i]];
		bool process = a->process[0] && a->pid != a->tid;
		struct actor_vm vm = actor_vm(a);

		lines_add(l, STYLE_TEXT, "%-20s %10s %10u  %s, thread %u%s%s%s%s", a->comm,
			  units_ns(a->had_ns, false).s, a->cgroup,
			  vm.s[0]     ? vm.s
			  : a->domain ? "the guest's own"
				      : "the host's",
			  a->tid, process ? " of " : "", process ? a->process : "",
			  a->cgroup_path[0] ? ", " : "", a->cgroup_path);
	}
}

static void causes(const struct model *m, struct lines *l)
{
	lines_add(l, STYLE_STRONG, "%-34s %10s %10s %10s", "what its time was made of", "times",
		  "in all", "longest");
	for (int cause = 0; cause < CAUSE_COUNT; cause++) {
		struct model_cause sum = summary_cause(m, (enum cause)cause);

		if (sum.requests)
			lines_add(l, STYLE_TEXT, "%-34s %10s %10s %10s",
				  cause_table[cause].note, units_count(sum.requests).s,
				  units_ns(sum.sum_ns, false).s, units_ns(sum.max_ns, false).s);
	}
}

void vm_lines(struct model *m, bool live, struct lines *l)
{
	if (!place_is_vm(m->place)) {
		lines_add(l, STYLE_TEXT,
			  "The server ran without a VM (%s): there is nothing to say here.",
			  place_name(m->place));
		return;
	}
	vcpu_lines(&m->vitals, live, l);
	lines_add(l, STYLE_TEXT, "%s", "");
	exits(m, l);
	lines_add(l, STYLE_TEXT, "%s", "");
	waits(m, l);
	lines_add(l, STYLE_TEXT, "%s", "");
	rivals(m, l);
	lines_add(l, STYLE_TEXT, "%s", "");
	causes(m, l);
	lines_add(l, STYLE_TEXT, "%s", "");
	lines_add(l, STYLE_STRONG, "%-20s %8s  %s", "in the whole recording", "exits",
		  "of this kind");
	for (int kind = 0; kind < EXIT_KINDS; kind++)
		if (m->exits[kind].seen)
			lines_add(l, STYLE_TEXT, "%-20s %8s",
				  exit_kind_name((enum exit_kind)kind),
				  units_count(m->exits[kind].seen).s);
}

static void draw(struct ui *ui, struct cells *c, struct area a)
{
	static struct lines l; /* large, and of one thread */

	l.count = 0;
	vm_lines(ui->model, ui->source.live, &l);
	lines_draw(&l, ui, c, a);
}

const struct view_info view_vm = {.name = "vm", .title = "the virtual machine", .draw = draw};
