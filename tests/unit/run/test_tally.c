/* Blame: what grew from one cell to the other, and who had the CPU instead. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/run/tally.h"

#define REQUESTS 4

/* Requests that wait so long for a CPU that the actors had by turns. */
static void fill(struct model *m, uint64_t wait_ns)
{
	if (!m->requests)
		m->requests = calloc(REQUESTS, sizeof(*m->requests));
	assert_non_null(m->requests);
	for (int i = 0; i < REQUESTS; i++) {
		struct request *r = &m->requests[i];
		const struct request_cause wait = {.ns = wait_ns,
						   .count = 1,
						   .actor = i % 4 ? 1 : 2,
						   .layer = LAYER_HYPERVISOR,
						   .cause = CAUSE_CPU};

		*r = (struct request){.measured = true, .end_to_end_ns = 5000 + wait_ns};
		r->layer_ns[LAYER_VM][DIRECTION_REQUEST] = 4000;
		r->layer_ns[LAYER_HYPERVISOR][DIRECTION_REQUEST] = 1000 + wait_ns;
		if (wait_ns)
			causes_put(&r->causes, &wait);
	}
	m->request_count = REQUESTS;
	m->seen = REQUESTS;
	strcpy(m->actors.at[1].comm, "vcpu0");
	m->actors.at[1].vm = 2;
	m->actors.at[1].cgroup = 77;
	strcpy(m->actors.at[2].comm, "kworker");
}

static void what_grew_is_blamed(void **state)
{
	struct model *m = model_create(REQUESTS);
	static struct tally quiet, loud;
	struct blame b;

	(void)state;
	assert_non_null(m);
	fill(m, 0);
	assert_int_equal(tally_add(&quiet, m), 0);
	fill(m, 9000);
	assert_int_equal(tally_add(&loud, m), 0);
	assert_int_equal(tally_add(&loud, m), 0);
	b = tally_blame(&quiet, &loud);
	assert_true(b.any);
	assert_int_equal(b.layer, LAYER_HYPERVISOR);
	assert_int_equal(b.cause, CAUSE_CPU);
	assert_true(fabs(b.layer_grew_ns - 9000) < 1 && fabs(b.all_grew_ns - 9000) < 1);
	assert_non_null(b.rival);
	assert_string_equal(b.rival->comm, "vcpu0");
	assert_int_equal(b.rival->vm, 2);
	assert_int_equal(b.rival->cgroup, 77);
	assert_int_equal(loud.requests, 2 * REQUESTS);
	assert_int_equal(loud.rivals, 2);
	assert_true(fabs(tally_cpu_wait(&loud) - 9.0 / 14) < 1e-9);
	assert_true(fabs(tally_cpu_wait(&quiet)) < 1e-9);
	model_free(m);
}

/* Who always has the CPU for longest has it no longer than before. */
static void who_had_the_cpu_before_is_not_blamed(void **state)
{
	struct model *m = model_create(REQUESTS);
	static struct tally quiet, loud;
	struct blame b;

	(void)state;
	assert_non_null(m);
	fill(m, 9000);
	m->request_count = 1; /* the kworker's */
	assert_int_equal(tally_add(&quiet, m), 0);
	fill(m, 9000);
	m->request_count = 2; /* and one more, in whose way another VM was */
	m->requests[1].causes.at[0].ns = 8000;
	m->requests[1].parent_flow = 5;
	m->requests[1].parent_seq = 50;
	m->requests[1].client_vm = 1;
	m->requests[0].http.flow = 5;
	m->requests[0].http.request_end = 100;
	assert_int_equal(tally_add(&loud, m), 0);
	assert_string_equal(loud.rival[0].comm, "kworker");
	b = tally_blame(&quiet, &loud);
	assert_int_equal(b.cause, CAUSE_CPU);
	assert_non_null(b.rival);
	assert_int_equal(b.rival->vm, 2);
	model_free(m);
}

/* The first waits for the second, which waits for a CPU. */
static void who_was_asked_is_blamed_for_who_asked(void **state)
{
	struct model *m = model_create(REQUESTS);
	static struct tally quiet, loud;
	const struct request_cause upstream = {
		.ns = 9000, .count = 1, .layer = LAYER_SERVICE, .cause = CAUSE_UPSTREAM};
	struct blame b;

	(void)state;
	assert_non_null(m);
	fill(m, 0);
	m->request_count = 2;
	assert_int_equal(tally_add(&quiet, m), 0);
	fill(m, 9000);
	m->request_count = 2;
	m->requests[0].causes.count = 0;
	m->requests[0].layer_ns[LAYER_HYPERVISOR][DIRECTION_REQUEST] = 1000;
	m->requests[0].layer_ns[LAYER_SERVICE][DIRECTION_REPLY] = 9000;
	m->requests[0].http.flow = 5;
	m->requests[0].http.request_end = 100;
	causes_put(&m->requests[0].causes, &upstream);
	m->requests[1].client_vm = 1;
	m->requests[1].parent_flow = 5;
	m->requests[1].parent_seq = 50;
	assert_int_equal(tally_add(&loud, m), 0);
	assert_int_equal(loud.requests, 1);
	assert_int_equal(loud.asked, 1);
	assert_true(fabs(loud.layer_ns[LAYER_SERVICE]) < 1);
	b = tally_blame(&quiet, &loud);
	assert_int_equal(b.layer, LAYER_HYPERVISOR);
	assert_int_equal(b.cause, CAUSE_CPU);
	model_free(m);
}

static void nothing_is_blamed_without_requests(void **state)
{
	static struct tally none;

	(void)state;
	assert_false(tally_blame(&none, &none).any);
	assert_true(isnan(tally_mean(&none, 5)));
	assert_true(isnan(tally_cpu_wait(&none)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_grew_is_blamed),
		cmocka_unit_test(who_had_the_cpu_before_is_not_blamed),
		cmocka_unit_test(who_was_asked_is_blamed_for_who_asked),
		cmocka_unit_test(nothing_is_blamed_without_requests),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
