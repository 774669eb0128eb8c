/* Two recordings beside each other: see versus.h. */
#include "tui/versus.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "lib/random.h"

#define P_MAX 0.05
#define FLOOR 0.01 /* of a's median */
#define SEED  1

/* In the order in which they were found, whatever order they are kept in. */
static int by_number(const void *x, const void *y)
{
	const struct request *a = *(const struct request *const *)x;
	const struct request *b = *(const struct request *const *)y;

	return a->number < b->number ? -1 : a->number > b->number;
}

struct sequence {
	const struct model *m;
	const struct request **at;
	double *scratch;
	size_t count;
};

static int sequence_of(struct sequence *s, const struct model *m)
{
	s->m = m;
	s->at = malloc((m->request_count + 1) * sizeof(*s->at));
	s->scratch = malloc((m->request_count + 1) * sizeof(*s->scratch));
	if (!s->at || !s->scratch)
		return err_set("out of memory for a comparison");
	for (size_t i = 0; i < m->request_count; i++)
		s->at[s->count++] = &m->requests[i];
	if (s->count)
		qsort(s->at, s->count, sizeof(*s->at), by_number);
	return 0;
}

static void sequence_free(struct sequence *s)
{
	free(s->at);
	free(s->scratch);
}

/* A median per block; blocks without data are left out. Returns how many there are. */
static size_t figures(const struct sequence *s, const struct measure *what,
		      double out[VERSUS_BLOCKS])
{
	size_t blocks = s->count < VERSUS_BLOCKS ? s->count : VERSUS_BLOCKS, n = 0;

	for (size_t b = 0; b < blocks; b++) {
		size_t count = 0;

		for (size_t i = s->count * b / blocks; i < s->count * (b + 1) / blocks; i++) {
			uint64_t ns;

			if (measure_of(s->m, s->at[i], what, &ns))
				s->scratch[count++] = (double)ns;
		}
		if (count)
			out[n++] = statistics_median(s->scratch, count);
	}
	return n;
}

static void fill(struct versus_row *r, const struct sequence s[2], struct random *random)
{
	double f[2][VERSUS_BLOCKS];
	size_t n[2];

	for (int side = 0; side < 2; side++) {
		n[side] = figures(&s[side], &r->what, f[side]);
		r->median[side] = statistics_median(f[side], n[side]);
		r->interval[side] = statistics_median_interval(f[side], n[side], random);
	}
	r->difference = r->ratio = r->p = NAN;
	if (!n[0] || !n[1])
		return;
	r->difference = r->median[1] - r->median[0];
	r->ratio = r->median[0] > 0 ? r->median[1] / r->median[0] : NAN;
	r->p = statistics_permutation(f[0], n[0], f[1], n[1], random);
}

static void correct(struct versus *v)
{
	double p[2 * MEASURES_MAX];
	size_t n = 0;

	for (int i = 0; i < v->count; i++)
		if (!isnan(v->rows[i].p))
			p[n++] = v->rows[i].p;
	statistics_holm(p, n);
	n = 0;
	for (int i = 0; i < v->count; i++)
		if (!isnan(v->rows[i].p))
			v->rows[i].p = p[n++];
}

static void decide(struct versus *v)
{
	for (int i = 0; i < v->count; i++) {
		struct versus_row *r = &v->rows[i];
		double floor = fmax(FLOOR * r->median[0], v->floor_ns);

		if (isnan(r->p))
			r->verdict = 2;
		else if (r->p >= P_MAX || fabs(r->difference) <= floor)
			r->verdict = 0;
		else
			r->verdict = r->difference > 0 ? 1 : -1;
	}
}

static void add(struct versus *v, const struct measure *list, int n, bool hop)
{
	for (int i = 0; i < n; i++) {
		bool there = false;

		for (int k = 0; k < v->count; k++)
			there |= measure_same(&v->rows[k].what, &list[i]);
		if (!there)
			v->rows[v->count++] = (struct versus_row){.what = list[i], .hop = hop};
	}
}

/* Rows of both: what one has and the other has not is what modes differ by. */
static void choose_rows(struct versus *v, const struct model *a, const struct model *b)
{
	struct measure list[MEASURES_MAX];

	add(v, list, measure_layers(a, list), false);
	add(v, list, measure_layers(b, list), false);
	add(v, list, measure_hops(a, list), true);
	add(v, list, measure_hops(b, list), true);
}

static double clock_error(const struct model *m)
{
	double most = 0;

	for (unsigned int i = 0; i < m->domain_count; i++)
		most = fmax(most, (double)m->domains[i].error_ns);
	return most;
}

struct versus *versus_create(const struct model *a, const char *a_name, const struct model *b,
			     const char *b_name)
{
	struct versus *v = calloc(1, sizeof(*v));
	struct sequence s[2] = {{0}};
	struct random random;

	if (v)
		v->rows = calloc(2 * MEASURES_MAX, sizeof(*v->rows));
	if (!v || !v->rows || sequence_of(&s[0], a) || sequence_of(&s[1], b)) {
		err_set("out of memory for a comparison");
		versus_free(v);
		v = NULL;
		goto out;
	}
	random_seed(&random, SEED);
	snprintf(v->name[0], sizeof(v->name[0]), "%s (%s)", a_name, place_name(a->place));
	snprintf(v->name[1], sizeof(v->name[1]), "%s (%s)", b_name, place_name(b->place));
	v->requests[0] = s[0].count;
	v->requests[1] = s[1].count;
	v->floor_ns = fmax(clock_error(a), clock_error(b));
	choose_rows(v, a, b);
	for (int i = 0; i < v->count; i++)
		fill(&v->rows[i], s, &random);
	correct(v);
	decide(v);
out:
	sequence_free(&s[0]);
	sequence_free(&s[1]);
	return v;
}

void versus_free(struct versus *v)
{
	if (v)
		free(v->rows);
	free(v);
}
