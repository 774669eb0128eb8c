/* What is said of results: of recorded sessions of this machine's kind, with nothing changed
 * and with 10 % added to one path; of samples whose noise is known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/suite/judge.h"
#include "lib/err.h"

#define RECORDED         "tests/unit/bench/recorded.json"
#define RECORDED_RESULTS 19
#define SEED             1

/* Twice two sessions of the same seed on one machine (strata bench --quick --runs 20), while it
 * had other work to do than this. */
struct recorded {
	json_t *file;
	struct results a, b;
};

static void read_pair(struct recorded *r, const char *a, const char *b)
{
	r->file = json_load_file(RECORDED, 0, NULL);
	assert_non_null(r->file);
	assert_int_equal(results_read(&r->a, json_object_get(r->file, a), a), 0);
	assert_int_equal(results_read(&r->b, json_object_get(r->file, b), b), 0);
	assert_int_equal(r->a.count, RECORDED_RESULTS);
	assert_int_equal(r->a.count, r->b.count);
}

static void read_recorded(struct recorded *r)
{
	read_pair(r, "a", "b");
}

static void free_recorded(struct recorded *r)
{
	results_free(&r->a);
	results_free(&r->b);
	json_decref(r->file);
}

static size_t differences(const struct results *a, const struct results *b, size_t *tested)
{
	size_t count, n = 0;
	struct comparison *c = judge_pairs(a, b, SEED, &count);

	assert_non_null(c);
	*tested = 0;
	for (size_t i = 0; i < count; i++) {
		*tested += c[i].verdict == VERDICT_SAME || c[i].verdict == VERDICT_BETTER ||
			   c[i].verdict == VERDICT_WORSE;
		n += c[i].verdict == VERDICT_BETTER || c[i].verdict == VERDICT_WORSE;
	}
	free(c);
	return n;
}

static void nothing_differs_between_two_sessions(void **state)
{
	static const char *const pairs[][2] = {{"a", "b"}, {"c", "d"}};
	size_t apart = 0, all = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
		struct recorded r;
		size_t tested;

		read_pair(&r, pairs[i][0], pairs[i][1]);
		apart += differences(&r.a, &r.b, &tested);
		all += tested;
		free_recorded(&r);
	}
	assert_int_equal(all, 2 * RECORDED_RESULTS);
	assert_true(20 * apart <= all); /* the same in 19 of 20 at least */
}

static void nothing_differs_between_twins(void **state)
{
	struct recorded r;
	struct random random;
	double p[RECORDED_RESULTS];
	size_t n = 0, apart = 0;

	(void)state;
	read_recorded(&r);
	random_seed(&random, SEED);
	for (size_t i = 0; i < r.a.count; i++)
		p[n++] = judge_noise(&r.a.of[i], &random).p;
	for (size_t i = 0; i < n; i++)
		apart += p[i] < 0.01;
	assert_true(apart <= 1);
	statistics_holm(p, n);
	for (size_t i = 0; i < n; i++)
		assert_true(p[i] >= JUDGE_P_MAX);
	free_recorded(&r);
}

static enum verdict verdict_of(const struct results *a, const struct results *b,
			       const char *name)
{
	size_t count;
	struct comparison *c = judge_pairs(a, b, SEED, &count);
	enum verdict v = VERDICT_MISSING;

	assert_non_null(c);
	for (size_t i = 0; i < count; i++)
		if (!strcmp((c[i].a ? c[i].a : c[i].b)->name, name))
			v = c[i].verdict;
	free(c);
	return v;
}

static struct result *result_of(struct results *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (!strcmp(r->of[i].name, name))
			return &r->of[i];
	fail_msg("no %s", name);
	return NULL;
}

static void scale(struct result *x, double by)
{
	for (size_t i = 0; i < x->n; i++)
		x->value[i] *= by;
}

/* Of a recorded result, and of no other. */
static void keep_only(struct results *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->of[i].name, name) != 0)
			r->of[i].n = 0;
}

static void a_slowdown_of_a_tenth_is_found(void **state)
{
	static const char *const paths[] = {"exit.pio.user", "exit.mmio.user", "exit.cpuid"};

	(void)state;
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		struct recorded r;

		read_recorded(&r);
		keep_only(&r.a, paths[i]);
		assert_int_equal(verdict_of(&r.a, &r.b, paths[i]), VERDICT_SAME);
		scale(result_of(&r.b, paths[i]), 1.1);
		assert_int_equal(verdict_of(&r.a, &r.b, paths[i]), VERDICT_WORSE);
		assert_int_equal(verdict_of(&r.b, &r.a, paths[i]), VERDICT_BETTER);
		free_recorded(&r);
	}
}

/* Among all the others, whose number it is corrected for. */
static void a_slowdown_is_found_among_many(void **state)
{
	struct recorded r;
	size_t tested;

	(void)state;
	read_recorded(&r);
	scale(result_of(&r.b, "exit.mmio.user"), 1.1);
	assert_in_range(differences(&r.a, &r.b, &tested), 1, 2);
	assert_int_equal(tested, RECORDED_RESULTS);
	free_recorded(&r);
}

/* ---- samples whose noise is known ---- */

#define N       20
#define RESULTS 6

/* About normal: the sum of twelve uniform numbers. */
static double normal(struct random *r)
{
	double sum = -6;

	for (int i = 0; i < 12; i++)
		sum += (double)random_below(r, 1 << 30) / (1 << 30);
	return sum;
}

struct made {
	double value[RESULTS][N];
	bool twin[N];
	char name[RESULTS][8];
	struct result of[RESULTS];
	struct results all;
};

static void make(struct made *m, double noise, struct random *r)
{
	m->all = (struct results){.of = m->of, .count = RESULTS};
	for (size_t i = 0; i < RESULTS; i++) {
		snprintf(m->name[i], sizeof(m->name[i]), "r%zu", i);
		m->of[i] = (struct result){.name = m->name[i],
					   .unit = "ns",
					   .value = m->value[i],
					   .twin = m->twin,
					   .n = N};
		for (size_t k = 0; k < N; k++) {
			m->value[i][k] = 1000 * (1 + noise * normal(r));
			m->twin[k] = k % 2;
		}
	}
}

static void error_rates_are_as_promised(void **state)
{
	static struct made a, b;
	size_t wrong = 0, found = 0, all;
	struct random r;

	(void)state;
	random_seed(&r, SEED);
	for (int i = 0; i < 10; i++) {
		make(&a, 0.03, &r);
		make(&b, 0.03, &r);
		scale(&b.of[0], 1.1);
		all = differences(&a.all, &b.all, &(size_t){0});
		found += verdict_of(&a.all, &b.all, "r0") == VERDICT_WORSE;
		wrong += all > 1;
	}
	/* nothing else in any but one, and the real difference in all but one */
	assert_true(wrong <= 1);
	assert_true(found >= 9);
}

static void the_direction_and_the_floors_count(void **state)
{
	static struct made a, b;
	struct random r;

	(void)state;
	random_seed(&r, SEED);
	make(&a, 0.001, &r);
	make(&b, 0.001, &r);
	scale(&b.of[0], 1.1);
	a.of[0].higher = b.of[0].higher = true;
	assert_int_equal(verdict_of(&a.all, &b.all, "r0"), VERDICT_BETTER);
	a.of[0].floor = 150;
	assert_int_equal(verdict_of(&a.all, &b.all, "r0"), VERDICT_SAME);
	scale(&b.of[1], 1.005); /* certain, but less than 1 % */
	assert_int_equal(verdict_of(&a.all, &b.all, "r1"), VERDICT_SAME);
	scale(&b.of[2], 1.02);
	assert_int_equal(verdict_of(&a.all, &b.all, "r2"), VERDICT_WORSE);
	for (size_t k = 1; k < N; k += 2)
		a.of[2].value[k] *= 1.03; /* twins that are further apart than that */
	assert_int_equal(verdict_of(&a.all, &b.all, "r2"), VERDICT_SAME);
}

static void few_samples_and_missing_ones_are_said(void **state)
{
	static struct made a, b;
	struct random r;

	(void)state;
	random_seed(&r, SEED);
	make(&a, 0.01, &r);
	make(&b, 0.01, &r);
	scale(&b.of[3], 2);
	a.of[3].n = b.of[3].n = 4;
	assert_int_equal(verdict_of(&a.all, &b.all, "r3"), VERDICT_TOO_FEW);
	b.of[4].n = 0;
	assert_int_equal(verdict_of(&a.all, &b.all, "r4"), VERDICT_MISSING);
	b.of[5].subject = "virtio";
	assert_int_equal(verdict_of(&a.all, &b.all, "r5"), VERDICT_MISSING);
}

static void monitors_are_put_beside_each_other(void **state)
{
	static struct made m;
	struct comparison *c;
	struct random r;
	size_t count;

	(void)state;
	random_seed(&r, SEED);
	make(&m, 0.02, &r);
	m.all.count = 4;
	for (size_t i = 0; i < 4; i++) {
		m.of[i].name = "boot.init";
		m.of[i].subject = i < 3 ? "none" : "virtio";
		m.of[i].monitor = i == 1 ? "strata" : "another";
	}
	scale(&m.of[1], 0.8);
	c = judge_monitors(&m.all, SEED, &count);
	assert_non_null(c);
	assert_int_equal(count, 2);
	for (size_t i = 0; i < 2; i++) {
		assert_ptr_equal(c[i].b, &m.of[1]);
		assert_int_equal(c[i].verdict, VERDICT_BETTER);
		assert_true(c[i].p_holm >= c[i].p);
	}
	free(c);
	scale(&m.of[1], 1.25);
	c = judge_monitors(&m.all, SEED, &count);
	assert_int_equal(c[0].verdict, VERDICT_SAME);
	free(c);
}

/* Where all of a round's samples share what the machine did meanwhile, pairs tell what samples
 * of two sources do not. */
static void of_machines_side_by_side_pairs_are_judged(void **state)
{
	static struct made m;
	unsigned int round[N];
	struct comparison *c;
	struct random r;
	size_t count;

	(void)state;
	random_seed(&r, SEED);
	make(&m, 0.02, &r);
	m.all.count = 2;
	for (size_t k = 0; k < N; k++) {
		round[k] = (unsigned int)k;
		for (size_t i = 0; i < 2; i++)
			m.of[i].value[k] *= 1 + (double)(k % 5);
	}
	for (size_t i = 0; i < 2; i++) {
		m.of[i].round = round;
		m.of[i].name = "nginx.rps";
		m.of[i].subject = "virtio";
		m.of[i].monitor = i ? "strata" : "another";
	}
	scale(&m.of[1], 0.9);
	c = judge_monitors(&m.all, SEED, &count);
	assert_int_equal(count, 1);
	assert_int_equal(c->verdict, VERDICT_SAME);
	free(c);
	m.all.paired = true;
	c = judge_monitors(&m.all, SEED, &count);
	assert_int_equal(c->verdict, VERDICT_BETTER);
	assert_true(c->ratio > 0.87 && c->ratio < 0.93);
	assert_true(c->interval.low < c->ratio && c->ratio < c->interval.high);
	free(c);

	/* a round that one of them lacks is no pair */
	m.of[0].n = 5;
	m.of[1].round = round + 4;
	m.of[1].value += 4;
	m.of[1].n = 5;
	c = judge_monitors(&m.all, SEED, &count);
	assert_true(c->p >= 1);
	assert_int_equal(c->verdict, VERDICT_TOO_FEW);
	free(c);
}

/* ---- documents that anyone may have written ---- */

static void odd_documents_are_refused(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{'schema': 'strata.bench/2', 'results': []}",
		"{'schema': 'strata.bench/1', 'results': {}}",
		"{'schema': 'strata.bench/1', 'results': [{}]}",
		"{'schema': 'strata.bench/1', 'results': [3]}",
		"{'schema': 'strata.bench/1', 'results': [{'name': 'a', 'unit': 'ns', "
		"'better': 'lower'}]}",
		"{'schema': 'strata.bench/1', 'results': [{'name': 'a', 'unit': 'ns', "
		"'better': 'lower', 'samples': [1, 'two']}]}",
		"{'schema': 'strata.bench/1', 'turns': 2, 'results': [{'name': 'a', 'unit': 'ns', "
		"'better': 'lower', 'samples': [1, 2], 'rounds': [0]}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		char text[256];
		struct results r;
		json_t *o;

		strncpy(text, texts[i], sizeof(text) - 1);
		text[sizeof(text) - 1] = '\0';
		for (char *p = text; *p; p++)
			if (*p == '\'')
				*p = '"';
		o = json_loads(text, 0, NULL);
		assert_non_null(o);
		assert_int_equal(results_read(&r, o, "it"), -1);
		assert_non_null(strstr(err_text(), "it"));
		json_decref(o);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_differs_between_two_sessions),
		cmocka_unit_test(nothing_differs_between_twins),
		cmocka_unit_test(a_slowdown_of_a_tenth_is_found),
		cmocka_unit_test(a_slowdown_is_found_among_many),
		cmocka_unit_test(error_rates_are_as_promised),
		cmocka_unit_test(the_direction_and_the_floors_count),
		cmocka_unit_test(few_samples_and_missing_ones_are_said),
		cmocka_unit_test(monitors_are_put_beside_each_other),
		cmocka_unit_test(of_machines_side_by_side_pairs_are_judged),
		cmocka_unit_test(odd_documents_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
