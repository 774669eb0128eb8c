/*
 * Rings filled by others, whom the tracer does not trust: events that make no sense are counted
 * as lost, nobody can speak for another VM or clock, and whoever does not answer is named.
 */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "lib/err.h"
#include "lib/hop.h"
#include "lib/vital.h"
#include "tracer/source.h"

#define LANES    1
#define CAPACITY 64

struct fixture {
	int fd;
	char ring_path[64], recording_path[64];
	void *memory;
	size_t bytes;
	struct ring producer;
	struct source source;
	struct recording_writer *recording;
};

struct found {
	uint64_t events, lost, clocks, wires;
	struct strata_event last;
	struct strata_wire wire; /* the last */
};

static struct fixture fixture;

static int set_up(void **state)
{
	struct fixture *f = &fixture;

	memset(f, 0, sizeof(*f));
	f->bytes = ring_bytes(LANES, CAPACITY);
	f->fd = memfd_create("ring", 0);
	assert_int_equal(ftruncate(f->fd, (off_t)f->bytes), 0);
	f->memory = mmap(NULL, f->bytes, PROT_READ | PROT_WRITE, MAP_SHARED, f->fd, 0);
	snprintf(f->ring_path, sizeof(f->ring_path), "/proc/self/fd/%d", f->fd);
	snprintf(f->recording_path, sizeof(f->recording_path), "/tmp/test_source.%d", getpid());
	assert_int_equal(ring_create(&f->producer, f->memory, f->bytes, LANES, CAPACITY), 0);
	f->source = (struct source){.name = "the guest",
				    .domain = 3,
				    .vm = 4,
				    .stage = LOST_GUEST_PROBES,
				    .has_clock = true};
	assert_int_equal(source_open(&f->source, f->ring_path, 0), 0);
	f->recording = recording_create(f->recording_path);
	assert_non_null(f->recording);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	source_close(&f->source);
	munmap(f->memory, f->bytes);
	close(f->fd);
	unlink(f->recording_path);
	return 0;
}

static int on_events(void *ctx, const struct strata_event *e, size_t count)
{
	struct found *found = ctx;

	found->events += count;
	found->last = e[count - 1];
	return 0;
}

static int on_wire(void *ctx, const struct strata_wire *w)
{
	struct found *found = ctx;

	found->wires++;
	found->wire = *w;
	return 0;
}

static int on_lost(void *ctx, enum lost_stage stage, uint64_t count)
{
	struct found *found = ctx;

	assert_int_equal(stage, LOST_GUEST_PROBES);
	found->lost += count;
	return 0;
}

static int on_clock(void *ctx, unsigned int domain, const struct clock_sample *s)
{
	struct found *found = ctx;

	(void)s;
	assert_int_equal(domain, 3);
	found->clocks++;
	return 0;
}

static struct found read_back(struct fixture *f)
{
	struct found found = {0};
	struct recording_visitor v = {.events = on_events,
				      .wire = on_wire,
				      .lost = on_lost,
				      .clock = on_clock,
				      .ctx = &found};
	struct recording_end end;

	assert_int_equal(recording_close(f->recording), 0);
	assert_int_equal(recording_read(f->recording_path, &v, &end), 0);
	return found;
}

static void put(struct fixture *f, unsigned int hop, uint64_t time_ns)
{
	struct strata_event e = {
		.time_ns = time_ns, .hop = (uint16_t)hop, .domain = 0, .vm = 9};

	ring_put(&f->producer, 0, &e);
}

static void test_events_are_checked(void **state)
{
	struct fixture *f = *state;
	const struct strata_event endless = {
		.time_ns = 1000, .hop = CONTEXT_TASK_OFF, .arg64 = UINT64_MAX};
	struct found found;

	put(f, HOP_STACK_RX, 1000);
	put(f, HOP_COUNT, 1000);
	put(f, CONTEXT_VCPU_OUT, 1000);
	put(f, CONTEXT_TASK_OFF, 1000);
	put(f, CONTEXT_NAPI_FULL, 1000);
	ring_put(&f->producer, 0, &endless);
	put(f, 0xffff, 1000);
	put(f, HOP_APP_READ, UINT64_MAX);
	put(f, HOP_STACK_XMIT, 2000);
	assert_true(source_drain(&f->source, f->recording) >= 0);
	found = read_back(f);
	assert_int_equal(found.events, 4);
	assert_int_equal(found.lost, 5);
	/* whatever it said of itself */
	assert_int_equal(found.last.domain, 3);
	assert_int_equal(found.last.vm, 4);
}

/* Packets that the guest's kernel dropped. */
static void test_drops_are_taken(void **state)
{
	struct fixture *f = *state;
	struct strata_event e = {.hop = CONTEXT_DROP, .time_ns = 1000, .queue = 1};
	struct found found;

	ring_put(&f->producer, 0, &e);
	e.queue = DIRECTION_COUNT;
	ring_put(&f->producer, 0, &e);
	put(f, CONTEXT_DROP, UINT64_MAX);
	assert_true(source_drain(&f->source, f->recording) >= 0);
	found = read_back(f);
	assert_int_equal(found.events, 1);
	assert_int_equal(found.lost, 2);
}

/* Of how it fares a guest tells what was taken from it, and nothing that the host knows. */
static void test_vitals(void **state)
{
	struct fixture *f = *state;
	struct strata_event e = {.hop = CONTEXT_VITAL, .time_ns = 1000, .arg32 = VITAL_STEAL};
	struct found found;

	ring_put(&f->producer, 0, &e);
	e.arg32 = VITAL_RUN;
	ring_put(&f->producer, 0, &e);
	e.arg32 = VITALS;
	ring_put(&f->producer, 0, &e);
	assert_true(source_drain(&f->source, f->recording) >= 0);
	found = read_back(f);
	assert_int_equal(found.events, 1);
	assert_int_equal(found.lost, 2);
}

/* What a guest saw on its own wire: several slots, of which not all need come at once. */
static void test_wire(void **state)
{
	struct fixture *f = *state;
	union {
		struct strata_wire wire;
		struct strata_event slot[WIRE_SLOTS_MAX];
	} w = {.wire = {.event = {.hop = HOP_NIC_RX, .flags = EVENT_WIRE, .vm = 9},
			.captured = 200}};
	uint32_t slots = wire_slots(200);
	struct found found;

	memset(w.wire.payload, 'x', 200);
	w.wire.event.reserved = (uint16_t)(slots - 1);
	put(f, HOP_STACK_RX, 1000);
	assert_true(ring_put_record(&f->producer, 0, &w, slots));
	assert_true(ring_put_record(&f->producer, 0, &w, 1));
	assert_true(source_drain(&f->source, f->recording) >= 0);
	assert_true(ring_put_record(&f->producer, 0, &w.slot[1], slots - 1));
	put(f, HOP_STACK_XMIT, 2000);
	assert_true(source_drain(&f->source, f->recording) >= 0);
	found = read_back(f);
	assert_int_equal(found.events, 2);
	assert_int_equal(found.wires, 2);
	assert_int_equal(found.lost, 0);
	assert_int_equal(found.wire.event.domain, 3);
	assert_int_equal(found.wire.event.vm, 4);
	assert_int_equal(found.wire.event.flags, 0);
	assert_int_equal(found.wire.captured, 200);
	assert_memory_equal(found.wire.payload, w.wire.payload, 200);
}

static void test_wire_that_lies(void **state)
{
	struct fixture *f = *state;
	struct strata_wire w = {.event = {.hop = HOP_NIC_RX, .flags = EVENT_WIRE}};
	struct found found;

	w.event.reserved = WIRE_SLOTS_MAX; /* one too many */
	ring_put_record(&f->producer, 0, &w, 1);
	w.event.reserved = 1;
	w.captured = 500; /* in two slots */
	ring_put_record(&f->producer, 0, &w, 2);
	w.captured = 0xffff;
	ring_put_record(&f->producer, 0, &w, 2);
	put(f, HOP_STACK_RX, 1000);
	assert_true(source_drain(&f->source, f->recording) >= 0);
	found = read_back(f);
	assert_int_equal(found.wires, 0);
	assert_int_equal(found.lost, 3);
	assert_int_equal(found.events, 1);
}

static void test_clock_once(void **state)
{
	struct fixture *f = *state;

	ring_clock_put(&f->producer, 10, 20, 1);
	assert_int_equal(source_drain(&f->source, f->recording), 0);
	assert_int_equal(source_drain(&f->source, f->recording), 0);
	ring_clock_put(&f->producer, 5, 10,
		       1); /* a clock that runs backwards is not believed */
	assert_int_equal(source_drain(&f->source, f->recording), 0);
	assert_int_equal(read_back(f).clocks, 1);
}

static void test_answers(void **state)
{
	struct fixture *f = *state;
	json_t *request = json_pack("{s:[i]}", "ports", 80), *answer;

	source_start(&f->source, request);
	assert_null(source_wait_running(&f->source, 10));
	assert_non_null(strstr(err_text(), "the guest does not answer"));
	ring_answer(&f->producer, RING_FAILED, f->source.generation, "{\"error\":\"no BTF\"}");
	assert_null(source_wait_running(&f->source, 1000));
	assert_non_null(strstr(err_text(), "no BTF"));
	/* neither a state that does not exist nor an answer that is no JSON does harm */
	ring_answer(&f->producer, (enum ring_state)77, f->source.generation, "{");
	assert_null(source_wait_running(&f->source, 1000));
	ring_answer(&f->producer, RING_RUNNING, f->source.generation, "\xff\xfe garbage");
	answer = source_wait_running(&f->source, 1000);
	assert_true(json_is_object(answer));
	json_decref(answer);
	memset(f->producer.header->answer, 'x', sizeof(f->producer.header->answer));
	answer = source_wait_running(&f->source, 1000);
	assert_true(json_is_object(answer));
	json_decref(answer);
	json_decref(request);
	recording_close(f->recording);
}

static void test_stop(void **state)
{
	struct fixture *f = *state;
	json_t *request = json_object(), *closing;

	source_start(&f->source, request);
	ring_answer(&f->producer, RING_RUNNING, f->source.generation, "{}");
	put(f, HOP_STACK_RX, 1000);
	assert_null(source_stop(&f->source, f->recording, 20)); /* it never stops */
	ring_answer(&f->producer, RING_IDLE, f->source.generation, "{\"events\":1}");
	closing = source_stop(&f->source, f->recording, 1000);
	assert_int_equal(json_integer_value(json_object_get(closing, "events")), 1);
	json_decref(closing);
	json_decref(request);
	assert_int_equal(read_back(f).events, 1);
}

static void test_nothing_there(void **state)
{
	struct fixture *f = *state;
	struct source s = {.name = "the guest"};

	assert_int_equal(source_open(&s, "/nonexistent/ring", 0), -1);
	memset(f->memory, 0, 64);
	assert_int_equal(source_open(&s, f->ring_path, 10), -1);
	assert_non_null(strstr(err_text(), "did not come up"));
	assert_int_equal(ftruncate(f->fd, 100), 0);
	assert_int_equal(source_open(&s, f->ring_path, 0), -1);
	assert_non_null(strstr(err_text(), "shorter"));
	assert_int_equal(ftruncate(f->fd, (off_t)f->bytes), 0);
	recording_close(f->recording);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_events_are_checked, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_drops_are_taken, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_vitals, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wire, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_wire_that_lies, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_clock_once, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_answers, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_stop, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_nothing_there, set_up, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
