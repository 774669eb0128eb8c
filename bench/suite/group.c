/* Systems that are up at the same time, and what is taken from them: see group.h. */
#include "bench/suite/group.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "bench/peers/guest.h"
#include "lib/err.h"
#include "lib/progress.h"
#include "lib/statistics.h"

#define FAILURES_MAX 2 /* what never gave a sample is not tried again and again */

struct system {
	const struct subject *subject;
	struct bench_context context;
	bool up;

	/* of the benchmark at hand */
	struct task *task;  /* NULL: it is not taken, or no more */
	unsigned int taken; /* turns */
	double turn[FIGURES_MAX][TURNS_MAX];
};

struct group {
	struct session *session;
	unsigned int round;
	struct random *random;
	struct system system[SUBJECTS_MAX];
	unsigned int systems;
};

static bool is_due(const struct task *t, const struct subject *subject, unsigned int round)
{
	return t->subject == subject && !*t->skipped && isnan(t->value[0][round]);
}

bool group_due(const struct session *s, const struct subject *subject, unsigned int round)
{
	for (size_t i = 0; i < s->tasks; i++)
		if (is_due(&s->task[i], subject, round))
			return true;
	return false;
}

static struct task *due_task(const struct group *g, const struct subject *subject,
			     const struct bench *b)
{
	for (size_t i = 0; i < g->session->tasks; i++) {
		struct task *t = &g->session->task[i];

		if (t->bench == b && is_due(t, subject, g->round))
			return t;
	}
	return NULL;
}

static void keep_reason(char why[WHY_BYTES])
{
	snprintf(why, WHY_BYTES, "%s", err_text());
}

static void tell(struct session *s, const struct subject *subject, const struct bench *bench)
{
	s->now.subject = subject;
	s->now.bench = bench;
	if (s->tell)
		s->tell(s);
}

static void tell_skipped(const struct task *t)
{
	progress("%s (%s) is skipped: %s", t->bench->name, t->subject->name, t->skipped);
}

/* ---- up and down ---- */

/* It did not come up, or cannot: none of its benchmarks has a sample. */
static void give_up(struct group *g, const struct subject *subject, bool hopeless)
{
	bool skipped = false;

	for (size_t i = 0; i < g->session->tasks; i++) {
		struct task *t = &g->session->task[i];

		if (!is_due(t, subject, g->round))
			continue;
		keep_reason(t->failed);
		if (!task_samples(t) && (hopeless || ++t->failures == FAILURES_MAX))
			keep_reason(t->skipped);
		skipped = *t->skipped;
	}
	progress("%s %s: %s", subject->name, skipped ? "is skipped" : "failed once",
		 err_text());
}

static void bring_up(struct group *g, struct system *y)
{
	struct session *s = g->session;
	const struct subject *subject = y->subject;
	char label[48];

	if (subject->needs && subject->needs(subject)) {
		give_up(g, subject, true);
		return;
	}
	tell(s, subject, NULL);
	if (subject->up && subject->up(subject, &y->context)) {
		if (!*s->stop)
			give_up(g, subject, false);
		return;
	}
	y->up = true;
	if (subject->up)
		progress("round %u: %s", g->round + 1, subject_label(subject, label));
}

static void take_down(struct system *y)
{
	if (y->up && y->subject->down)
		y->subject->down(y->subject, &y->context);
}

/* ---- one benchmark ---- */

static bool can_run(struct task *t, const struct bench_context *c)
{
	if (!t->asked && t->bench->needs && t->bench->needs(c)) {
		keep_reason(t->skipped);
		tell_skipped(t);
	}
	t->asked = true;
	return !*t->skipped;
}

static int take(const struct task *t, struct bench_context *c, double figure[FIGURES_MAX])
{
	int result = t->bench->setup ? t->bench->setup(c) : 0;

	if (!result)
		result = t->bench->run(c, figure);
	if (t->bench->teardown)
		t->bench->teardown(c);
	return result;
}

/* Without one of its turns there is no sample. */
static void failed(struct system *y)
{
	struct task *t = y->task;

	y->task = NULL;
	keep_reason(t->failed);
	if (y->context.guest && y->context.guest->monitor) {
		progress("%s: %s", t->bench->name, t->failed);
		guest_last_words(y->context.guest, stderr);
	}
	if (!task_samples(t) && ++t->failures == FAILURES_MAX) {
		keep_reason(t->skipped);
		tell_skipped(t);
	}
}

static void take_turn(struct group *g, struct system *y)
{
	const struct session_options *o = g->session->options;
	struct bench_context *c = &y->context;
	struct task *t = y->task;
	double figure[FIGURES_MAX];

	tell(g->session, y->subject, t->bench);
	c->iterations = t->iterations;
	c->state = NULL;
	c->delay_ns = o->delay_name && !strcmp(o->delay_name, t->bench->name) ? o->delay_ns : 0;
	if (take(t, c, figure)) {
		if (!*g->session->stop)
			failed(y);
		return;
	}
	t->iterations = c->iterations;
	for (unsigned int f = 0; f < bench_figures(t->bench); f++)
		y->turn[f][y->taken] = figure[f];
	y->taken++;
}

static void take_from_all(struct group *g)
{
	unsigned int order[SUBJECTS_MAX];

	random_order(g->random, order, g->systems);
	for (unsigned int i = 0; i < g->systems && !*g->session->stop; i++)
		if (g->system[order[i]].task)
			take_turn(g, &g->system[order[i]]);
}

static void keep_sample(const struct group *g, const struct system *y)
{
	for (unsigned int f = 0; f < bench_figures(y->task->bench); f++)
		y->task->value[f][g->round] = statistics_median(y->turn[f], y->taken);
}

static void measure(struct group *g, const struct bench *b)
{
	unsigned int turns = session_turns(g->session->options), any = 0;

	for (unsigned int i = 0; i < g->systems; i++) {
		struct system *y = &g->system[i];

		y->taken = 0;
		y->task = y->up ? due_task(g, y->subject, b) : NULL;
		if (y->task && !can_run(y->task, &y->context))
			y->task = NULL;
		any += y->task != NULL;
	}
	for (unsigned int turn = 0; any && turn < turns && !*g->session->stop; turn++)
		take_from_all(g);
	for (unsigned int i = 0; i < g->systems; i++)
		if (g->system[i].task && g->system[i].taken == turns)
			keep_sample(g, &g->system[i]);
}

/* ---- all of it ---- */

static bool is_in(const struct bench *const *list, unsigned int n, const struct bench *b)
{
	for (unsigned int i = 0; i < n; i++)
		if (list[i] == b)
			return true;
	return false;
}

/* What is due of any that is up, each once. */
static unsigned int due_benches(const struct group *g, const struct bench *list[BENCHES_MAX])
{
	unsigned int n = 0;

	for (size_t i = 0; i < g->session->tasks && n < BENCHES_MAX; i++) {
		const struct task *t = &g->session->task[i];
		bool due = false;

		for (unsigned int k = 0; k < g->systems; k++)
			due |= g->system[k].up && is_due(t, g->system[k].subject, g->round);
		if (due && !is_in(list, n, t->bench))
			list[n++] = t->bench;
	}
	return n;
}

static void measure_all(struct group *g)
{
	const struct bench *list[BENCHES_MAX];
	unsigned int order[BENCHES_MAX], n = due_benches(g, list);

	random_order(g->random, order, n);
	for (unsigned int i = 0; i < n && !*g->session->stop; i++)
		measure(g, list[order[i]]);
}

void group_visit(struct session *s, const struct subject *const *list, unsigned int count,
		 unsigned int round, struct random *r)
{
	struct group g = {.session = s, .round = round, .random = r, .systems = count};

	for (unsigned int i = 0; i < count && !*s->stop; i++) {
		g.system[i].subject = list[i];
		g.system[i].context = (struct bench_context){.limits = &s->options->limits,
							     .stop = s->stop,
							     .place = i,
							     .abreast = count > 1};
		bring_up(&g, &g.system[i]);
	}
	measure_all(&g);
	for (unsigned int i = 0; i < count; i++)
		take_down(&g.system[i]);
}
