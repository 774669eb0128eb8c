/* What people write as values of settings: what is taken for what, and what is refused. */
#include "tests/unit/vmm/cmocka.h"

#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "scenarios/remedies/internal.h"

static void cpu_max(void **state)
{
	long long quota, period;

	(void)state;
	assert_int_equal(value_cpu_max("50%", &quota, &period), 0);
	assert_int_equal(quota, 50000);
	assert_int_equal(period, 100000);
	assert_int_equal(value_cpu_max("150%/10ms", &quota, &period), 0);
	assert_int_equal(quota, 15000);
	assert_int_equal(period, 10000);
	assert_int_equal(value_cpu_max("max", &quota, &period), 0);
	assert_int_equal(quota, -1);
	assert_int_equal(value_cpu_max("50", &quota, &period), -1);
	assert_int_equal(value_cpu_max("%", &quota, &period), -1);
	assert_int_equal(value_cpu_max("0%", &quota, &period), -1);
	assert_int_equal(value_cpu_max("-5%", &quota, &period), -1);
	assert_int_equal(value_cpu_max("50%/5s", &quota, &period), -1);
	assert_int_equal(value_cpu_max("5%/10ms", &quota, &period), -1);
	assert_non_null(strstr(err_text(), "longer"));
	assert_int_equal(
		value_cpu_max("99999999999999999999999999999999999999%", &quota, &period), -1);
}

static void cpu_lists(void **state)
{
	cpu_set_t set;
	char text[64];

	(void)state;
	assert_int_equal(value_cpus("0-2,5", &set), 0);
	assert_int_equal(CPU_COUNT(&set), 4);
	cpus_text(&set, text, sizeof(text));
	assert_string_equal(text, "0-2,5");
	assert_int_equal(value_cpus("1023", &set), 0);
	assert_int_equal(value_cpus("1024", &set), -1);
	assert_int_equal(value_cpus("", &set), -1);
	assert_int_equal(value_cpus("2-1", &set), -1);
	assert_int_equal(value_cpus("1,", &set), -1);
	assert_int_equal(value_cpus("1-", &set), -1);
	assert_int_equal(value_cpus("1 2", &set), -1);
	assert_int_equal(value_cpus("0-99999999999999999999", &set), -1);
}

static void pins(void **state)
{
	int cpu[PINS_MAX];

	(void)state;
	assert_int_equal(value_pins("3,1", cpu), 2);
	assert_int_equal(cpu[0], 3);
	assert_int_equal(cpu[1], 1);
	assert_int_equal(value_pins("4-6", cpu), 3);
	assert_int_equal(cpu[2], 6);
	assert_int_equal(value_pins("0-300", cpu), -1);
	assert_int_equal(value_pins("", cpu), -1);
}

static void rates(void **state)
{
	struct rate r;
	struct io_limits l;

	(void)state;
	assert_int_equal(value_rate("10M", &r), 0);
	assert_int_equal(r.bytes, 10 << 20);
	assert_int_equal(r.burst, 0);
	assert_int_equal(value_rate("1M,burst=64K,latency=20ms", &r), 0);
	assert_int_equal(r.burst, 65536);
	assert_int_equal(r.latency_ns, 20000000);
	assert_int_equal(value_rate("0", &r), -1);
	assert_int_equal(value_rate("1M,colour=red", &r), -1);
	assert_non_null(strstr(err_text(), "colour=red"));

	assert_int_equal(value_io("rbps=1M,wiops=100", &l), 0);
	assert_string_equal(l.device, "");
	assert_int_equal(l.rbps, 1 << 20);
	assert_int_equal(l.wiops, 100);
	assert_int_equal(l.wbps, 0);
	assert_int_equal(value_io("/dev/sda:wbps=2M", &l), 0);
	assert_string_equal(l.device, "/dev/sda");
	assert_int_equal(value_io("/dev/sda", &l), -1);
	assert_int_equal(value_io("", &l), -1);
	assert_int_equal(value_io("rbps=0", &l), -1);
	assert_int_equal(value_io("rbps", &l), -1);
}

static void masks(void **state)
{
	uint64_t mask;

	(void)state;
	assert_int_equal(value_mask("0xf0", &mask), 0);
	assert_int_equal(mask, 0xf0);
	assert_int_equal(value_mask("ffffffffffffffff", &mask), 0);
	assert_int_equal(value_mask("0x5", &mask), -1); /* a gap */
	assert_int_equal(value_mask("0", &mask), -1);
	assert_int_equal(value_mask("-1", &mask), -1);
	assert_int_equal(value_mask("", &mask), -1);
}

static void names(void **state)
{
	(void)state;
	assert_string_equal(remedy_find("net.rx-bytes")->name, "net.rx-bytes");
	assert_string_equal(remedy_find("net12.rx-bytes")->name, "net.rx-bytes");
	assert_null(remedy_find("netx.rx-bytes"));
	assert_null(remedy_find("cpu2.max"));
	assert_null(remedy_find(""));
	assert_null(remedy_find("cpu.maximum"));
	assert_non_null(strstr(err_text(), "cpu.max, cpu.weight"));
	assert_int_equal(remedy_check("memory.max", "64M"), 0);
	assert_int_equal(remedy_check("memory.max", "lots"), -1);
	assert_non_null(strstr(err_text(), "memory.max"));
	assert_int_equal(remedy_check("cpuset.partition", "root"), 0);
	assert_int_equal(remedy_check("cpuset.partition", "mine"), -1);
	assert_int_equal(remedy_check("memory.bandwidth", "40%"), 0);
	assert_int_equal(remedy_check("memory.bandwidth", "101%"), -1);
	assert_int_equal(remedy_check("halt.poll", "0"), 0);
	assert_int_equal(remedy_check("halt.poll", "50us"), 0);
	assert_int_equal(remedy_check("halt.poll", "1s"), -1);
	assert_int_equal(remedy_check("disk.burst-ms", "20ms"), 0);
	assert_int_equal(remedy_check("disk.burst-ms", "1us"), -1);
}

/* Each row is whole: a help line, a kind, and what it does. */
static void rows_are_whole(void **state)
{
	(void)state;
	for (const struct remedy *r = remedies; r->name; r++) {
		assert_non_null(r->value);
		assert_non_null(r->help);
		assert_non_null(r->check);
		assert_non_null(r->apply);
		assert_non_null(r->read);
		assert_non_null(remedy_kind_name(r->kind));
		assert_ptr_equal(remedy_find(r->name), r);
		assert_int_equal(r->check("!"), -1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cpu_max),        cmocka_unit_test(cpu_lists),
		cmocka_unit_test(pins),           cmocka_unit_test(rates),
		cmocka_unit_test(masks),          cmocka_unit_test(names),
		cmocka_unit_test(rows_are_whole),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
