/* The tree of a request: who asked whom, whose time it was, and how that is told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracer/print.h"
#include "tracer/tree.h"

#define WEB   1001u
#define APP   1002u
#define CACHE 1003u

/* A request to a server, from so many milliseconds for so many, made for one of that flow. */
static struct request request(uint64_t flow, uint64_t at_ms, uint64_t took_ms, uint64_t parent)
{
	struct request r = {.http = {.flow = flow, .request_seq = 0, .request_end = 100},
			    .vm = (uint8_t)(flow - 1000),
			    .parent_flow = parent,
			    .parent_seq = 100,
			    .measured = true,
			    .first = HOP_CLIENT_XMIT,
			    .end_to_end_ns = took_ms * 1000000};

	r.hops[HOP_CLIENT_XMIT].time_ns = 5000000000 + at_ms * 1000000;
	return r;
}

/* In order of their replies: who is asked last replies first. */
static void fill(struct model *m)
{
	static const struct request_cause wait = {.ns = 25000000,
						  .layer = LAYER_HYPERVISOR,
						  .cause = CAUSE_CPU},
					  upstream = {.ns = 45000000,
						      .layer = LAYER_SERVICE,
						      .cause = CAUSE_UPSTREAM};

	m->requests = calloc(4, sizeof(*m->requests));
	assert_non_null(m->requests);
	m->requests[0] = request(CACHE, 20, 30, APP);
	m->requests[1] = request(CACHE, 50, 5, APP);
	m->requests[2] = request(APP, 10, 50, WEB);
	m->requests[3] = request(WEB, 0, 70, 0);
	m->requests[1].http.flow = 7;
	causes_put(&m->requests[0].causes, &wait);
	causes_put(&m->requests[2].causes, &upstream);
	m->request_count = 4;
	strcpy(m->requests[2].http.method, "GET");
	strcpy(m->requests[2].http.path, "/count");
}

static void what_was_asked_is_below(void **state)
{
	struct model *m = model_create(4);
	struct tree_node nodes[TREE_MAX];

	(void)state;
	assert_non_null(m);
	fill(m);
	assert_ptr_equal(tree_root(m, &m->requests[0]), &m->requests[3]);
	assert_ptr_equal(tree_root(m, &m->requests[3]), &m->requests[3]);
	assert_int_equal(tree_of(m, &m->requests[3], nodes), 4);
	assert_ptr_equal(nodes[0].r, &m->requests[3]);
	assert_ptr_equal(nodes[1].r, &m->requests[2]);
	assert_ptr_equal(nodes[2].r, &m->requests[0]);
	assert_ptr_equal(nodes[3].r, &m->requests[1]);
	assert_int_equal(nodes[3].depth, 2);
	assert_int_equal(nodes[0].own_ns, 20000000);
	assert_int_equal(nodes[1].own_ns, 15000000);
	assert_int_equal(nodes[2].own_ns, 30000000);
	assert_int_equal(nodes[2].at_ns, 20000000);
	assert_null(tree_cause(nodes, 4, 1));
	assert_int_equal(tree_cause(nodes, 4, 2)->ns, 25000000);
	model_free(m);
}

static void those_who_were_asked_at_once_count_once(void **state)
{
	struct model *m = model_create(4);
	struct tree_node nodes[TREE_MAX];

	(void)state;
	assert_non_null(m);
	fill(m);
	m->requests[1] = request(CACHE, 30, 15, APP); /* within the other */
	assert_int_equal(tree_of(m, &m->requests[2], nodes), 3);
	assert_int_equal(nodes[0].own_ns, 20000000);
	m->requests[1] = request(CACHE, 40, 1000, APP); /* beyond its parent's end */
	assert_int_equal(tree_of(m, &m->requests[2], nodes), 3);
	assert_int_equal(nodes[0].own_ns, 10000000);
	model_free(m);
}

/* A recording may say anything. */
static void circles_end(void **state)
{
	struct model *m = model_create(4);
	struct tree_node nodes[TREE_MAX];

	(void)state;
	assert_non_null(m);
	fill(m);
	m->requests[3].parent_flow = CACHE;
	m->requests[3].parent_seq = 100;
	tree_root(m, &m->requests[0]);
	assert_int_equal(tree_of(m, &m->requests[3], nodes), 4);
	m->requests[3].measured = false;
	assert_int_equal(tree_of(m, &m->requests[3], nodes), 0);
	model_free(m);
}

static void who_was_late_is_told(void **state)
{
	struct model *m = model_create(4);
	const struct table_style plain = {.utf8 = false};
	char *text;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	(void)state;
	assert_non_null(m);
	fill(m);
	print_tree(m, &m->requests[0], f, plain);
	fclose(f);
	assert_non_null(strstr(text, "Longest in the hands of"));
	assert_non_null(strstr(text, "30.0 ms of 70.0 ms"));
	assert_non_null(strstr(text, "25.0 ms in the"));
	assert_non_null(strstr(text, "GET /count"));
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
		assert_in_range(table_width(line), 1, PRINT_COLUMNS);
	free(text);
	m->request_count = 1;
	f = open_memstream(&text, &bytes);
	print_tree(m, &m->requests[0], f, plain);
	fclose(f);
	assert_int_equal(bytes, 0);
	free(text);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_asked_is_below),
		cmocka_unit_test(those_who_were_asked_at_once_count_once),
		cmocka_unit_test(circles_end),
		cmocka_unit_test(who_was_late_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
