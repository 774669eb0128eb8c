/* What is known of one hop of one request: see hop_text.h. */
#include "tui/hop_text.h"

#include <stdarg.h>
#include <stdio.h>

#include "lib/event.h"
#include "lib/units.h"
#include "tui/measure.h"

static void say(struct hop_lines *out, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void say(struct hop_lines *out, const char *fmt, ...)
{
	va_list args;

	if (out->count == HOP_LINES_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(out->at[out->count++], HOP_LINE_MAX, fmt, args);
	va_end(args);
}

static const char *domain_name(const struct model *m, const struct hop_seen *seen)
{
	const char *name = m->domains[seen->domain].name;

	return name[0] ? name : "a guest";
}

static void who_saw(const struct model *m, const struct hop_seen *seen,
		    const struct hop_info *hop, struct hop_lines *out)
{
	say(out, "%s %s on CPU %u of %s, thread %u",
	    seen->flags & HOP_INFERRED ? "inferred; exactly it would be" : "seen by",
	    hop->probe, seen->cpu, domain_name(m, seen), seen->tid);
}

static void which_packet(const struct hop_seen *seen, struct hop_lines *out)
{
	if (seen->event_flags & EVENT_CONTEXT)
		say(out, "no packet: found by VM, vCPU and time");
	else if (seen->event_flags & EVENT_UPTO)
		say(out, "up to a byte of the connection; its length: no data");
	else
		say(out, "queue %u, %u bytes of TCP payload%s%s", seen->queue, seen->len,
		    seen->event_flags & EVENT_IPV6 ? ", IPv6" : "",
		    seen->event_flags & EVENT_FIN ? ", FIN or RST" : "");
}

static void took(const struct request *r, const struct rung *rungs, int count, int step,
		 struct hop_lines *out)
{
	const struct rung *rung = &rungs[step];

	if (step + 1 >= count) {
		say(out, "the end: %s after the start", units_ns(rung->time_ns, true).s);
		return;
	}
	if (rung->unattributed)
		say(out,
		    "%s until %s: unattributed, a hop of another layer between them is missing",
		    units_ns(rung->took_ns, true).s, hop_table[rungs[step + 1].hop].name);
	else if (r->end_to_end_ns)
		say(out, "%s until %s, %.1f %% of the whole", units_ns(rung->took_ns, true).s,
		    hop_table[rungs[step + 1].hop].name,
		    100 * (double)rung->took_ns / (double)r->end_to_end_ns);
	else
		say(out, "%s until %s", units_ns(rung->took_ns, true).s,
		    hop_table[rungs[step + 1].hop].name);
	if (rung->outside_ns)
		say(out,
		    "of that %s the vCPU was outside guest mode, handling an exit or without a CPU: "
		    "this part counts as hypervisor",
		    units_ns(rung->outside_ns, true).s);
}

/* What the time was made of, as far as anyone recorded it. */
static void made_of(const struct model *m, const struct request *r, const struct rung *rung,
		    struct hop_lines *out)
{
	for (uint8_t i = 0; i < r->causes.count; i++) {
		const struct request_cause *c = &r->causes.at[i];
		char text[96];

		if (c->hop != (uint8_t)rung->hop)
			continue;
		cause_text(&m->actors, c, text, sizeof(text));
		say(out, "of that %s %s", units_ns(c->ns, true).s, text);
	}
}

static void usual(const struct model *m, const struct rung *rung, struct hop_lines *out)
{
	/* sorting does not change what a quantile holds */
	struct quantile *q = (struct quantile *)&m->hops[rung->hop].took;

	if (q->count)
		say(out, "usually %s; one in a hundred takes %s or more",
		    units_ns(quantile_at(q, 0.5), true).s,
		    units_ns(quantile_at(q, 0.99), true).s);
}

static void how_exact(const struct model *m, const struct hop_seen *seen, struct hop_lines *out)
{
	if (!seen->domain)
		say(out, "clock: the host's own");
	else
		say(out, "clock: %s, within ±%s of the host's", domain_name(m, seen),
		    units_ns(m->domains[seen->domain].error_ns, true).s);
	if (seen->flags & HOP_CLAMPED)
		say(out,
		    "it seemed to be before its cause, within the clocks' error: moved to it");
}

void hop_lines(const struct model *m, const struct request *r, const struct rung *rungs,
	       int count, int step, struct hop_lines *out)
{
	const struct hop_info *hop = &hop_table[rungs[step].hop];
	const struct hop_seen *seen = &r->hops[rungs[step].hop];

	out->count = 0;
	say(out, "%s: %s", hop->name, hop->title);
	took(r, rungs, count, step, out);
	made_of(m, r, &rungs[step], out);
	who_saw(m, seen, hop, out);
	which_packet(seen, out);
	usual(m, &rungs[step], out);
	how_exact(m, seen, out);
	say(out, "%s", hop->text);
}

/* Paragraphs in the order in which they matter, but what explains comes before what is left out
 * where there is no room for all. */
void hop_text_draw(const struct model *m, const struct request *r, const struct rung *rungs,
		   int count, int step, struct cells *c, struct hop_area a)
{
	static struct hop_lines lines; /* large, and of one thread */
	enum style style = layer_style(hop_table[rungs[step].hop].layer);
	int row = 0, last;

	hop_lines(m, r, rungs, count, step, &lines);
	last = lines.count - 1;
	for (int i = 0; i < last && row < a.rows; i++) {
		bool blank = i == 1 && a.rows > 16;

		row += blank;
		row += cells_paragraph(c, a.row + row, a.column, a.width,
				       a.width < 60 ? a.rows - row : 1, i ? STYLE_TEXT : style,
				       lines.at[i]);
	}
	row += a.rows - row > 8;
	cells_paragraph(c, a.row + row, a.column, a.width, a.rows - row, STYLE_DIM,
			lines.at[last]);
}
