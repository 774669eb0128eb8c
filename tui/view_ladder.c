/*
 * The ladder: one request on its way. Columns are places, rows are hops in the order of time;
 * the arrow into a hop carries the time since the one before. Beside it, or below, what is
 * known of the active hop.
 */
#include <stdio.h>
#include <string.h>

#include "lib/units.h"
#include "tracer/attribution.h"
#include "tracer/summary.h"
#include "tui/hop_text.h"
#include "tui/view.h"

#define AT_WIDTH       9
#define NAME_WIDTH     16
#define NAME_NARROW    12
#define NARROW         56 /* columns */
#define LANE_MIN       3
#define LANE_MAX       14
#define LANE_WITH_TIME 8 /* narrower ones have no room for it */
#define DETAIL_ROWS    9 /* below the ladder, if they are not beside it */
#define SIDE_FROM      118

/* Where things happen: the columns. */
enum place_lane {
	LANE_CLIENT,
	LANE_NIC,
	LANE_SWITCH,
	LANE_VMM,
	LANE_KERNEL,
	LANE_NGINX,
	LANES
};

static const struct {
	const char *title, *brief;
	enum strata_layer layer;
} lanes[LANES] = {
	[LANE_CLIENT] = {"client", "cli", LAYER_EXTERNAL},
	[LANE_NIC] = {"NIC", "NIC", LAYER_HOST},
	[LANE_SWITCH] = {"vSwitch", "vSw", LAYER_HYPERVISOR},
	[LANE_VMM] = {"VMM/KVM", "KVM", LAYER_HYPERVISOR},
	[LANE_KERNEL] = {"kernel", "krn", LAYER_VM},
	[LANE_NGINX] = {"nginx", "ngx", LAYER_SERVICE},
};

/* By how a hop is called; what is not listed stands where most of its layer does. */
static enum place_lane lane_of(enum strata_hop hop)
{
	static const struct {
		const char *prefix;
		enum place_lane lane;
	} names[] = {
		{"client.", LANE_CLIENT}, {"nic.", LANE_NIC},         {"vswitch.", LANE_SWITCH},
		{"port.", LANE_SWITCH},   {"vmm.", LANE_VMM},         {"vhost.", LANE_VMM},
		{"vfio.", LANE_VMM},      {"kvm.", LANE_VMM},         {"vcpu.", LANE_VMM},
		{"guest.", LANE_KERNEL},  {"app.write", LANE_KERNEL},
	};
	static const enum place_lane usual[LAYER_COUNT] = {
		[LAYER_EXTERNAL] = LANE_CLIENT, [LAYER_HOST] = LANE_NIC,
		[LAYER_HYPERVISOR] = LANE_VMM,  [LAYER_VM] = LANE_KERNEL,
		[LAYER_SERVICE] = LANE_NGINX,
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (!strncmp(hop_table[hop].name, names[i].prefix, strlen(names[i].prefix)))
			return names[i].lane;
	return usual[hop_table[hop].layer];
}

/* ---- where on the screen ---- */

struct sheet {
	struct area ladder, detail;
	int lane_width, first; /* column of the first lane */
	int name;              /* column of the hop's name */
	bool lane[LANES];      /* is it on this path? */
	int at[LANES];         /* its column */
};

static void find_lanes(const struct model *m, struct sheet *s)
{
	int count = 0;

	for (int hop = m->earliest; hop <= (int)m->last; hop++)
		if (m->hops[hop].here)
			s->lane[lane_of((enum strata_hop)hop)] = true;
	for (int i = 0; i < LANES; i++)
		count += s->lane[i];
	s->first = AT_WIDTH + 1;
	s->name = s->ladder.columns - (s->ladder.columns < NARROW ? NAME_NARROW : NAME_WIDTH);
	s->lane_width = (s->name - s->first) / (count ? count : 1);
	s->lane_width = s->lane_width > LANE_MAX ? LANE_MAX : s->lane_width;
	s->lane_width = s->lane_width < LANE_MIN ? LANE_MIN : s->lane_width;
	for (int i = 0, n = 0; i < LANES; i++)
		s->at[i] = s->first + s->lane_width * (s->lane[i] ? n++ : 0);
}

static struct sheet sheet_of(const struct model *m, struct area a)
{
	struct sheet s = {.ladder = a};

	if (a.columns >= SIDE_FROM) {
		s.ladder.columns = a.columns - 52 > 110 ? 110 : a.columns - 52;
		s.detail = a;
	} else if (a.rows >= DETAIL_ROWS + 7) {
		s.ladder.rows = a.rows - DETAIL_ROWS;
		s.detail = (struct area){a.row + s.ladder.rows, DETAIL_ROWS, a.columns};
	} else if (a.rows >= 8) {
		s.ladder.rows = a.rows - 3;
		s.detail = (struct area){a.row + s.ladder.rows, 3, a.columns};
	}
	find_lanes(m, &s);
	return s;
}

/* ---- rows ---- */

/* "12.9µs": as units_ns(), without the blank. */
static struct units_text brief(uint64_t ns)
{
	struct units_text t = units_ns(ns, true);
	char *blank = strchr(t.s, ' ');

	if (blank)
		memmove(blank, blank + 1, strlen(blank));
	return t;
}

/* A band goes on over all places of its layer. */
static int band_width(const struct sheet *s, int first)
{
	int width = 0;

	for (int i = first; i < LANES && lanes[i].layer == lanes[first].layer; i++)
		width += s->lane[i] ? s->lane_width : 0;
	return width - 1;
}

static void bands(const struct model *m, struct cells *c, const struct sheet *s, int row)
{
	int last = -1;

	for (int i = 0; i < LANES; i++) {
		bool kernel_here = i == LANE_KERNEL && place_is_vm(m->place);

		if (!s->lane[i])
			continue;
		if ((int)lanes[i].layer != last)
			cells_text(c, row, s->at[i], band_width(s, i),
				   layer_style(lanes[i].layer), "%s",
				   layer_name(lanes[i].layer));
		last = (int)lanes[i].layer;
		cells_text(c, row + 1, s->at[i], s->lane_width - 1, STYLE_DIM, "%.*s",
			   s->lane_width < 4 ? 2 : 16,
			   s->lane_width < 8 ? lanes[i].brief
			   : kernel_here     ? "guest"
					     : lanes[i].title);
	}
	cells_right(c, row + 1, 0, AT_WIDTH, STYLE_DIM, "at");
}

static void threads(struct cells *c, const struct sheet *s, int row)
{
	for (int i = 0; i < LANES; i++)
		if (s->lane[i])
			cells_fill(c, row, s->at[i], 1, 0x00b7, STYLE_DIM);
}

/* The arrow from the hop before, with the time that passed. */
static void arrow(struct cells *c, const struct sheet *s, int row, const struct rung *from,
		  const struct rung *to)
{
	int a = s->at[lane_of(from->hop)], b = s->at[lane_of(to->hop)];
	enum style style = from->unattributed ? STYLE_UNATTRIBUTED
					      : layer_style(hop_table[from->hop].layer);
	int left = a < b ? a : b, width = (a < b ? b - a : a - b) - 1;
	struct units_text delta = brief(from->took_ns);

	if (s->lane_width < LANE_WITH_TIME)
		delta.s[0] = '\0';
	if (a == b) {
		cells_text(c, row, a + 1, s->lane_width - 1, style, "%s%s", delta.s,
			   from->unattributed ? "?" : "");
		return;
	}
	cells_fill(c, row, a, 1, a < b ? 0x2514 : 0x2518, style);
	cells_fill(c, row, left + 1, width, 0x2500, style);
	cells_fill(c, row, a < b ? b - 1 : b + 1, 1, a < b ? 0x25b6 : 0x25c0, style);
	cells_text(c, row, a < b ? left + 1 : left + 2, width - 1, style, "%s%s", delta.s,
		   from->unattributed ? "?" : "");
}

static void rung_row(const struct ui *ui, struct cells *c, const struct sheet *s, int row,
		     const struct rung *rungs, int i)
{
	const struct hop_info *hop = &hop_table[rungs[i].hop];
	const struct hop_seen *seen = &ui->ladder.request.hops[rungs[i].hop];
	bool reached = i <= ui->ladder.step;

	cells_right(c, row, 0, AT_WIDTH, reached ? STYLE_TEXT : STYLE_DIM, "%s",
		    units_ns(rungs[i].time_ns, true).s);
	threads(c, s, row);
	if (i)
		arrow(c, s, row, &rungs[i - 1], &rungs[i]);
	cells_fill(c, row, s->at[lane_of(rungs[i].hop)], 1, reached ? 0x25cf : 0x25cb,
		   layer_style(hop->layer));
	cells_text(c, row, s->name, s->ladder.columns - s->name,
		   reached ? layer_style(hop->layer) : STYLE_DIM, "%s%s", hop->name,
		   seen->flags & HOP_INFERRED  ? "~"
		   : seen->flags & HOP_CLAMPED ? "="
					       : "");
	if (i != ui->ladder.step)
		return;
	cells_select(c, row, 0, AT_WIDTH);
	cells_select(c, row, s->name, s->ladder.columns - s->name);
	c->cursor_row = row;
	c->cursor_column = 0;
}

static void request_line(const struct ui *ui, struct cells *c, struct area a)
{
	const struct request *r = &ui->ladder.request;
	const struct http_request *h = &r->http;
	int at = cells_text(c, a.row, 0, a.columns, STYLE_DIM, "#%llu ",
			    (unsigned long long)r->number);

	at += cells_text(c, a.row, at, a.columns - at, STYLE_STRONG, "%s %s ", h->method,
			 h->path);
	if (h->answered)
		at += cells_text(c, a.row, at, a.columns - at, STYLE_TEXT, "→ %u, %s ",
				 h->status, units_bytes(h->reply_bytes).s);
	else
		at += cells_text(c, a.row, at, a.columns - at, STYLE_BAD, "→ no reply seen ");
	if (r->measured)
		at += cells_text(c, a.row, at, a.columns - at, STYLE_STRONG, "in %s ",
				 units_ns(r->end_to_end_ns, true).s);
	cells_text(c, a.row, at, a.columns - at, STYLE_DIM, "from %s, %s connection",
		   summary_address(h->client_addr, h->client_port).s,
		   h->new_connection ? "new" : "kept");
}

/* What playing is at, or how to begin. */
static void play_line(const struct ui *ui, struct cells *c, int row, int columns)
{
	const struct ladder_state *l = &ui->ladder;

	cells_right(c, row, 0, columns, l->playing ? STYLE_GOOD : STYLE_DIM,
		    "%s %s, 1 µs takes %.3g ms", l->playing ? "▶" : " ",
		    l->playing ? units_ns(l->play_ns, true).s : "stopped", l->stretch / 1000);
}

static void detail(const struct ui *ui, struct cells *c, const struct sheet *s,
		   const struct rung *rungs, int count)
{
	struct area a = s->detail;
	int column = 0, width = a.columns;

	if (!a.rows)
		return;
	if (s->ladder.columns < a.columns) {
		column = s->ladder.columns + 2;
		width = a.columns - column;
		for (int i = 1; i < a.rows; i++)
			cells_fill(c, a.row + i, column - 2, 1, 0x2502, STYLE_FRAME);
		a.row++;
		a.rows--;
	} else {
		cells_fill(c, a.row, 0, a.columns, 0x2500, STYLE_FRAME);
		play_line(ui, c, a.row, a.columns - 2);
		a.row++;
		a.rows--;
	}
	hop_text_draw(ui->model, &ui->ladder.request, rungs, count, ui->ladder.step, c,
		      (struct hop_area){a.row, column, a.rows, width});
}

static void draw(struct ui *ui, struct cells *c, struct area a)
{
	struct ladder_state *l = &ui->ladder;
	struct sheet s = sheet_of(ui->model, a);
	struct rung rungs[HOP_COUNT];
	int count, room = s.ladder.rows - 3;

	if (!l->chosen) {
		cells_text(c, a.row + 1, 2, a.columns - 4, STYLE_TEXT, "%s",
			   "no request is chosen: 1 shows the list, Enter opens one");
		return;
	}
	count = (int)request_ladder(ui->model, &l->request, rungs);
	l->step = l->step >= count ? count - 1 : l->step;
	request_line(ui, c, a);
	bands(ui->model, c, &s, a.row + 1);
	/* some of what is next stays in sight */
	if (l->step < l->top + 1)
		l->top = l->step - 1;
	if (l->step > l->top + room - 3)
		l->top = l->step - room + 3;
	if (l->top > count - room)
		l->top = count - room;
	l->top = l->top < 0 ? 0 : l->top;
	for (int i = 0; i < room && l->top + i < count; i++)
		rung_row(ui, c, &s, a.row + 3 + i, rungs, l->top + i);
	if (!count)
		cells_text(c, a.row + 4, 2, a.columns - 4, STYLE_BAD,
			   "none of its hops was seen");
	else
		detail(ui, c, &s, rungs, count);
	if (s.ladder.columns < a.columns)
		play_line(ui, c, a.row + a.rows - 1, s.ladder.columns - NAME_WIDTH);
}

/* ---- steps ---- */

static void go(struct ui *ui, int step)
{
	struct rung rungs[HOP_COUNT];
	int count = (int)request_ladder(ui->model, &ui->ladder.request, rungs);

	step = step >= count ? count - 1 : step;
	ui->ladder.step = step < 0 ? 0 : step;
	ui->ladder.play_ns = count ? rungs[ui->ladder.step].time_ns : 0;
}

bool ui_step_to(struct ui *ui, enum strata_hop hop)
{
	struct rung rungs[HOP_COUNT];
	int count = ui->ladder.chosen
			    ? (int)request_ladder(ui->model, &ui->ladder.request, rungs)
			    : 0;

	for (int i = 0; i < count; i++) {
		if (rungs[i].hop != hop)
			continue;
		go(ui, i);
		return true;
	}
	return false;
}

static void slowest(struct ui *ui)
{
	struct rung rungs[HOP_COUNT];
	int count = (int)request_ladder(ui->model, &ui->ladder.request, rungs), at = 0;

	for (int i = 0; i < count; i++)
		if (rungs[i].took_ns > rungs[at].took_ns)
			at = i;
	go(ui, at);
}

static void play(struct ui *ui)
{
	struct rung rungs[HOP_COUNT];
	int count = (int)request_ladder(ui->model, &ui->ladder.request, rungs);

	ui->ladder.playing = !ui->ladder.playing && count > 1;
	if (ui->ladder.playing && ui->ladder.step == count - 1)
		go(ui, 0); /* once more */
}

bool ui_tick(struct ui *ui, uint64_t ns)
{
	struct ladder_state *l = &ui->ladder;
	struct rung rungs[HOP_COUNT];
	int count;

	if (!l->playing || !ui->model)
		return false;
	count = (int)request_ladder(ui->model, &l->request, rungs);
	l->play_ns += (uint64_t)((double)ns / l->stretch);
	while (l->step + 1 < count && rungs[l->step + 1].time_ns <= l->play_ns)
		l->step++;
	if (l->step + 1 >= count)
		l->playing = false;
	return true;
}

static bool act(struct ui *ui, enum action a)
{
	struct ladder_state *l = &ui->ladder;

	if (!ui->model || !l->chosen)
		return false;
	switch (a) {
	case ACTION_UP:
	case ACTION_LEFT:
		l->playing = false;
		go(ui, l->step - 1);
		return true;
	case ACTION_DOWN:
	case ACTION_RIGHT:
		l->playing = false;
		go(ui, l->step + 1);
		return true;
	case ACTION_FIRST:
		go(ui, 0);
		return true;
	case ACTION_LAST:
		go(ui, HOP_COUNT);
		return true;
	case ACTION_SLOWEST:
		l->playing = false;
		slowest(ui);
		return true;
	case ACTION_PLAY:
		play(ui);
		return true;
	case ACTION_FASTER:
		l->stretch = l->stretch > 16 ? l->stretch / 2 : l->stretch;
		return true;
	case ACTION_SLOWER:
		l->stretch = l->stretch < 1e8 ? l->stretch * 2 : l->stretch;
		return true;
	default:
		return false;
	}
}

static void click(struct ui *ui, int row, int column)
{
	(void)column;
	if (ui->ladder.chosen && row >= 3)
		go(ui, ui->ladder.top + row - 3);
}

const struct view_info view_ladder = {
	.name = "ladder", .title = "one request", .draw = draw, .act = act, .click = click};
