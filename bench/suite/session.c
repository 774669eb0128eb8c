/* A session's rounds: see session.h. */
#include "bench/suite/session.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench/peers/guest.h"
#include "lib/err.h"
#include "lib/progress.h"
#include "lib/random.h"

#define TASKS_MAX    256
#define FAILURES_MAX 2 /* what never gave a sample is not tried again and again */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned int index_of(const struct subject *subject)
{
	return (unsigned int)(subject - subjects);
}

static bool is_due(const struct task *t, unsigned int round)
{
	return !*t->skipped && isnan(t->value[0][round]);
}

/* ---- one sample ---- */

static void keep_reason(char why[WHY_BYTES])
{
	snprintf(why, WHY_BYTES, "%s", err_text());
}

static bool can_run(struct task *t, const struct bench_context *c)
{
	if (!t->asked && t->bench->needs && t->bench->needs(c)) {
		keep_reason(t->skipped);
		progress("%s (%s) is skipped: %s", t->bench->name, t->subject->name,
			 t->skipped);
	}
	t->asked = true;
	return !*t->skipped;
}

static int take(struct task *t, struct bench_context *c, double figure[FIGURES_MAX])
{
	int result = t->bench->setup ? t->bench->setup(c) : 0;

	if (!result)
		result = t->bench->run(c, figure);
	if (t->bench->teardown)
		t->bench->teardown(c);
	return result;
}

static void sample(struct session *s, struct task *t, struct bench_context *c,
		   unsigned int round)
{
	double figure[FIGURES_MAX];

	c->iterations = t->iterations;
	c->state = NULL;
	c->delay_ns = s->options->delay_name && !strcmp(s->options->delay_name, t->bench->name)
			      ? s->options->delay_ns
			      : 0;
	if (take(t, c, figure)) {
		if (*s->stop)
			return;
		keep_reason(t->failed);
		if (c->guest && c->guest->monitor) {
			progress("%s: %s", t->bench->name, t->failed);
			guest_last_words(c->guest, stderr);
		}
		if (!task_samples(t) && ++t->failures == FAILURES_MAX) {
			keep_reason(t->skipped);
			progress("%s (%s) is skipped: %s", t->bench->name, t->subject->name,
				 t->skipped);
		}
		return;
	}
	t->iterations = c->iterations;
	for (unsigned int i = 0; i < bench_figures(t->bench); i++)
		t->value[i][round] = figure[i];
}

/* ---- one subject ---- */

static unsigned int due_tasks(struct session *s, const struct subject *subject,
			      unsigned int round, struct task *due[TASKS_MAX])
{
	unsigned int n = 0;

	for (size_t i = 0; i < s->tasks && n < TASKS_MAX; i++)
		if (s->task[i].subject == subject && is_due(&s->task[i], round))
			due[n++] = &s->task[i];
	return n;
}

/* It did not come up, or cannot: none of its benchmarks has a sample. */
static void give_up(struct task *due[], unsigned int n, bool hopeless)
{
	for (unsigned int i = 0; i < n; i++) {
		keep_reason(due[i]->failed);
		if (!task_samples(due[i]) && (hopeless || ++due[i]->failures == FAILURES_MAX))
			keep_reason(due[i]->skipped);
	}
	progress("%s %s: %s", due[0]->subject->name,
		 *due[0]->skipped ? "is skipped" : "failed once", err_text());
}

static void tell(struct session *s, const struct subject *subject, const struct bench *bench)
{
	s->now.subject = subject;
	s->now.bench = bench;
	if (s->tell)
		s->tell(s);
}

static void visit(struct session *s, const struct subject *subject, unsigned int round,
		  struct random *r)
{
	struct task *due[TASKS_MAX];
	unsigned int order[TASKS_MAX], n = due_tasks(s, subject, round, due);
	struct bench_context c = {.limits = &s->options->limits, .stop = s->stop};
	double began = now_s();

	random_order(r, order, n);
	if (!n || *s->stop)
		return;
	if (subject->needs && subject->needs(subject)) {
		give_up(due, n, true);
		return;
	}
	tell(s, subject, NULL);
	if (subject->up && subject->up(subject, &c)) {
		if (!*s->stop)
			give_up(due, n, false);
		return;
	}
	if (subject->up) {
		char label[48];

		progress("round %u: %s", round + 1, subject_label(subject, label));
	}
	for (unsigned int i = 0; i < n && !*s->stop; i++) {
		if (!can_run(due[order[i]], &c))
			continue;
		tell(s, subject, due[order[i]]->bench);
		sample(s, due[order[i]], &c, round);
	}
	if (subject->down)
		subject->down(subject, &c);
	s->visit_s[index_of(subject)] += now_s() - began;
	s->visits[index_of(subject)]++;
}

/* ---- all of them ---- */

/* Rounds of a subject, from this one on, that something is still to be taken in. */
static unsigned int rounds_left(struct session *s, const struct subject *subject,
				unsigned int from)
{
	struct task *due[TASKS_MAX];
	unsigned int left = 0;

	for (unsigned int r = from; r < session_rounds(s, subject); r++)
		left += due_tasks(s, subject, r, due) > 0;
	return left;
}

static void tell_progress(struct session *s, unsigned int round, unsigned int rounds)
{
	double left = 0, spent = 0;
	unsigned int visits = 0, unknown = 0;

	for (unsigned int i = 0; i < subject_count; i++) {
		unsigned int n = rounds_left(s, &subjects[i], round);

		spent += s->visit_s[i];
		visits += s->visits[i];
		if (s->visits[i])
			left += s->visit_s[i] / s->visits[i] * n;
		else
			unknown += n;
	}
	s->now = (struct session_now){
		.round = round + 1, .rounds = rounds, .left_s = NAN, .as_of_s = time(NULL)};
	if (visits)
		s->now.left_s = left + spent / visits * unknown;
	if (visits)
		progress("round %u of %u, about %.0f s left", round + 1, rounds, s->now.left_s);
	else
		progress("round %u of %u", round + 1, rounds);
}

static void run_round(struct session *s, unsigned int round)
{
	unsigned int order[SUBJECTS_MAX];
	struct random r;

	random_seed(&r, s->options->seed + 1 + round);
	random_order(&r, order, subject_count);
	for (unsigned int i = 0; i < subject_count && !*s->stop; i++)
		if (round < session_rounds(s, &subjects[order[i]]))
			visit(s, &subjects[order[i]], round, &r);
}

int session_run(struct session *s, int (*after_round)(struct session *s))
{
	unsigned int rounds = 0;

	for (size_t i = 0; i < s->tasks; i++) {
		unsigned int n = session_rounds(s, s->task[i].subject);

		rounds = n > rounds ? n : rounds;
	}
	for (unsigned int round = 0; round < rounds && !*s->stop; round++) {
		tell_progress(s, round, rounds);
		run_round(s, round);
		if (!*s->stop)
			s->rounds_done = round + 1;
		if (after_round(s))
			return -1;
	}
	s->now = (struct session_now){.round = 0};
	s->interrupted = *s->stop;
	subjects_close();
	return s->interrupted ? after_round(s) : 0;
}
