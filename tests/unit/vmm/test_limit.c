/* Limits of a device, on a loop of its own: who has to wait is called when he need not any
 * more. */
#include "tests/unit/vmm/cmocka.h"

#include <semaphore.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/limit.h"

struct carrier {
	struct loop *loop;
	struct limits limits;
	sem_t resumed[LIMIT_WAYS];
};

static struct carrier c;

static void resume(void *owner, enum limit_way way)
{
	struct carrier *k = owner;

	sem_post(&k->resumed[way]);
}

static int set_up(void **state)
{
	(void)state;
	c.loop = loop_create("test");
	sem_init(&c.resumed[LIMIT_IN], 0, 0);
	sem_init(&c.resumed[LIMIT_OUT], 0, 0);
	limits_init(&c.limits, &net_limits, c.loop, resume, &c);
	return loop_start(c.loop);
}

static int tear_down(void **state)
{
	(void)state;
	limits_destroy(&c.limits);
	loop_stop(c.loop);
	loop_destroy(c.loop);
	return 0;
}

static json_t *status(void)
{
	json_t *o = json_object(), *limits;

	limits_status(&c.limits, o);
	limits = json_incref(json_object_get(o, "limits"));
	json_decref(o);
	return limits;
}

static long long number(const char *way, const char *key)
{
	json_t *o = status();
	json_t *from = way ? json_object_get(o, way) : o;
	long long n = json_integer_value(json_object_get(from, key));

	json_decref(o);
	return n;
}

static void without_limits_nobody_waits(void **state)
{
	(void)state;
	assert_false(limits_wait(&c.limits, LIMIT_IN, 1 << 30));
	limits_charge(&c.limits, LIMIT_IN, 1 << 30);
	assert_false(limits_wait(&c.limits, LIMIT_IN, 1 << 30));
	assert_int_equal(number("rx", "waits"), 0);
}

/* At the deadline, from the loop; the other direction is not concerned. */
static void who_waits_is_resumed(void **state)
{
	(void)state;
	assert_int_equal(limits_set(&c.limits, "rx-bytes", 1000000), 0);
	limits_charge(&c.limits, LIMIT_IN, 60000);
	assert_true(limits_wait(&c.limits, LIMIT_IN, 1));
	assert_true(limits_wait(&c.limits, LIMIT_IN, 1));
	assert_false(limits_wait(&c.limits, LIMIT_OUT, 1500));
	sem_wait(&c.resumed[LIMIT_IN]);
	assert_false(limits_wait(&c.limits, LIMIT_IN, 1));
	assert_int_equal(number("rx", "waits"), 1);
	assert_true(number("rx", "waited_ns") >= 9000000);
	assert_int_equal(number("tx", "waits"), 0);
}

static void operations_count_too(void **state)
{
	(void)state;
	assert_int_equal(limits_set(&c.limits, "tx-packets", 100), 0);
	for (int i = 0; i < 5; i++) {
		assert_false(limits_wait(&c.limits, LIMIT_OUT, 60));
		limits_charge(&c.limits, LIMIT_OUT, 60);
	}
	assert_true(limits_wait(&c.limits, LIMIT_OUT, 60));
	sem_wait(&c.resumed[LIMIT_OUT]);
	assert_false(limits_wait(&c.limits, LIMIT_OUT, 60));
}

/* It would be for an hour; without the limit it is over. */
static void taking_a_limit_away_ends_waiting(void **state)
{
	(void)state;
	assert_int_equal(limits_set(&c.limits, "rx-packets", 1), 0);
	for (int i = 0; i < 3600; i++)
		limits_charge(&c.limits, LIMIT_IN, 60);
	assert_true(limits_wait(&c.limits, LIMIT_IN, 60));
	assert_int_equal(limits_set(&c.limits, "rx-packets", 0), 0);
	sem_wait(&c.resumed[LIMIT_IN]);
	assert_false(limits_wait(&c.limits, LIMIT_IN, 60));
	assert_int_equal(number(NULL, "rx-packets"), 0);
}

static void names_and_values_are_checked(void **state)
{
	(void)state;
	assert_int_equal(limits_set(&c.limits, "read-bytes", 1), -1);
	assert_non_null(strstr(err_text(), "tx-packets"));
	assert_int_equal(limits_set(&c.limits, "", 1), -1);
	assert_int_equal(limits_set(&c.limits, "rx-bytes", UINT64_MAX), -1);
	assert_int_equal(limits_set(&c.limits, "burst-ms", 0), -1);
	assert_int_equal(limits_set(&c.limits, "burst-ms", 10001), -1);
	assert_int_equal(limits_set(&c.limits, "burst-ms", 20), 0);
	assert_int_equal(number(NULL, "burst-ms"), 20);
}

static void they_are_settings_of_a_device(void **state)
{
	static const struct argument table[] = {NET_LIMIT_ARGUMENTS, {NULL, NULL, false, NULL}};
	struct arguments a;

	(void)state;
	assert_int_equal(arguments_parse(&a, "rx-bytes=10M,tx-packets=500,burst-ms=10", table),
			 0);
	assert_int_equal(limits_arguments(&c.limits, &a), 0);
	assert_int_equal(number(NULL, "rx-bytes"), 10 << 20);
	assert_int_equal(number(NULL, "tx-packets"), 500);
	assert_int_equal(number(NULL, "tx-bytes"), 0);
	assert_int_equal(number(NULL, "burst-ms"), 10);
	arguments_free(&a);
	assert_int_equal(arguments_parse(&a, "rx-bytes=0", table), 0);
	assert_int_equal(limits_arguments(&c.limits, &a), -1);
	arguments_free(&a);

	assert_string_equal(limits_named_in("tap=x,rx-bytes=1M"), "rx-bytes");
	assert_string_equal(limits_named_in("write-ops=7"), "write-ops");
	assert_null(limits_named_in("tap=rx-bytes"));
	assert_null(limits_named_in(""));
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(without_limits_nobody_waits),  TEST(who_waits_is_resumed),
		TEST(operations_count_too),         TEST(taking_a_limit_away_ends_waiting),
		TEST(names_and_values_are_checked), TEST(they_are_settings_of_a_device),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
