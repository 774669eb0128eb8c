/*
 * The whole way from a recording to the model, against synthetic recordings whose truth is
 * known: every hop of every request, the identity of the sums, delays that must show in one
 * layer and no other, losses, lies about the clock, and files that are cut or damaged.
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
#include "tracer/analyse.h"
#include "tracer/attribution.h"
#include "tracer/json.h"
#include "tracer/kinds.h"
#include "tracer/print.h"
#include "tracer/synthetic.h"

#define TRUTHS_MAX 5000

static char path[64];

static struct {
	struct synthetic_truth at[TRUTHS_MAX];
	unsigned int count;
} truths;

static void remember(void *ctx, const struct synthetic_truth *truth)
{
	(void)ctx;
	assert_true(truths.count < TRUTHS_MAX);
	truths.at[truths.count++] = *truth;
}

static const struct synthetic_truth *truth_of(const struct request *r)
{
	for (unsigned int i = 0; i < truths.count; i++)
		if (truths.at[i].flow == r->http.flow &&
		    truths.at[i].request_seq == r->http.request_seq)
			return &truths.at[i];
	fail_msg("a request that never was: %s %s", r->http.method, r->http.path);
	return NULL;
}

static struct model *analysed(const struct synthetic_options *o)
{
	const struct analyse_options options = {.requests_max = TRUTHS_MAX, .window = 20000};
	struct model *m = NULL;

	truths.count = 0;
	assert_int_equal(synthetic_create(path, o, remember, NULL), 0);
	if (analyse(path, &options, &m))
		fail_msg("%s", err_text());
	return m;
}

/* Layers and unattributed slice are the whole, to the nanosecond. */
static void check_identity(const struct model *m, const struct request *r)
{
	uint64_t sum = r->unattributed_ns[0] + r->unattributed_ns[1];

	if (!r->measured)
		return;
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		sum += r->layer_ns[layer][0] + r->layer_ns[layer][1];
	assert_int_equal(sum, r->end_to_end_ns);
	assert_int_equal(r->end_to_end_ns,
			 r->hops[m->last].time_ns - r->hops[r->first].time_ns);
}

static bool is_context(int hop)
{
	return hop == HOP_VFIO_IRQ || hop == HOP_VHOST_RX_WAKE || hop == HOP_VHOST_RX_RUN ||
	       hop == HOP_KVM_IRQ || hop == HOP_VCPU_WAKE || hop == HOP_VCPU_RUN ||
	       hop == HOP_KVM_ENTRY || hop == HOP_KVM_EXIT || hop == HOP_KVM_KICK ||
	       hop == HOP_VHOST_TX_WAKE || hop == HOP_VHOST_TX_RUN;
}

/* Context hops are the truth's only where nothing else goes on at the time. */
static void check_truth(const struct model *m, const struct request *r, bool contexts)
{
	const struct synthetic_truth *truth = truth_of(r);

	assert_int_equal(r->http.request_end, truth->request_end);
	if (r->http.answered)
		assert_int_equal(r->http.reply_end, truth->reply_end);
	for (int hop = 0; hop < HOP_COUNT; hop++) {
		const struct hop_seen *seen = &r->hops[hop];
		uint64_t error_ns = m->domains[seen->domain].error_ns;
		uint64_t off;

		if (!(seen->flags & HOP_SEEN) || (is_context(hop) && !contexts))
			continue;
		if (!truth->time_ns[hop])
			fail_msg("%s was seen and never happened", hop_table[hop].name);
		off = seen->time_ns > truth->time_ns[hop] ? seen->time_ns - truth->time_ns[hop]
							  : truth->time_ns[hop] - seen->time_ns;
		if (off > error_ns)
			fail_msg("%s is off by %llu ns", hop_table[hop].name,
				 (unsigned long long)off);
	}
}

static void check_all_seen(const struct request *r)
{
	const struct synthetic_truth *truth = truth_of(r);

	for (int hop = 0; hop < HOP_COUNT; hop++)
		if (truth->time_ns[hop] && !(r->hops[hop].flags & HOP_SEEN))
			fail_msg("%s was not seen", hop_table[hop].name);
}

/* Nothing was lost: everything must be found, and found right. */
static void check_faithful(const struct synthetic_options *o)
{
	struct model *m = analysed(o);
	bool contexts = o->connections <= 1 && o->pipeline <= 1;

	assert_int_equal(m->seen, o->requests);
	assert_int_equal(m->request_count, o->requests);
	assert_int_equal(m->complete, o->requests);
	assert_int_equal(m->measured, o->requests);
	assert_int_equal(m->violations, 0);
	assert_int_equal(m->events_unaligned + m->events_rejected + m->forgotten, 0);
	assert_true(m->recording.complete);
	for (size_t i = 0; i < m->request_count; i++) {
		check_identity(m, &m->requests[i]);
		check_truth(m, &m->requests[i], contexts);
		if (contexts)
			check_all_seen(&m->requests[i]);
	}
	model_free(m);
}

static const enum strata_place places[] = {PLACE_EMULATED,    PLACE_VIRTIO,    PLACE_VHOST,
					   PLACE_PASSTHROUGH, PLACE_CONTAINER, PLACE_BARE};

#define PLACES (sizeof(places) / sizeof(places[0]))

static void test_faithful(void **state)
{
	static const struct synthetic_options base = {.seed = 1,
						      .place = PLACE_VIRTIO,
						      .requests = 150,
						      .reply_bytes = 615,
						      .guest_offset_ns = -123456789,
						      .guest_drift = 1e-5};

	(void)state;
	for (unsigned int variant = 0; variant < PLACES * 16; variant++) {
		struct synthetic_options o = base;

		o.seed = variant;
		o.place = places[variant % PLACES];
		switch (variant / PLACES) {
		case 0:
			break;
		case 1:
			o.ipv6 = true;
			break;
		case 2:
			o.wrap = true;
			o.per_connection = 7;
			break;
		case 3:
			o.chunked = true;
			break;
		case 4:
			o.reply_bytes = 50000;
			break;
		case 5:
			o.reply_bytes = 50000;
			o.merge = true;
			break;
		case 6:
			o.segment_bytes = 100;
			o.chunked = true;
			break;
		case 7:
			o.connections = 16;
			o.per_connection = 1;
			break;
		case 8:
			o.remote_client = true;
			break;
		case 9:
			o.poll_permille = 500;
			break;
		case 10:
			o.retransmit_permille = 100;
			break;
		case 11:
			o.duplicate_permille = 100;
			break;
		case 12:
			o.pipeline = 4;
			break;
		case 13:
			o.pipeline = 4;
			o.connections = 8;
			o.merge = true;
			break;
		case 14:
			o.guest_offset_ns = 987654321000;
			o.guest_drift = -5e-5;
			break;
		case 15:
			o.reply_bytes = 0;
			o.wrap = true;
			o.segment_bytes = 50;
			break;
		}
		check_faithful(&o);
	}
}

static void test_retransmissions_are_counted(void **state)
{
	struct synthetic_options o = {
		.seed = 5, .place = PLACE_VIRTIO, .requests = 400, .duplicate_permille = 200};
	struct model *m = analysed(&o);

	(void)state;
	assert_in_range(m->http.retransmitted, 40, 140);
	model_free(m);
	/* lost before the wire: only the client's own packets tell */
	o.duplicate_permille = 0;
	o.retransmit_permille = 200;
	m = analysed(&o);
	assert_in_range(m->retransmits, 40, 140);
	assert_int_equal(m->http.retransmitted, 0);
	model_free(m);
	o.retransmit_permille = 0;
	m = analysed(&o);
	assert_int_equal(m->retransmits + m->http.retransmitted, 0);
	model_free(m);
}

static uint64_t p50(struct model *m, int layer, int d)
{
	return quantile_at(&m->layers[layer][d].took, 0.5);
}

/* A delay at a hop shows in that hop's layer and direction and in no other. */
static void test_delays(void **state)
{

	(void)state;
	for (unsigned int p = 0; p < PLACES; p++) {
		struct synthetic_options o = {.seed = 3,
					      .place = places[p],
					      .requests = 60,
					      .guest_offset_ns = 55555,
					      .guest_drift = 1e-5};
		struct model *plain = analysed(&o);

		o.delay_ns = 5000000;
		for (int hop = 0; hop < HOP_CLIENT_RECV; hop++) {
			struct model *m;

			if (!(hop_table[hop].places & (unsigned int)places[p]) ||
			    hop == HOP_GUEST || hop_is_upcall(hop))
				continue;
			o.delay_hop = (enum strata_hop)hop;
			m = analysed(&o);
			for (int layer = 0; layer < LAYER_COUNT; layer++)
				for (int d = 0; d < DIRECTION_COUNT; d++) {
					bool here = layer == (int)hop_table[hop].layer &&
						    d == (int)hop_table[hop].direction;
					uint64_t want =
						p50(plain, layer, d) + (here ? o.delay_ns : 0);

					assert_in_range(p50(m, layer, d) + 100, want,
							want + 200);
				}
			model_free(m);
		}
		model_free(plain);
	}
}

static void test_losses(void **state)
{
	struct synthetic_options o = {.seed = 9,
				      .place = PLACE_VIRTIO,
				      .requests = 1000,
				      .connections = 4,
				      .lose_permille = 20,
				      .per_connection = 10};
	struct model *m = analysed(&o);
	uint64_t missing = 0;

	(void)state;
	assert_int_equal(m->seen, 1000);
	assert_int_equal(m->complete + m->partial, 1000);
	assert_true(m->partial > 200);
	assert_int_equal(m->events + model_lost(m), 1000 * (33 + 3)); /* hops and exits */
	assert_int_equal(m->violations, 0);
	for (size_t i = 0; i < m->request_count; i++) {
		check_identity(m, &m->requests[i]);
		check_truth(m, &m->requests[i], false);
	}
	for (int hop = 0; hop < HOP_COUNT; hop++)
		missing += m->hops[hop].missing;
	assert_true(missing >= m->partial);
	/* what nobody can split is said to be so */
	assert_true(m->unattributed.sum > 0);
	model_free(m);
}

/* A wrong TSC offset breaks causality, and that is found out. */
static void test_misaligned_clock(void **state)
{
	static const int64_t lies[] = {-300000, 60000, 300000};
	struct synthetic_options o = {.seed = 2, .place = PLACE_VIRTIO, .requests = 50};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct model *m;

		o.misalign_ns = lies[i];
		m = analysed(&o);
		assert_int_equal(m->seen, 50);
		assert_true(m->violations >= 50);
		assert_true(m->pairs_across > 0);
		for (size_t n = 0; n < m->request_count; n++)
			check_identity(m, &m->requests[n]);
		model_free(m);
	}
}

/* Little memory: the same answers, as long as what is open fits. */
static void test_small_windows(void **state)
{
	struct synthetic_options o = {
		.seed = 4, .place = PLACE_VIRTIO, .requests = 2000, .connections = 8};
	struct analyse_options options = {
		.requests_max = 10,
		.window = 50000,
		.join = {.grace_ns = 5000000,
			 .observations_max = 3000,
			 .flow_max = 500,
			 .flows_max = 16,
			 .contexts_max = 20000},
	};
	struct model *m;

	(void)state;
	assert_int_equal(synthetic_create(path, &o, NULL, NULL), 0);
	assert_int_equal(analyse(path, &options, &m), 0);
	assert_int_equal(m->complete, 2000);
	assert_int_equal(m->request_count, 10);
	model_free(m);
}

/* The same file gives the same answer, byte for byte. */
static void test_repeatable(void **state)
{
	struct synthetic_options o = {.seed = 8,
				      .place = PLACE_VIRTIO,
				      .requests = 500,
				      .connections = 4,
				      .lose_permille = 5};
	const struct json_options with_requests = {.requests = true};
	char *text[2];

	(void)state;
	assert_int_equal(synthetic_create(path, &o, NULL, NULL), 0);
	for (int i = 0; i < 2; i++) {
		struct model *m;
		size_t bytes;
		FILE *f = open_memstream(&text[i], &bytes);

		assert_int_equal(analyse(path, NULL, &m), 0);
		assert_int_equal(print_report(m, f), 0);
		assert_int_equal(json_report(m, &with_requests, f), 0);
		fclose(f);
		model_free(m);
	}
	assert_string_equal(text[0], text[1]);
	free(text[0]);
	free(text[1]);
}

static uint8_t *load(size_t *bytes)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = malloc(1 << 20);

	*bytes = fread(data, 1, 1 << 20, f);
	fclose(f);
	return data;
}

static void try_damaged(const uint8_t *data, size_t bytes)
{
	const struct analyse_options options = {.requests_max = 10, .window = 1000};
	FILE *f = fopen(path, "wb"), *null = fopen("/dev/null", "w");
	struct model *m = NULL;

	assert_int_equal(fwrite(data, 1, bytes, f), bytes);
	fclose(f);
	err_set("%s", "");
	if (analyse(path, &options, &m)) {
		assert_non_null(strstr(err_text(), path));
	} else {
		for (size_t i = 0; i < m->request_count; i++)
			check_identity(m, &m->requests[i]);
		assert_int_equal(print_report(m, null), 0);
		assert_int_equal(json_report(m, NULL, null), 0);
		model_free(m);
	}
	fclose(null);
}

static void test_cut_and_damaged(void **state)
{
	struct synthetic_options o = {.seed = 6, .place = PLACE_VIRTIO, .requests = 3};
	size_t bytes;
	uint8_t *data;

	(void)state;
	assert_int_equal(synthetic_create(path, &o, NULL, NULL), 0);
	data = load(&bytes);
	for (size_t n = 0; n < bytes; n++) {
		try_damaged(data, n);
		data[n] ^= 0x55;
		try_damaged(data, bytes);
		data[n] ^= 0x55;
	}
	free(data);
}

static void test_no_meta(void **state)
{
	struct recording_writer *w = recording_create(path);
	struct model *m;

	(void)state;
	assert_int_equal(recording_close(w), 0);
	assert_int_equal(analyse(path, NULL, &m), -1);
	assert_non_null(strstr(err_text(), "does not say where the server ran"));
	assert_int_equal(analyse("/no/such/file", NULL, &m), -1);
	assert_non_null(strstr(err_text(), "/no/such/file"));
}

/* A guest whose clock nobody related to the host's: its events are left out, and counted. */
static void test_unaligned_guest(void **state)
{
	struct recording_writer *w = recording_create(path);
	json_t *meta = json_pack("{s:s,s:o,s:[{s:i,s:s}]}", "place", "virtio", "event_kinds",
				 kinds_meta(), "domains", "domain", 1, "name", "guest:web");
	struct strata_event e = {.domain = 1, .hop = HOP_STACK_RX, .time_ns = 5};
	struct model *m;

	(void)state;
	assert_int_equal(recording_meta(w, meta), 0);
	json_decref(meta);
	assert_int_equal(recording_event(w, &e), 0);
	e.hop = 999;
	e.domain = 0;
	assert_int_equal(recording_event(w, &e), 0);
	assert_int_equal(recording_close(w), 0);
	assert_int_equal(analyse(path, NULL, &m), 0);
	assert_int_equal(m->events, 2);
	assert_int_equal(m->events_unaligned, 1);
	assert_int_equal(m->events_rejected, 1);
	assert_false(m->domains[1].aligned);
	model_free(m);
}

/* Of each kind as many as the mode makes a request take. */
static void test_exits_are_counted(void **state)
{
	static const struct {
		enum strata_place place;
		uint64_t exits, mmio, interrupts;
	} cases[] = {
		{PLACE_EMULATED, 6, 4, 1},
		{PLACE_VIRTIO, 3, 1, 1},
		{PLACE_VHOST, 3, 1, 1},
		{PLACE_PASSTHROUGH, 2, 0, 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct synthetic_options o = {
			.seed = 1, .place = cases[i].place, .requests = 100};
		struct model *m = analysed(&o);

		assert_in_range(m->exits_per_request.count, 99, 100);
		assert_int_equal(m->exits_per_request.min, cases[i].exits);
		assert_int_equal(m->exits_per_request.max, cases[i].exits);
		assert_int_equal(m->exits[EXIT_KIND_MMIO].per_request.max, cases[i].mmio);
		assert_int_equal(m->exits[EXIT_KIND_HALT].seen, 100);
		assert_int_equal(m->interrupts_per_request.min, cases[i].interrupts);
		assert_int_equal(m->interrupts_per_request.max, cases[i].interrupts);
		model_free(m);
	}
}

static void test_containers_have_no_exits(void **state)
{
	struct synthetic_options o = {.seed = 1, .place = PLACE_CONTAINER, .requests = 10};
	struct model *m = analysed(&o);

	(void)state;
	assert_int_equal(m->exits_per_request.count, 0);
	assert_int_equal(m->interrupts_per_request.count, 0);
	model_free(m);
}

static struct model *recorded(json_t *meta, const struct strata_event *events, size_t count)
{
	struct recording_writer *w = recording_create(path);
	struct model *m;

	assert_int_equal(recording_meta(w, meta), 0);
	json_decref(meta);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(recording_event(w, &events[i]), 0);
	assert_int_equal(recording_close(w), 0);
	assert_int_equal(analyse(path, NULL, &m), 0);
	return m;
}

/* A name that is too long is cut between characters: JSON would have none of it otherwise. */
static void test_long_names(void **state)
{
	static const struct {
		const char *character;
		size_t bytes;
	} rows[] = {
		{"x", 31}, {"\xc3\xa9", 30}, {"\xe2\x86\x92", 30}, {"\xf0\x9f\x90\xa2", 28}};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char name[161] = "";
		struct model *m;

		for (int k = 0; k < 40; k++)
			strcat(name, rows[i].character);
		m = recorded(json_pack("{s:s,s:s}", "place", "vm", "mode", name), NULL, 0);
		assert_int_equal(strlen(m->mode), rows[i].bytes);
		model_free(m);
	}
}

/* Hops are known by their names: numbers change from version to version. */
static void test_numbers_of_other_versions(void **state)
{
	static const struct strata_event events[] = {
		{.hop = 0}, {.hop = 1}, {.hop = 9}, {.hop = 33}, {.hop = 34}};
	struct model *m = recorded(json_pack("{s:s}", "place", "vm"), events, 5);

	(void)state;
	assert_int_equal(m->place, PLACE_VIRTIO);
	assert_int_equal(m->hops[HOP_CLIENT_SEND].events, 1);
	assert_int_equal(m->hops[HOP_KVM_IRQ].events, 1);
	assert_int_equal(m->events_rejected, 1); /* the last; the one before is vcpu.out */
	model_free(m);
	m = recorded(json_pack("{s:s,s:[s,s,s]}", "place", "vhost", "event_kinds", "kvm.irq",
			       "of.tomorrow", "client.send"),
		     events, 3);
	assert_int_equal(m->place, PLACE_VHOST);
	assert_int_equal(m->hops[HOP_KVM_IRQ].events, 1);
	assert_int_equal(m->hops[HOP_CLIENT_SEND].events, 0);
	assert_int_equal(m->events_rejected, 2);
	model_free(m);
}

/* In steps, with blocks that appear one by one: the same requests, the same figures. */
static void test_in_steps(void **state)
{
	const struct synthetic_options o = {.seed = 5,
					    .place = PLACE_VIRTIO,
					    .requests = 3000,
					    .connections = 8,
					    .reply_bytes = 600,
					    .guest_offset_ns = 77777,
					    .delay_hop = HOP_NGINX_PROCESS,
					    .delay_ns = 10000000};
	const struct analyse_options growing = {
		.requests_max = 100, .latest = true, .growing = true};
	struct model *whole = analysed(&o);
	char part[80];
	struct analysis *a;
	struct model *m;
	FILE *from = fopen(path, "r"), *to;
	int steps = 0;

	(void)state;
	snprintf(part, sizeof(part), "%s.part", path);
	to = fopen(part, "w");
	for (int i = 0; i < 16; i++) /* the header, and no block yet */
		fputc(fgetc(from), to);
	fflush(to);
	a = analysis_open(part, &growing);
	assert_non_null(a);
	assert_int_equal(analysis_step(a, UINT64_MAX), 0);
	for (int c = fgetc(from), n = 0; c != EOF; c = fgetc(from)) {
		fputc(c, to);
		if (++n % 100000)
			continue;
		fflush(to);
		steps += analysis_step(a, UINT64_MAX);
	}
	fclose(to);
	assert_true(analysis_step(a, UINT64_MAX) >= 0 && steps > 1);
	assert_int_equal(analysis_until_now(a), 0);
	assert_true(analysis_model(a)->seen > 0 && analysis_model(a)->seen <= whole->seen);
	assert_int_equal(analysis_finish(a), 0);
	m = analysis_take(a);
	assert_int_equal(m->seen, whole->seen);
	assert_int_equal(m->complete, whole->complete);
	assert_int_equal(m->events, whole->events);
	/* the latest, each in its place */
	assert_int_equal(m->request_count, 100);
	for (unsigned int i = 0; i < 100; i++) {
		assert_true(m->requests[i].number > m->seen - 100);
		assert_int_equal((m->requests[i].number - 1) % 100, i);
	}
	fclose(from);
	unlink(part);
	model_free(m);
	model_free(whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_steps),
		cmocka_unit_test(test_faithful),
		cmocka_unit_test(test_retransmissions_are_counted),
		cmocka_unit_test(test_delays),
		cmocka_unit_test(test_losses),
		cmocka_unit_test(test_misaligned_clock),
		cmocka_unit_test(test_small_windows),
		cmocka_unit_test(test_repeatable),
		cmocka_unit_test(test_cut_and_damaged),
		cmocka_unit_test(test_no_meta),
		cmocka_unit_test(test_unaligned_guest),
		cmocka_unit_test(test_long_names),
		cmocka_unit_test(test_numbers_of_other_versions),
		cmocka_unit_test(test_exits_are_counted),
		cmocka_unit_test(test_containers_have_no_exits),
	};
	int failed, fd;

	snprintf(path, sizeof(path), "/tmp/strata-test-analyse.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return 1;
	close(fd);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	unlink(path);
	return failed;
}
