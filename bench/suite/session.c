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

/* Several machines may be up at the same time; what has this kernel or a device of it for
 * itself may not. */
static bool is_sociable(const struct session *s, const struct subject *subject)
{
	return s->options->turns && subject->kind & SUBJECT_TAPPED;
}

static void run_round(struct session *s, unsigned int round)
{
	const struct subject *together[SUBJECTS_MAX];
	unsigned int order[SUBJECTS_MAX], many = 0;
	struct random r;

	random_seed(&r, s->options->seed + 1 + round);
	random_order(&r, order, subject_count);
	for (unsigned int i = 0; i < subject_count && !*s->stop; i++) {
		const struct subject *subject = &subjects[order[i]];

		if (round >= session_rounds(s, subject) || !group_due(s, subject, round))
			continue;
		if (is_sociable(s, subject))
			together[many++] = subject;
		else
			visit(s, &subject, 1, round, &r);
	}
	if (many && !*s->stop)
		visit(s, together, many, round, &r);
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
