/* The agent's service beside probes that are made up: what it forwards, and when it gives up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "lib/hop.h"
#include "probes/agent/service.h"
#include "probes/drops.h"

#define BYTES (1u << 20)

static struct {
	struct service service;
	struct ring host;
	void *memory;
	struct probes_callbacks callbacks;
	struct strata_event next; /* what the probes have, if there is a count of it */
	size_t count;
} t;

int survey_request(struct survey *s, const char *json)
{
	(void)s, (void)json;
	return 0;
}

int survey_devices(struct survey *s)
{
	(void)s;
	return 0;
}

void survey_nginx(struct survey *s)
{
	(void)s;
}

struct probes *probes_open(const struct probes_config *c, const struct probes_callbacks *cb)
{
	(void)c;
	t.callbacks = *cb;
	return (struct probes *)&t;
}

void probes_close(struct probes *p)
{
	(void)p;
}

int probes_poll(struct probes *p)
{
	size_t n = t.count;

	(void)p;
	for (size_t i = 0; i < n; i++)
		t.callbacks.events(t.callbacks.ctx, &t.next, 1);
	t.count = 0;
	return (int)n;
}

uint64_t probes_lost(const struct probes *p)
{
	(void)p;
	return 0;
}

size_t probes_report(struct probes *p, const struct probe_report **report)
{
	(void)p;
	*report = NULL;
	return 0;
}

bool probes_plaintext(const struct probes *p)
{
	(void)p;
	return false;
}

bool probes_hop_in_force(const struct probes *p, enum strata_hop hop, bool *inferred)
{
	(void)p, (void)hop;
	*inferred = false;
	return false;
}

const struct drops *probes_drops(struct probes *p)
{
	(void)p;
	return NULL;
}

json_t *drops_meta(const struct drops *d)
{
	(void)d;
	return json_array();
}

static int setup(void **state)
{
	(void)state;
	memset(&t, 0, sizeof(t));
	t.memory = aligned_alloc(4096, BYTES);
	if (!t.memory || service_create(&t.service, t.memory, BYTES) ||
	    ring_attach(&t.host, t.memory, BYTES))
		return -1;
	ring_start(&t.host, "{}");
	service_turn(&t.service);
	return watch_is_open(&t.service.watch) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	service_end(&t.service);
	free(t.memory);
	return 0;
}

static void tell(size_t count, uint64_t time_ns)
{
	t.next = (struct strata_event){.time_ns = time_ns, .hop = HOP_TCP_RX};
	t.count = count;
	service_turn(&t.service);
}

/* A task that slept for a minute is told of by when it went to sleep. */
static void test_an_event_of_long_ago(void **state)
{
	struct strata_event got[256];
	unsigned int told = 0;

	(void)state;
	for (int i = 0; i < 3; i++) {
		tell(1, 1);
		assert_true(watch_is_open(&t.service.watch));
	}
	for (size_t n = ring_take(&t.host, 0, got, 256), i = 0; i < n; i++)
		told += got[i].hop == HOP_TCP_RX; /* not the vitals */
	assert_int_equal(told, 3);
}

/* Nobody reads: for ten seconds there has been no room. */
static void test_abandoned(void **state)
{
	(void)state;
	tell(t.service.ring.capacity + 1, 1);
	assert_true(watch_is_open(&t.service.watch));
	t.service.put_ns -= 11000000000u;
	tell(1, 1);
	assert_false(watch_is_open(&t.service.watch));
}

/* Who waits to be asked wakes its processor less and less often; who was asked looks at once.
 */
static void test_rests_longer_while_idle(void **state)
{
	unsigned int first, last = 0;

	(void)state;
	ring_stop(&t.host);
	first = service_turn(&t.service);
	for (int i = 0; i < 10; i++)
		last = service_turn(&t.service);
	assert_true(first < 50000);
	assert_true(last > 4 * first && last <= 500000);
	ring_start(&t.host, "{}");
	assert_true(service_turn(&t.service) < 50000);
	assert_true(watch_is_open(&t.service.watch));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_an_event_of_long_ago, setup, teardown),
		cmocka_unit_test_setup_teardown(test_abandoned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rests_longer_while_idle, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
