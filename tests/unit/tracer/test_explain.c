/*
 * Explanations of synthetic recordings whose truth is known: the right layer and the right
 * cause take the blame, for the time that was put in; and where nothing is known, it says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/offcpu.h"
#include "tracer/analyse.h"
#include "tracer/explain.h"
#include "tracer/synthetic.h"

#define DELAY_NS 20000000u

static char path[64];
static struct model *m;
static struct explanation e;

static void explain_synthetic(const struct synthetic_options *o)
{
	model_free(m);
	assert_int_equal(synthetic_create(path, o, NULL, NULL), 0);
	if (analyse(path, NULL, &m) || explain(m, &e))
		fail_msg("%s", err_text());
}

static struct synthetic_options slow_at(enum strata_hop hop, uint16_t off)
{
	return (struct synthetic_options){.seed = 5,
					  .place = PLACE_VIRTIO,
					  .requests = 1000,
					  .connections = 2,
					  .delay_hop = hop,
					  .delay_ns = DELAY_NS,
					  .delay_permille = 20,
					  .delay_told = true,
					  .delay_off = off};
}

/* That cause, in that layer, for as long as was put in; and nothing else. */
static void expect(enum cause cause, enum strata_layer layer, enum strata_hop hop)
{
	const struct finding *f = &e.findings[0];

	assert_int_equal(e.requests, 1000);
	assert_int_equal(e.slow, 10);
	assert_true(e.finding_count >= 1);
	assert_true(f->blamed);
	assert_int_equal(f->cause, cause);
	assert_int_equal(f->layer, layer);
	assert_int_equal(f->hop, hop);
	assert_true(f->hop_share > 0.95);
	assert_true(f->more_ns > 0.95 * DELAY_NS && f->more_ns < 1.05 * DELAY_NS);
	assert_true(f->share > 0.95 && f->share < 1.05);
	assert_int_equal(f->in_slow, e.slow);
	assert_true(f->p < 0.001);
	assert_non_null(f->examples[0]);
	for (size_t i = 1; i < e.finding_count; i++)
		assert_false(e.findings[i].blamed);
}

static void test_causes(void **state)
{
	static const struct {
		enum strata_hop hop;
		uint16_t off;
		bool throttled;
		enum cause cause;
		enum strata_layer layer;
	} rows[] = {
		{HOP_NGINX_PROCESS, OFF_SERVER | OFF_BLOCKED, false, CAUSE_SLEEP,
		 LAYER_SERVICE},
		{HOP_NGINX_PROCESS,
		 OFF_SERVER | OFF_BLOCKED | OFF_WAKER_UPSTREAM << OFF_WAKER_SHIFT, false,
		 CAUSE_UPSTREAM, LAYER_SERVICE},
		{HOP_NGINX_RESPOND, OFF_SERVER | OFF_BLOCKED | OFF_DISK, false, CAUSE_DISK,
		 LAYER_SERVICE},
		{HOP_SOCK_READY, OFF_SERVER, false, CAUSE_CPU, LAYER_VM},
		{HOP_STACK_RX, OFF_VCPU, false, CAUSE_CPU, LAYER_HYPERVISOR},
		{HOP_APP_READ, OFF_VCPU, true, CAUSE_QUOTA, LAYER_HYPERVISOR},
		{HOP_PORT_XMIT, OFF_VMM, false, CAUSE_CPU, LAYER_HYPERVISOR},
		{HOP_PORT_XMIT, OFF_VMM | OFF_BLOCKED | OFF_LIMITED, false, CAUSE_LIMIT,
		 LAYER_HYPERVISOR},
		{HOP_PORT_QUEUE, OFF_VCPU, false, CAUSE_QUEUE, LAYER_HYPERVISOR},
		{HOP_NIC_QUEUE, OFF_VCPU, false, CAUSE_QUEUE, LAYER_HOST},
		{HOP_CLIENT_SEND, OFF_VCPU, false, CAUSE_CLIENT, LAYER_EXTERNAL},
		{HOP_CLIENT_XMIT, OFF_VCPU, false, CAUSE_WIRE, LAYER_EXTERNAL},
		{HOP_NGINX_PROCESS, OFF_VMM, false, CAUSE_WORK, LAYER_SERVICE},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct synthetic_options o = slow_at(rows[i].hop, rows[i].off);

		o.delay_throttled = rows[i].throttled;
		explain_synthetic(&o);
		assert_int_equal(e.verdict, EXPLAIN_KNOWN);
		expect(rows[i].cause, rows[i].layer, rows[i].hop);
		assert_int_equal(e.findings[0].detail,
				 rows[i].cause == CAUSE_CPU || rows[i].cause == CAUSE_QUOTA
					 ? rows[i].off & OFF_TASK
					 : 0);
		assert_string_equal(m->actors.at[e.findings[0].actor].comm,
				    rows[i].cause == CAUSE_CPU ? "hog" : "");
	}
}

static void test_resent(void **state)
{
	struct synthetic_options o = {
		.seed = 7, .place = PLACE_VIRTIO, .requests = 1000, .retransmit_permille = 20};

	(void)state;
	explain_synthetic(&o);
	assert_int_equal(e.verdict, EXPLAIN_KNOWN);
	assert_int_equal(e.findings[0].cause, CAUSE_RESENT);
	assert_int_equal(e.findings[0].slow_p50_ns, 201000000);
}

static char *printed(void)
{
	char *text = NULL;
	size_t bytes;
	FILE *f = open_memstream(&text, &bytes);

	char *to;

	assert_int_equal(explain_print(m, &e, "a recording", f, table_style_of(f), 96), 0);
	fclose(f);
	to = text;
	/* where lines break does not matter */
	for (const char *from = text; *from; from++) {
		bool blank = *from == ' ' || *from == '\n';

		if (!blank || to == text || to[-1] != ' ')
			*to++ = blank ? ' ' : *from;
	}
	*to = '\0';
	return text;
}

static void expect_text(const char *part)
{
	char *text = printed();

	if (!strstr(text, part))
		fail_msg("not in the text: %s\n%s", part, text);
	free(text);
}

/* The place is known, the reason is not. */
static void test_where(void **state)
{
	struct synthetic_options o = slow_at(HOP_PORT_RX, OFF_VCPU);

	(void)state;
	explain_synthetic(&o);
	assert_int_equal(e.verdict, EXPLAIN_WHERE);
	expect(CAUSE_COUNT, LAYER_HYPERVISOR, HOP_PORT_RX);
	expect_text("Don't know why, but where: ");
	expect_text("in the hypervisor, at port.rx");
	expect_text("why, nothing that was recorded says");
}

/* Each slow request is slow somewhere else. */
static void test_unknown(void **state)
{
	struct synthetic_options o = slow_at(HOP_PORT_RX, 0);
	unsigned int slow = 0;

	(void)state;
	o.delay_ns = 0;
	explain_synthetic(&o);
	for (size_t i = 0; i < m->request_count; i += 97) {
		struct request *r = &m->requests[i];
		int hop = (int)(3 * slow++) % HOP_COUNT;

		for (int later = hop + 1; later < HOP_COUNT; later++)
			if (r->hops[later].flags)
				r->hops[later].time_ns += DELAY_NS;
		r->end_to_end_ns += DELAY_NS;
	}
	assert_int_equal(explain(m, &e), 0);
	assert_int_equal(e.verdict, EXPLAIN_UNKNOWN);
	expect_text("Don't know: no part of the path");
}

/* All of them are slow: none beside the others; the usual time says why. */
static void test_even(void **state)
{
	struct synthetic_options o = slow_at(HOP_PORT_QUEUE, 0);

	(void)state;
	o.delay_permille = 0;
	explain_synthetic(&o);
	assert_int_equal(e.verdict, EXPLAIN_EVEN);
	assert_int_equal(e.usually[0].cause, CAUSE_QUEUE);
	assert_int_equal(e.usually[0].hop, HOP_PORT_QUEUE);
	assert_true(e.usually[0].usual_ns > 0.95 * e.usual_ns);
	expect_text("No request is slow beside the others");
	expect_text("the hypervisor, in a queueing discipline, at port.queue");
}

static void test_too_few(void **state)
{
	struct synthetic_options o = slow_at(HOP_PORT_QUEUE, 0);

	(void)state;
	o.requests = EXPLAIN_REQUESTS_MIN - 1;
	explain_synthetic(&o);
	assert_int_equal(e.verdict, EXPLAIN_TOO_FEW);
	expect_text("Don't know: 19 requests");
	o.requests = 0;
	explain_synthetic(&o);
	assert_int_equal(e.verdict, EXPLAIN_TOO_FEW);
	json_decref(explain_json(m, &e));
}

/* What the layers took longer is what the requests took longer; the document says the same. */
static void test_document(void **state)
{
	struct synthetic_options o = slow_at(HOP_STACK_RX, OFF_VCPU);
	double sum = 0;
	json_t *doc, *finding;

	(void)state;
	o.lose_permille = 5;
	explain_synthetic(&o);
	for (int l = 0; l < LAYER_COUNT; l++)
		for (int d = 0; d < DIRECTION_COUNT; d++)
			sum += e.layers[l][d].slow_ns - e.layers[l][d].usual_ns;
	sum += e.unattributed.slow_ns - e.unattributed.usual_ns;
	assert_true(sum > e.more_ns - 1 && sum < e.more_ns + 1);
	doc = explain_json(m, &e);
	finding = json_array_get(json_object_get(doc, "findings"), 0);
	assert_string_equal(json_string_value(json_object_get(doc, "verdict")), "explained");
	assert_string_equal(json_string_value(json_object_get(finding, "cause")), "cpu.wait");
	assert_string_equal(json_string_value(json_object_get(finding, "task")), "a vCPU");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(finding, "rival"), "comm")),
		"hog");
	assert_true(json_integer_value(json_object_get(doc, "lost")) > 0);
	json_decref(doc);
	expect_text("hog (thread 4321, cgroup 99) ran instead");
	expect_text("events were lost");
}

static int setup(void **state)
{
	(void)state;
	snprintf(path, sizeof(path), "/tmp/test_explain.%d", (int)getpid());
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	model_free(m);
	return unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_causes),   cmocka_unit_test(test_resent),
		cmocka_unit_test(test_where),    cmocka_unit_test(test_unknown),
		cmocka_unit_test(test_even),     cmocka_unit_test(test_too_few),
		cmocka_unit_test(test_document),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
