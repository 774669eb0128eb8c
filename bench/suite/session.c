/* A session's rounds: see session.h. */
#include "bench/suite/session.h"

#include <math.h>
#include <time.h>

#include "bench/suite/group.h"
#include "lib/now.h"
#include "lib/progress.h"
#include "lib/random.h"

static unsigned int index_of(const struct subject *subject)
{
	return (unsigned int)(subject - subjects);
}

/* The time it takes tells how much is left. */
static void visit(struct session *s, const struct subject *const *list, unsigned int count,
		  unsigned int round, struct random *r)
{
	uint64_t began = now_ns();

	group_visit(s, list, count, round, r);
	for (unsigned int i = 0; i < count; i++) {
		s->visit_s[index_of(list[i])] += (double)(now_ns() - began) / 1e9 / count;
		s->visits[index_of(list[i])]++;
	}
}

/* Rounds of a subject, from this one on, that something is still to be taken in. */
static unsigned int rounds_left(const struct session *s, const struct subject *subject,
				unsigned int from)
{
	unsigned int left = 0;

	for (unsigned int r = from; r < session_rounds(s, subject); r++)
		left += group_due(s, subject, r);
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

static bool is_wanted(const struct session *s, const struct subject *subject,
		      unsigned int round)
{
	return round < session_rounds(s, subject) && group_due(s, subject, round);
}

bool session_together(const struct session *s, const struct subject *a, const struct subject *b)
{
	return s->options->turns && a->kind == b->kind && a->kind & SUBJECT_TAPPED;
}

static void run_round(struct session *s, unsigned int round)
{
	bool done[SUBJECTS_MAX] = {false};
	unsigned int order[SUBJECTS_MAX];
	struct random r;

	random_seed(&r, s->options->seed + 1 + round);
	random_order(&r, order, subject_count);
	for (unsigned int i = 0; i < subject_count && !*s->stop; i++) {
		const struct subject *list[SUBJECTS_MAX] = {&subjects[order[i]]};
		unsigned int n = 1;

		if (done[order[i]] || !is_wanted(s, list[0], round))
			continue;
		for (unsigned int k = i + 1; k < subject_count; k++) {
			const struct subject *other = &subjects[order[k]];

			if (!session_together(s, list[0], other) || !is_wanted(s, other, round))
				continue;
			list[n++] = other;
			done[order[k]] = true;
		}
		visit(s, list, n, round, &r);
	}
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
