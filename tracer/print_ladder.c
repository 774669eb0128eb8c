/*
 * One request as a ladder: down through the layers to the service, and back up again.
 * The gutter on the left is the staircase: one column per layer.
 */
#include "tracer/print.h"

#include <string.h>

#include "lib/units.h"
#include "tracer/attribution.h"
#include "tracer/drops.h"
#include "tracer/summary.h"

/* Columns, in order: at 9, took 9 and a mark, gutter, layer, hop and a mark, title, CPU. */
enum { TIME_WIDTH = 9, LAYER_WIDTH = 10, HOP_WIDTH = 14, TITLE_WIDTH = 37, CPU_WIDTH = 4 };

/* Of a note below a hop, behind its time. */
#define NOTE_WIDTH 28
#define NOTE_BYTES 96

/* Time outside guest mode is told of if it is more than this part of its hop's. */
#define OUTSIDE_SHOWN 20

static const enum table_colour layer_colour[LAYER_COUNT] = {
	[LAYER_EXTERNAL] = COLOUR_BLUE,     [LAYER_HOST] = COLOUR_GREEN,
	[LAYER_HYPERVISOR] = COLOUR_YELLOW, [LAYER_VM] = COLOUR_MAGENTA,
	[LAYER_SERVICE] = COLOUR_CYAN,
};

struct glyphs {
	const char *line, *across, *down_from, *down_to, *up_from, *up_to, *none;
};

static const struct glyphs glyphs_utf8 = {"│", "─", "└", "┐", "┘", "┌", "–"};
static const struct glyphs glyphs_ascii = {"|", "-", "`", ".", "'", ".", "-"};

/* One column per layer; on a row that changes layers, the step from one to the other. */
static void gutter(FILE *f, const struct glyphs *g, int from, int to)
{
	for (int column = 0; column < LAYER_COUNT; column++) {
		const char *s = " ";

		if (column == to)
			s = from < 0 || from == to ? g->line
			    : from < to            ? g->down_to
						   : g->up_to;
		else if (column == from)
			s = from < to ? g->down_from : g->up_from;
		else if (from >= 0 && (column > from) != (column > to))
			s = g->across;
		fputs(s, f);
	}
}

static void took(const struct request *r, const struct rung *rung, bool last, FILE *f,
		 struct table_style style)
{
	/* what takes a tenth of the whole stands out */
	bool big = !last && rung->took_ns > r->end_to_end_ns / 10;

	fputs(big ? table_on(style, COLOUR_BOLD) : "", f);
	table_pad(f, style, last ? "" : units_ns(rung->took_ns, style.utf8).s, TIME_WIDTH,
		  true);
	fputs(big ? table_off(style) : "", f);
	fputs(rung->unattributed ? "?" : " ", f);
}

static void rung_row(const struct request *r, const struct rung *rung, int from, bool last,
		     FILE *f, struct table_style style)
{
	const struct hop_info *hop = &hop_table[rung->hop];
	const struct hop_seen *seen = &r->hops[rung->hop];
	const struct glyphs *g = style.utf8 ? &glyphs_utf8 : &glyphs_ascii;
	const char *colour = table_on(style, layer_colour[hop->layer]);
	bool change = from != (int)hop->layer;
	char cpu[8];

	table_pad(f, style, units_ns(rung->time_ns, style.utf8).s, TIME_WIDTH, true);
	fputc(' ', f);
	took(r, rung, last, f, style);
	fprintf(f, " %s", colour);
	gutter(f, g, from, (int)hop->layer);
	fputc(' ', f);
	table_pad(f, style, change ? layer_name(hop->layer) : "", LAYER_WIDTH, false);
	fprintf(f, "%s ", table_off(style));
	table_pad(f, style, hop->name, HOP_WIDTH, false);
	fputs(seen->flags & HOP_INFERRED ? "~" : seen->flags & HOP_CLAMPED ? "=" : " ", f);
	fputc(' ', f);
	table_pad(f, style, hop->title, TITLE_WIDTH, false);
	snprintf(cpu, sizeof(cpu), "%u", seen->cpu);
	table_pad(f, style, cpu, CPU_WIDTH, true);
	fputc('\n', f);
}

static void note_margin(int layer, FILE *f, struct table_style style)
{
	const struct glyphs *g = style.utf8 ? &glyphs_utf8 : &glyphs_ascii;

	fputs(table_on(style, COLOUR_DIM), f);
	table_pad(f, style, "", TIME_WIDTH + 1 + TIME_WIDTH + 2, false);
	gutter(f, g, layer, layer);
	fprintf(f, " %*s %*s  ", LAYER_WIDTH, "", HOP_WIDTH, "");
}

static void note_begins(uint64_t ns, int layer, FILE *f, struct table_style style)
{
	note_margin(layer, f, style);
	fprintf(f, "%s %s ", style.utf8 ? "↳" : "+", units_ns(ns, style.utf8).s);
}

/* Bytes of the words that fit into the column, or of the first word. */
static size_t words_that_fit(const char *text)
{
	size_t n = strcspn(text, " "), next;
	char part[NOTE_BYTES];

	for (; text[n]; n = next) {
		next = n + 1 + strcspn(text + n + 1, " ");
		snprintf(part, sizeof(part), "%.*s", (int)next, text);
		if (table_width(part) > NOTE_WIDTH)
			break;
	}
	return n;
}

static void note_text(const char *text, int layer, FILE *f, struct table_style style)
{
	for (size_t n = words_that_fit(text);; n = words_that_fit(text)) {
		fprintf(f, "%.*s%s\n", (int)n, text, table_off(style));
		text += n + (text[n] == ' ');
		if (!*text)
			return;
		note_margin(layer, f, style);
		fputs("  ", f);
	}
}

/* Below a guest's hop: the part of its time that is not the guest's. */
static void outside_row(const struct rung *rung, int layer, FILE *f, struct table_style style)
{
	note_begins(rung->outside_ns, layer, f, style);
	fprintf(f, "outside guest mode%s\n", table_off(style));
}

/* Below a hop: what its time was made of, where that is more than the hop says by itself. */
static bool causes_rows(const struct model *m, const struct request *r, const struct rung *rung,
			int layer, FILE *f, struct table_style style)
{
	bool any = false;

	for (uint8_t i = 0; i < r->causes.count; i++) {
		const struct request_cause *c = &r->causes.at[i];
		char text[NOTE_BYTES];

		if (c->hop != (uint8_t)rung->hop || c->cause == cause_held(rung->hop) ||
		    c->ns <= rung->took_ns / OUTSIDE_SHOWN)
			continue;
		cause_text(&m->actors, c, text, sizeof(text));
		note_begins(c->ns, layer, f, style);
		note_text(text, layer, f, style);
		any = any || c->layer != hop_table[rung->hop].layer;
	}
	return any;
}

/* Below a hop: packets with the request's bytes that were dropped before the next one. */
static void drops_rows(const struct model *m, const struct request *r, const struct rung *rung,
		       bool last, int layer, FILE *f, struct table_style style)
{
	uint64_t from_ns = r->hops[rung->hop].time_ns;

	for (uint32_t i = 0; i < r->dropped && i < REQUEST_DROPS_MAX; i++) {
		const struct drop *drop = &r->drops[i];
		char text[96];

		if (drop->time_ns < from_ns ||
		    (!last && drop->time_ns >= from_ns + rung->took_ns))
			continue;
		drop_text(m, drop, text, sizeof(text));
		note_begins(drop->time_ns - from_ns, layer, f, style);
		fprintf(f, "later dropped: %s%s\n", text, table_off(style));
	}
}

/* A hop that others had and this request did not: its time is not 0, it is unknown. */
static void missing_row(const struct model *m, const struct request *r, int hop, int from,
			FILE *f, struct table_style style)
{
	const struct glyphs *g = style.utf8 ? &glyphs_utf8 : &glyphs_ascii;
	const char *why = r->hops[hop].flags & HOP_LEFT_OUT
				  ? "left out: it seems to be before its cause"
			  : m->hops[hop].needed ? "not seen"
						: "none for this request alone";

	fputs(table_on(style, COLOUR_DIM), f);
	table_pad(f, style, g->none, TIME_WIDTH, true);
	fputc(' ', f);
	table_pad(f, style, g->none, TIME_WIDTH, true);
	fputs("  ", f);
	gutter(f, g, from, from);
	fprintf(f, " %*s ", LAYER_WIDTH, "");
	table_pad(f, style, hop_table[hop].name, HOP_WIDTH, false);
	fprintf(f, "  %s%s\n", why, table_off(style));
}

static void heading(FILE *f, struct table_style style)
{
	fprintf(f, "%s%*s %*s  %*s %-*s %-*s  %-*s%*s%s\n", table_on(style, COLOUR_BOLD),
		TIME_WIDTH, "at", TIME_WIDTH, "took", LAYER_COUNT, "", LAYER_WIDTH, "layer",
		HOP_WIDTH, "hop", TITLE_WIDTH, "what happens from here on", CPU_WIDTH, "CPU",
		table_off(style));
	fputs(table_on(style, COLOUR_DIM), f);
	for (int i = 0; i < PRINT_COLUMNS; i++)
		fputs(style.utf8 ? "─" : "-", f);
	fprintf(f, "%s\n", table_off(style));
}

/* What the marks mean; only those that are there. */
static void legend(const struct request *r, const struct rung *rungs, size_t n, FILE *f,
		   struct table_style style)
{
	bool inferred = false, clamped = false, unattributed = false, outside = false;

	for (size_t i = 0; i < n; i++) {
		inferred |= r->hops[rungs[i].hop].flags & HOP_INFERRED;
		clamped |= r->hops[rungs[i].hop].flags & HOP_CLAMPED;
		unattributed |= rungs[i].unattributed;
		outside |= rungs[i].outside_ns > rungs[i].took_ns / OUTSIDE_SHOWN;
	}
	if (inferred)
		fputs("~ marked by a neighbouring probe\n", f);
	if (clamped)
		fputs("= moved to its cause, within the clocks' error\n", f);
	if (outside)
		fprintf(f,
			"%s of a guest's hop, a vCPU's exits and its waits for a CPU count as hypervisor\n",
			style.utf8 ? "↳" : "+");
	if (unattributed)
		fputs("? unattributed: a hop in between is missing\n", f);
}

static void request_line(const struct request *r, FILE *f, struct table_style style)
{
	const struct http_request *h = &r->http;
	bool http = h->protocol == PROTOCOL_HTTP;

	fputs(table_on(style, COLOUR_BOLD), f);
	if (http)
		fprintf(f, "%s %s HTTP/1.%u%s", h->method, h->path, h->version,
			h->tls ? " over TLS" : "");
	else
		fprintf(f, "request of %s", units_bytes(h->request_bytes).s);
	fprintf(f, "%s %s ", table_off(style), style.utf8 ? "→" : "->");
	if (h->answered && http)
		fprintf(f, "%u, ", h->status);
	fputs(h->answered ? units_bytes(h->reply_bytes).s : "no reply seen", f);
	fprintf(f, ", client %s", summary_address(h->client_addr, h->client_port).s);
	if (http)
		fprintf(f, ", %s connection", h->new_connection ? "new" : "kept");
	fputc('\n', f);
}

void print_ladder(const struct model *m, const struct request *r, FILE *f,
		  struct table_style style)
{
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(m, r, rungs);
	int layer = -1, hop = r->first;

	request_line(r, f, style);
	fputc('\n', f);
	heading(f, style);
	for (size_t i = 0; i < n; i++) {
		for (; hop < (int)rungs[i].hop; hop++)
			if (m->hops[hop].expected && model_covers(m, r, hop))
				missing_row(m, r, hop, layer, f, style);
		rung_row(r, &rungs[i], layer, i + 1 == n, f, style);
		layer = (int)hop_table[rungs[i].hop].layer;
		if (!causes_rows(m, r, &rungs[i], layer, f, style) &&
		    rungs[i].outside_ns > rungs[i].took_ns / OUTSIDE_SHOWN)
			outside_row(&rungs[i], layer, f, style);
		drops_rows(m, r, &rungs[i], i + 1 == n, layer, f, style);
		hop = (int)rungs[i].hop + 1;
	}
	legend(r, rungs, n, f, style);
}
