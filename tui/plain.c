/* The interface line by line: see plain.h. */
#include "tui/plain.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/units.h"
#include "tracer/attribution.h"
#include "tracer/summary.h"
#include "tui/hop_text.h"
#include "tui/lines.h"

#define LINE_MAX_COLUMNS 1000
#define PLAIN_COLUMNS    120 /* of what is told in columns even here */

/* By way of a screen of one row, which makes of every character one that can be shown. */
void plain_text(FILE *f, bool utf8, const char *fmt, ...)
{
	struct cells *c = cells_create(1, LINE_MAX_COLUMNS, utf8);
	char text[1024], one[5];
	va_list args;
	int n;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!c)
		return;
	n = cells_text(c, 0, 0, LINE_MAX_COLUMNS, STYLE_TEXT, "%s", text);
	while (n && cells_get(c, 0, n - 1)->ch == ' ')
		n--;
	for (int i = 0; i < n; i++) {
		cells_encode(cells_get(c, 0, i)->ch, one);
		fputs(one, f);
	}
	fputc('\n', f);
	cells_free(c);
}

void plain_request(const struct model *m, const struct request *r, FILE *f, bool utf8)
{
	enum strata_layer worst;
	char total[96], status[16];
	uint64_t ns;

	(void)m;
	if (request_worst(r, &worst, &ns))
		snprintf(total, sizeof(total), "%s, most of it %s (%s)",
			 units_ns(r->end_to_end_ns, utf8).s, layer_name(worst),
			 units_ns(ns, utf8).s);
	else
		snprintf(total, sizeof(total), "time: no data");
	if (r->http.answered)
		snprintf(status, sizeof(status), "%u", r->http.status);
	else
		snprintf(status, sizeof(status), "no reply");
	plain_text(f, utf8, "request %llu: %s %s, %s, client %s: %s",
		   (unsigned long long)r->number, r->http.method, r->http.path, status,
		   summary_address(r->http.client_addr, r->http.client_port).s, total);
}

static void list(struct ui *ui, FILE *f, bool all, bool utf8)
{
	for (size_t i = 0; i < ui->rows.count; i++)
		if (all || i == ui->position)
			plain_request(ui->model, &ui->model->requests[ui->rows.at[i]], f, utf8);
	plain_text(f, utf8, "%s of %s requests", units_count(ui->rows.count).s,
		   units_count(ui->model->seen).s);
}

static void hop_line(const struct rung *rungs, int count, int i, FILE *f, bool utf8)
{
	const struct hop_info *hop = &hop_table[rungs[i].hop];
	char took[64] = "the end";

	if (i + 1 < count)
		snprintf(took, sizeof(took), "%s%s", units_ns(rungs[i].took_ns, utf8).s,
			 rungs[i].unattributed ? ", unattributed" : "");
	plain_text(f, utf8, "hop %d of %d, at %s, %s, %s: %s: %s", i + 1, count,
		   units_ns(rungs[i].time_ns, utf8).s, layer_name(hop->layer), hop->name,
		   hop->title, took);
}

static void ladder(struct ui *ui, FILE *f, bool all, bool utf8)
{
	static struct hop_lines words; /* large, and of one thread */
	struct ladder_state *l = &ui->ladder;
	struct rung rungs[HOP_COUNT];
	int count = l->chosen ? (int)request_ladder(ui->model, &l->request, rungs) : 0;

	if (!count) {
		plain_text(f, utf8, "no request is chosen, or none of its hops was seen");
		return;
	}
	l->step = l->step < count ? l->step : count - 1;
	plain_request(ui->model, &l->request, f, utf8);
	for (int i = 0; all && i < count; i++)
		hop_line(rungs, count, i, f, utf8);
	plain_text(f, utf8, "hop %d of %d:", l->step + 1, count);
	hop_lines(ui->model, &l->request, rungs, count, l->step, &words);
	for (int i = 0; i < words.count; i++)
		plain_text(f, utf8, "%s", words.at[i]);
}

static void layers(struct ui *ui, FILE *f, bool utf8)
{
	struct measure rows[MEASURES_MAX];
	int n = ui->layers.hops ? measure_hops(ui->model, rows)
				: measure_layers(ui->model, rows);

	for (int i = 0; i < n; i++) {
		struct quantile *q = measure_quantile(ui->model, &rows[i]);

		if (!q->count) {
			plain_text(f, utf8, "%s: no data", measure_name(&rows[i]).s);
			continue;
		}
		plain_text(f, utf8, "%s: half take %s or less, 99 %% %s, the longest %s",
			   measure_name(&rows[i]).s, units_ns(quantile_at(q, 0.5), utf8).s,
			   units_ns(quantile_at(q, 0.99), utf8).s,
			   units_ns(quantile_at(q, 1), utf8).s);
	}
}

static void text_lines(struct ui *ui, FILE *f, bool utf8)
{
	static struct lines l; /* large, and of one thread */

	l.count = 0;
	if (ui->help)
		help_lines(&ui->keys, &l);
	else if (ui->view == VIEW_WHY)
		why_lines(ui, &l);
	else if (ui->view == VIEW_VM)
		vm_lines(ui->model, ui->source.live, &l);
	else if (ui->view == VIEW_FACTS)
		facts_lines(ui->model, &l);
	else if (ui->view == VIEW_COMPARE)
		compare_lines(ui, PLAIN_COLUMNS, &l);
	else
		bench_view_lines(ui, PLAIN_COLUMNS, &l);
	for (int i = 0; i < l.count; i++)
		plain_text(f, utf8, "%s", l.at[i].text);
}

void plain_status(const struct ui *ui, FILE *f, bool utf8)
{
	const struct model *m = ui->model;
	char cost[64];

	frame_cost(m, cost, sizeof(cost));
	plain_text(f, utf8, "lost %s events; %s; %s requests, %s of them partial",
		   units_count(model_lost(m)).s, cost, units_count(m->seen).s,
		   units_count(m->partial).s);
}

int plain_view(struct ui *ui, FILE *f, bool all, bool utf8)
{
	if (!ui->model && ui->view != VIEW_BENCH)
		plain_text(f, utf8, "%s",
			   ui->source.error[0] ? ui->source.error : "nothing yet");
	else if (ui->help || ui->view >= VIEW_WHY)
		text_lines(ui, f, utf8);
	else if (ui->view == VIEW_LIST)
		list(ui, f, all, utf8);
	else if (ui->view == VIEW_LADDER)
		ladder(ui, f, all, utf8);
	else
		layers(ui, f, utf8);
	if (ui->message[0])
		plain_text(f, utf8, "%s", ui->message);
	if (ui->model)
		plain_status(ui, f, utf8);
	return fflush(f) || ferror(f) ? err_errno("write") : 0;
}
