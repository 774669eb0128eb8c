/*
 * Causes: what a hop's time was made of, from stays off the CPU, exits and packets that came
 * again. No nanosecond counts twice, and what nobody claims is the hop's own or nobody's.
 */
#include <asm/svm.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/exits.h"
#include "tests/unit/synthetic_model.h"
#include "tracer/attribution.h"
#include "tracer/contexts.h"
#include "tracer/moments.h"

#define NGINX_TID 77
#define KSOFTIRQD 15

static struct {
	struct contexts *contexts;
	struct model *m;
	struct request r;
} t;

static void see(enum strata_hop hop, uint64_t time_ns, uint8_t domain)
{
	t.r.hops[hop] = (struct hop_seen){
		.time_ns = time_ns, .domain = domain, .tid = NGINX_TID, .flags = HOP_SEEN};
}

static void begin(const char *place)
{
	json_t *meta =
		json_pack("{s:s,s:[{s:s}],s:[s],s:[i]}", "place", place, "devices", "role",
			  "client", "event_kinds", "task.off", "ksoftirqd", KSOFTIRQD);

	t.m = model_create(0);
	for (int hop = 0; hop < HOP_COUNT; hop++)
		t.m->hops[hop].events = 1;
	assert_int_equal(model_take_meta(t.m, meta), 0);
	t.m->domains[1].vm = t.m->domains[1].events = 1; /* its guest is looked into */
	t.m->domain_count = 2;
	assert_int_equal(model_conclude(t.m), 0);
	json_decref(meta);
	for (int hop = 0; hop < HOP_COUNT; hop++)
		t.m->hops[hop].expected = false; /* no gap is unattributed */
	t.r.http.answered = true;
	t.r.vm = place_is_vm(t.m->place);
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.contexts = contexts_create(1000);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	contexts_destroy(t.contexts);
	model_free(t.m);
	return 0;
}

static uint16_t rival(const char *comm, uint32_t tid)
{
	struct strata_event e = {.arg32 = tid};
	char name[16] = "";

	memcpy(name, comm, strlen(comm));
	memcpy(&e.flow, name, 8);
	memcpy(&e.packet, name + 8, 8);
	return actors_learn(&t.m->actors, &e);
}

static void add(struct observation o)
{
	o.flags = EVENT_CONTEXT;
	assert_int_equal(contexts_add(t.contexts, &o), 0);
}

/* Off the CPU from one time to another; runnable for the last ready_ns of it. */
struct off {
	uint32_t bits, tid, ready_ns, quota_ns;
	uint64_t from_ns, to_ns;
	uint16_t actor, vcpu;
	uint8_t vm, domain;
};

static void off_cpu(const struct off *off)
{
	add((struct observation){.hop = CONTEXT_TASK_OFF,
				 .time_ns = off->to_ns,
				 .len = (uint32_t)(off->to_ns - off->from_ns),
				 .seq = off->ready_ns,
				 .packet = off->quota_ns,
				 .flow = MOMENT_LONG(off->to_ns - off->from_ns) |
					 MOMENT_ABOUT(off->bits, off->actor),
				 .tid = off->tid,
				 .queue = off->vcpu,
				 .vm = off->vm,
				 .domain = off->domain});
}

static void join(void)
{
	contexts_join(t.contexts, t.m, &t.r);
	attribute(t.m, &t.r);
	assert_true(t.r.measured);
}

static const struct request_cause *find(enum strata_hop hop, enum cause cause)
{
	for (uint8_t i = 0; i < t.r.causes.count; i++)
		if (t.r.causes.at[i].hop == hop && t.r.causes.at[i].cause == cause)
			return &t.r.causes.at[i];
	return NULL;
}

static void expect(enum strata_hop hop, enum cause cause, uint64_t ns)
{
	const struct request_cause *c = find(hop, cause);

	assert_int_equal(c ? c->ns : 0, ns);
}

static void in_container(void)
{
	begin("container");
	see(HOP_CLIENT_SEND, 1000, 0);
	see(HOP_CLIENT_XMIT, 1010, 0);
	see(HOP_NIC_RX, 1100, 0);
	see(HOP_VSWITCH_IN, 1110, 0);
	see(HOP_PORT_QUEUE, 1120, 0);
	see(HOP_PORT_XMIT, 1130, 0);
	see(HOP_STACK_RX, 1140, 0);
	see(HOP_SOCK_READY, 1150, 0);
	see(HOP_APP_READ, 2000, 0);
	see(HOP_NGINX_PROCESS, 2100, 0);
	see(HOP_NGINX_RESPOND, 9000, 0);
	see(HOP_APP_WRITE, 9100, 0);
	see(HOP_STACK_QUEUE, 9200, 0);
	see(HOP_STACK_XMIT, 9210, 0);
	see(HOP_PORT_RX, 9300, 0);
	see(HOP_NIC_QUEUE, 9400, 0);
	see(HOP_NIC_XMIT, 9500, 0);
	see(HOP_CLIENT_RX, 9600, 0);
	see(HOP_CLIENT_RECV, 9700, 0);
}

static void in_vm(void)
{
	begin("virtio");
	see(HOP_CLIENT_SEND, 1000, 0);
	see(HOP_PORT_XMIT, 1100, 0);
	see(HOP_VMM_RX_READ, 1400, 0);
	see(HOP_VMM_RX_PUBLISH, 1500, 0);
	see(HOP_STACK_RX, 3000, 1);
	see(HOP_SOCK_READY, 3100, 1);
	see(HOP_APP_READ, 4000, 1);
	see(HOP_APP_WRITE, 9000, 1);
	see(HOP_STACK_XMIT, 9200, 1);
	see(HOP_VMM_TX_POP, 9500, 0);
	see(HOP_CLIENT_RECV, 9700, 0);
}

/* Each reason to sleep is one of the service's own; then its wait, by who ran instead. */
static void test_sleeps(void **state)
{
	static const struct {
		uint32_t bits;
		enum cause cause;
	} rows[] = {
		{OFF_WAKER_OTHER << OFF_WAKER_SHIFT, CAUSE_SLEEP},
		{OFF_WAKER_REQUEST << OFF_WAKER_SHIFT, CAUSE_REQUEST},
		{OFF_WAKER_UPSTREAM << OFF_WAKER_SHIFT, CAUSE_UPSTREAM},
		{OFF_WAKER_WINDOW << OFF_WAKER_SHIFT, CAUSE_WINDOW},
		{OFF_DISK, CAUSE_DISK},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		setup(state);
		in_container();
		off_cpu(&(struct off){.bits = OFF_SERVER | OFF_BLOCKED | rows[i].bits,
				      .tid = NGINX_TID,
				      .from_ns = 3000,
				      .to_ns = 8000,
				      .ready_ns = 500,
				      .actor = rival("hog", 9)});
		/* another worker sleeps all the time, and carries nothing */
		off_cpu(&(struct off){.bits = OFF_SERVER | OFF_BLOCKED | OFF_DISK,
				      .tid = NGINX_TID + 1,
				      .from_ns = 1000,
				      .to_ns = 9000});
		join();
		expect(HOP_NGINX_PROCESS, rows[i].cause, 4500);
		expect(HOP_NGINX_PROCESS, CAUSE_CPU, 500);
		expect(HOP_NGINX_PROCESS, CAUSE_WORK, 6900 - 5000);
		assert_string_equal(
			t.m->actors.at[find(HOP_NGINX_PROCESS, CAUSE_CPU)->actor].comm, "hog");
		if (i + 1 < sizeof(rows) / sizeof(rows[0]))
			teardown(state);
	}
}

/* An upstream that takes longer than 32 bits of nanoseconds; then the CPU is gone for as long.
 */
static void test_long(void **state)
{
	const uint64_t s = 1000000000;

	(void)state;
	in_container();
	see(HOP_NGINX_RESPOND, 30 * s, 0);
	for (int hop = HOP_APP_WRITE; hop < HOP_COUNT; hop++)
		if (t.r.hops[hop].flags)
			t.r.hops[hop].time_ns += 30 * s;
	off_cpu(&(struct off){.bits = OFF_SERVER | OFF_BLOCKED |
				      OFF_WAKER_UPSTREAM << OFF_WAKER_SHIFT,
			      .tid = NGINX_TID,
			      .from_ns = 3 * s,
			      .to_ns = 13 * s});
	off_cpu(&(struct off){.bits = OFF_SERVER,
			      .tid = NGINX_TID,
			      .from_ns = 14 * s,
			      .to_ns = 22 * s,
			      .ready_ns = UINT32_MAX,
			      .actor = rival("hog", 9)});
	join();
	expect(HOP_NGINX_PROCESS, CAUSE_UPSTREAM, 10 * s);
	expect(HOP_NGINX_PROCESS, CAUSE_CPU, 8 * s);
	expect(HOP_NGINX_PROCESS, CAUSE_WORK, 12 * s - 2100);
}

/* What reaches beyond a hop counts in each for its own part. */
static void test_parts(void **state)
{
	(void)state;
	in_container();
	off_cpu(&(struct off){.bits = OFF_SERVER | OFF_BLOCKED,
			      .tid = NGINX_TID,
			      .from_ns = 500,
			      .to_ns = 2050,
			      .ready_ns = 900});
	join();
	expect(HOP_SOCK_READY, CAUSE_WAKE, 850);
	expect(HOP_APP_READ, CAUSE_WAKE, 50);
	expect(HOP_APP_READ, CAUSE_WORK, 50);
	expect(HOP_NGINX_PROCESS, CAUSE_WORK, 6900);
	expect(HOP_CLIENT_SEND, CAUSE_CLIENT, 10);
	expect(HOP_CLIENT_XMIT, CAUSE_WIRE, 90);
	expect(HOP_PORT_QUEUE, CAUSE_QUEUE, 10);
	assert_null(find(HOP_VSWITCH_IN, CAUSE_QUEUE));
}

/* A vCPU's wait is the hypervisor's: its quota first, then who ran; then what exits took. */
static void test_vcpu(void **state)
{
	const struct request_cause *c;

	(void)state;
	in_vm();
	off_cpu(&(struct off){.bits = OFF_VCPU,
			      .vm = 1,
			      .from_ns = 5000,
			      .to_ns = 8000,
			      .ready_ns = 3000,
			      .quota_ns = 2000,
			      .actor = rival("stress", 5)});
	off_cpu(&(struct off){/* another VM's */
			      .bits = OFF_VCPU,
			      .vm = 2,
			      .from_ns = 3000,
			      .to_ns = 9000,
			      .ready_ns = 6000});
	off_cpu(&(struct off){/* another vCPU's: the request did not need it */
			      .bits = OFF_VCPU,
			      .vm = 1,
			      .vcpu = 1,
			      .from_ns = 3000,
			      .to_ns = 9000,
			      .ready_ns = 6000});
	add((struct observation){.hop = CONTEXT_VCPU_OUT,
				 .time_ns = 8100,
				 .len = 3200,
				 .vm = 1,
				 .packet = EXIT_ISA_SVM << EXIT_ISA_SHIFT | SVM_EXIT_NPF |
					   EXIT_MMIO});
	join();
	expect(HOP_APP_READ, CAUSE_QUOTA, 2000);
	expect(HOP_APP_READ, CAUSE_CPU, 1000);
	expect(HOP_APP_READ, CAUSE_EXIT, 200);
	expect(HOP_APP_READ, CAUSE_WORK, 1800);
	c = find(HOP_APP_READ, CAUSE_QUOTA);
	assert_int_equal(c->layer, LAYER_HYPERVISOR);
	assert_int_equal(c->detail, OFF_VCPU);
	assert_int_equal(find(HOP_APP_READ, CAUSE_EXIT)->detail, EXIT_KIND_MMIO);
	assert_int_equal(find(HOP_APP_READ, CAUSE_WORK)->layer, LAYER_SERVICE);
	assert_int_equal(t.r.layer_ns[LAYER_HYPERVISOR][DIRECTION_REQUEST], 1900 + 3200);
}

/* A guest that nobody looks into is one hop: its vCPU's waits and exits are the hypervisor's.
 */
static void test_dark(void **state)
{
	(void)state;
	in_vm();
	t.m->domains[1].events = 0;
	for (int hop = HOP_GUEST_IRQ; hop <= HOP_STACK_XMIT; hop++)
		t.r.hops[hop] = (struct hop_seen){.flags = 0};
	t.r.hops[HOP_VMM_TX_POP] = (struct hop_seen){.flags = 0};
	see(HOP_PORT_RX, 9400, 0);
	add((struct observation){.hop = HOP_KVM_ENTRY, .time_ns = 2000, .vm = 1});
	add((struct observation){
		.hop = CONTEXT_VCPU_OUT, .time_ns = 2000, .len = 900, .vm = 1});
	add((struct observation){.hop = CONTEXT_VCPU_OUT,
				 .time_ns = 4100,
				 .len = 600,
				 .vm = 1,
				 .packet = EXIT_ISA_SVM << EXIT_ISA_SHIFT | SVM_EXIT_NPF |
					   EXIT_MMIO});
	off_cpu(&(struct off){.bits = OFF_VCPU,
			      .vm = 1,
			      .from_ns = 6000,
			      .to_ns = 8000,
			      .ready_ns = 2000,
			      .actor = rival("stress", 5)});
	join();
	expect(HOP_GUEST, CAUSE_EXIT, 600);
	expect(HOP_GUEST, CAUSE_CPU, 2000);
	assert_int_equal(find(HOP_GUEST, CAUSE_CPU)->layer, LAYER_HYPERVISOR);
	assert_int_equal(t.r.hops[HOP_GUEST].time_ns, 2000);
}

/* While nginx sleeps, its vCPU's exits delay nobody; a vCPU that waits may, and counts. */
static void test_sleep_in_vm(void **state)
{
	(void)state;
	in_vm();
	off_cpu(&(struct off){.bits = OFF_VCPU,
			      .vm = 1,
			      .from_ns = 6000,
			      .to_ns = 6500,
			      .ready_ns = 500,
			      .actor = rival("hog", 5)});
	off_cpu(&(struct off){.bits = OFF_SERVER | OFF_BLOCKED,
			      .tid = NGINX_TID,
			      .vm = 1,
			      .domain = 1,
			      .from_ns = 5000,
			      .to_ns = 8000});
	add((struct observation){
		.hop = CONTEXT_VCPU_OUT, .time_ns = 5600, .len = 1000, .vm = 1});
	add((struct observation){
		.hop = CONTEXT_VCPU_OUT, .time_ns = 6500, .len = 600, .vm = 1});
	join();
	expect(HOP_APP_READ, CAUSE_CPU, 500);
	expect(HOP_APP_READ, CAUSE_SLEEP, 2500);
	expect(HOP_APP_READ, CAUSE_EXIT, 400);
	expect(HOP_APP_READ, CAUSE_WORK, 1600);
	assert_int_equal(t.r.layer_ns[LAYER_HYPERVISOR][DIRECTION_REQUEST], 1900 + 900);
	assert_int_equal(t.r.layer_ns[LAYER_SERVICE][DIRECTION_REQUEST], 5000 - 900);
}

/* The VMM's threads on the host count between the port and the guest, and on the way back. */
static void test_helpers(void **state)
{
	(void)state;
	in_vm();
	off_cpu(&(struct off){.bits = OFF_VMM | OFF_BLOCKED,
			      .vm = 1,
			      .from_ns = 1150,
			      .to_ns = 1350,
			      .ready_ns = 200,
			      .actor = rival("hog", 9)});
	off_cpu(&(struct off){.bits = OFF_VMM | OFF_BLOCKED,
			      .vm = 1,
			      .from_ns = 5000,
			      .to_ns = 6000,
			      .ready_ns = 1000});
	join();
	expect(HOP_PORT_XMIT, CAUSE_CPU, 200);
	assert_int_equal(find(HOP_PORT_XMIT, CAUSE_CPU)->detail, OFF_VMM);
	expect(HOP_APP_READ, CAUSE_WAKE, 0);
}

static void test_softirqs(void **state)
{
	(void)state;
	in_container();
	t.r.hops[HOP_NIC_RX].tid = KSOFTIRQD;
	join();
	expect(HOP_CLIENT_XMIT, CAUSE_KSOFTIRQD, 90);
	expect(HOP_CLIENT_XMIT, CAUSE_WIRE, 0);

	memset(&t.r, 0, sizeof(t.r));
	model_free(t.m);
	in_container();
	add((struct observation){.hop = CONTEXT_NAPI_FULL, .time_ns = 1040});
	add((struct observation){.hop = CONTEXT_NAPI_FULL, .time_ns = 1020, .cpu = 1});
	join();
	expect(HOP_CLIENT_XMIT, CAUSE_BUDGET, 60);
	expect(HOP_CLIENT_XMIT, CAUSE_WIRE, 30);
}

/* A packet that the wire lost: until it was sent again, and no nanosecond more. */
static void test_resent(void **state)
{
	const struct synthetic_options o = {.seed = 9,
					    .place = PLACE_VIRTIO,
					    .requests = 300,
					    .retransmit_permille = 50,
					    .duplicate_permille = 50};
	unsigned int resent = 0, again = 0;

	(void)state;
	t.m = synthetic_model(&o);
	for (size_t i = 0; i < t.m->request_count; i++) {
		t.r = t.m->requests[i];
		again += t.r.retransmits > 0;
		if (!find(HOP_CLIENT_XMIT, CAUSE_RESENT))
			continue;
		resent++;
		expect(HOP_CLIENT_XMIT, CAUSE_RESENT, 201000000);
	}
	assert_true(resent > 0);
	assert_true(again >= resent);
	assert_int_equal(t.m->causes[HOP_CLIENT_XMIT][CAUSE_RESENT].requests, resent);
	t.r = (struct request){0};
}

/* Names that a guest wrote, more of them than there is room for, and more parts, too. */
static void test_bounds(void **state)
{
	struct request_causes c = {.count = 0};
	char name[16];

	(void)state;
	t.m = model_create(0);
	assert_int_equal(rival("x", 0), 0);
	assert_string_equal(t.m->actors.at[rival("\x1b[2J\xff", 3)].comm, "?[2J?");
	assert_int_equal(rival("\x1b[2J\xff", 4), 1);
	for (int i = 0; i < 2 * ACTORS_MAX; i++) {
		snprintf(name, sizeof(name), "task%d", i);
		assert_int_equal(rival(name, 7), i + 2 < ACTORS_MAX ? i + 2 : 0);
	}
	for (int i = 0; i < 2 * REQUEST_CAUSES_MAX; i++)
		causes_add(&c, &(struct request_cause){.hop = (uint8_t)(i / 2), .ns = 5});
	assert_int_equal(c.count, REQUEST_CAUSES_MAX);
	assert_false(c.full);
	assert_int_equal(c.at[3].ns, 10);
	assert_int_equal(c.at[3].count, 2);
	causes_add(&c, &(struct request_cause){.hop = 99, .ns = 5});
	assert_true(c.full);
}

/* What META says of a rival, whatever it is, is told; of a guest's threads it says nothing. */
static void test_rivals(void **state)
{
	struct actor who = {.comm = "vcpu0", .tid = 12, .cgroup = 77}, guests = who;
	json_t *meta = json_pack("[n, s, {s:i}, {s:i,s:s,s:i,s:s,s:s,s:s}]", "x", "tid", 12,
				 "tid", 12, "comm", "vcpu0", "pid", 11, "process", "qemu\x1b",
				 "cgroup", "/vms/noisy", "vm", "noisy");
	char text[300];

	(void)state;
	guests.domain = 1;
	actor_take(&who, meta);
	actor_take(&guests, meta);
	json_decref(meta);
	actor_text(&who, text, sizeof(text));
	assert_string_equal(text, "vcpu0 (thread 12 of qemu?, VM noisy, cgroup /vms/noisy)");
	assert_int_equal(who.pid, 11);
	actor_text(&guests, text, sizeof(text));
	assert_string_equal(text, "vcpu0 (thread 12, cgroup 77, in the guest)");
	guests.vm = 2;
	assert_string_equal(actor_vm(&guests).s, "VM 2");
}

/* As many parts as there is room for, and then what is left of the hops. */
static void test_full(void **state)
{
	(void)state;
	in_container();
	for (unsigned int i = 0; i < 2 * REQUEST_CAUSES_MAX; i++)
		off_cpu(&(struct off){.bits = OFF_SERVER,
				      .tid = NGINX_TID,
				      .from_ns = 2200 + 50 * i,
				      .to_ns = 2210 + 50 * i,
				      .ready_ns = 10,
				      .actor = (uint16_t)(i + 1)});
	join();
	assert_int_equal(t.r.causes.count, REQUEST_CAUSES_MAX);
	assert_true(t.r.causes.full);
	for (uint8_t i = 0; i < t.r.causes.count; i++)
		assert_true(t.r.causes.at[i].ns > 0 && t.r.causes.at[i].ns <= 5000);
}

/* Whoever recorded it did not follow the tasks: then nobody knows that nginx was at work. */
static void test_not_told(void **state)
{
	(void)state;
	in_container();
	t.m->causes_told = false;
	join();
	expect(HOP_NGINX_PROCESS, CAUSE_WORK, 0);
	expect(HOP_CLIENT_XMIT, CAUSE_WIRE, 90);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_sleeps, setup, teardown),
		cmocka_unit_test_setup_teardown(test_long, setup, teardown),
		cmocka_unit_test_setup_teardown(test_parts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_vcpu, setup, teardown),
		cmocka_unit_test_setup_teardown(test_dark, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sleep_in_vm, setup, teardown),
		cmocka_unit_test_setup_teardown(test_helpers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_softirqs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_resent, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rivals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bounds, setup, teardown),
		cmocka_unit_test_setup_teardown(test_full, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_told, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
