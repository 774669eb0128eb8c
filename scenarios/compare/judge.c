/* What may be said: see judge.h. */
#include "scenarios/compare/judge.h"

#include <math.h>
#include <string.h>

#include "lib/random.h"

const char *verdict_name(enum verdict v)
{
	static const char *const names[] = {NULL, "same", "less", "more"};

	return names[v];
}

static void describe(struct judgement *j, const struct arm *a, int row, int rounds,
		     struct random *r)
{
	for (int round = 0; round < rounds; round++) {
		double figure = row_figure(&compare_rows[row], &a->samples[row][round]);

		if (!isnan(figure))
			j->figure[j->blocks++] = figure;
	}
	/* known of some blocks only, as of those in which the machine was busy: that is biased
	 */
	if (j->blocks < (size_t)rounds && compare_rows[row].source == ROW_CPU_HOST)
		j->blocks = 0;
	j->median = statistics_median(j->figure, j->blocks);
	j->interval = statistics_median_interval(j->figure, j->blocks, r);
	j->p = j->p_holm = j->difference = j->ratio = j->floor = NAN;
}

static void contrast(struct judgement *j, const struct judgement *base, struct random *r)
{
	if (!j->blocks || !base->blocks)
		return;
	j->difference = j->median - base->median;
	j->ratio = base->median ? j->median / base->median : NAN;
	j->p = statistics_permutation(j->figure, j->blocks, base->figure, base->blocks, r);
}

/* Over the rows that could be tested. */
static void correct(struct judgement of[ROWS])
{
	double p[ROWS];
	size_t n = 0;

	for (int row = 0; row < ROWS; row++)
		if (!isnan(of[row].p))
			p[n++] = of[row].p;
	statistics_holm(p, n);
	n = 0;
	for (int row = 0; row < ROWS; row++)
		if (!isnan(of[row].p))
			of[row].p_holm = p[n++];
}

static void find_twins(struct judgements *j, const struct study *s)
{
	for (int row = 0; row < ROWS; row++)
		j->twins_differ[row] = NAN;
	for (int i = 0; i < s->arms; i++) {
		if (s->arm[i].twin_of < 0)
			continue;
		for (int row = 0; row < ROWS; row++) {
			const struct judgement *a = &j->of[i][row];
			const struct judgement *b = &j->of[s->arm[i].twin_of][row];

			if (a->blocks && b->blocks && b->median)
				j->twins_differ[row] = fabs(a->median / b->median - 1);
		}
	}
}

static double floor_of(const struct judgements *j, const struct study *s, int arm, int row)
{
	double base = fabs(j->of[s->baseline][row].median), floor = JUDGE_FLOOR * base;
	const struct row *r = &compare_rows[row];

	/* a twin is not measured by itself */
	if (s->arm[arm].twin_of < 0 && !isnan(j->twins_differ[row]))
		floor = fmax(floor, j->twins_differ[row] * base);
	if (r->source < ROW_CLIENT && !r->count)
		floor = fmax(floor, fmax(s->arm[arm].clock_error_ns,
					 s->arm[s->baseline].clock_error_ns));
	return floor;
}

static void decide(struct judgements *j, const struct study *s, int arm)
{
	for (int row = 0; row < ROWS; row++) {
		struct judgement *x = &j->of[arm][row];

		if (isnan(x->p_holm))
			continue;
		x->floor = floor_of(j, s, arm, row);
		x->verdict = x->p_holm >= JUDGE_P_MAX || fabs(x->difference) <= x->floor
				     ? VERDICT_SAME
			     : x->difference > 0 ? VERDICT_MORE
						 : VERDICT_LESS;
	}
}

/* How many rows tell twins apart that should tell none. */
static void count_twins(struct judgements *j, const struct study *s)
{
	for (int i = 0; i < s->arms; i++)
		for (int row = 0; row < ROWS && s->arm[i].twin_of == s->baseline; row++) {
			j->twin_rows += j->of[i][row].verdict != VERDICT_NONE;
			j->twin_rows_differing += j->of[i][row].verdict > VERDICT_SAME;
		}
}

void judge(struct judgements *j, const struct study *s)
{
	struct random random;

	memset(j, 0, sizeof(*j));
	random_seed(&random, s->options->seed + 1);
	for (int i = 0; i < s->arms; i++)
		for (int row = 0; row < ROWS; row++)
			describe(&j->of[i][row], &s->arm[i], row, s->rounds, &random);
	find_twins(j, s);
	for (int i = 0; i < s->arms; i++) {
		if (i == s->baseline)
			continue;
		for (int row = 0; row < ROWS; row++)
			contrast(&j->of[i][row], &j->of[s->baseline][row], &random);
		correct(j->of[i]);
		decide(j, s, i);
	}
	count_twins(j, s);
}
