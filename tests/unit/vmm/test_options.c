/* The command line: what it sets, and what it says to wrong ones. */
#include "tests/unit/vmm/cmocka.h"

#include <string.h>

#include "lib/err.h"
#include "vmm/device/devices.h"
#include "vmm/options.h"
#include "vmm/virtio/devices.h"

static struct options o;

#define PARSE(...)                                                                        \
	options_parse(&o, (int)(sizeof((char *[]){"vmm", __VA_ARGS__}) / sizeof(char *)), \
		      (char *[]){"vmm", __VA_ARGS__, NULL})

static void wrong(int ret, const char *words)
{
	assert_int_equal(ret, -1);
	if (!strstr(err_text(), words))
		fail_msg("\"%s\" does not say \"%s\"", err_text(), words);
	options_free(&o);
}

static void settings_are_set(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--kernel", "k", "--memory=1G", "--cpus", "4", "--cmdline",
			       "a=b --c", "--name=web"),
			 0);
	assert_string_equal(o.kernel, "k");
	assert_string_equal(o.cmdline, "a=b --c");
	assert_string_equal(o.name, "web");
	assert_int_equal(o.memory_bytes, 1 << 30);
	assert_int_equal(o.cpus, 4);
	assert_null(o.initrd);
	options_free(&o);
}

static void defaults(void **state)
{
	(void)state;
	assert_int_equal(PARSE("run", "--kernel=k"), 0);
	options_free(&o);
	assert_int_equal(PARSE("--kernel=k"), 0);
	assert_int_equal(o.memory_bytes, 512 << 20);
	assert_int_equal(o.cpus, 1);
	assert_int_equal(o.devices, 0);
	options_free(&o);
}

static void devices_come_from_their_table(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--kernel=k", "--ivshmem", "--ivshmem", "size=1M,file=/x",
			       "--debug-exit", "--console=none"),
			 0);
	assert_int_equal(o.devices, 4);
	assert_ptr_equal(o.device[0].type, &device_ivshmem);
	assert_int_equal(o.device[0].arguments.count, 0);
	assert_string_equal(arguments_get(&o.device[1].arguments, "file", NULL), "/x");
	assert_ptr_equal(o.device[2].type, &device_debug_exit);
	assert_true(arguments_has(&o.device[3].arguments, "none"));
	options_free(&o);
}

static void a_mode_chooses_the_device(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--kernel=k", "--net", "tap=a", "--net",
			       "tap=b,mode=virtio,mac=02:00:00:00:00:01",
			       "--net=mode=virtio,tap=c"),
			 0);
	assert_int_equal(o.devices, 3);
	for (int i = 0; i < 3; i++)
		assert_ptr_equal(o.device[i].type, &device_net_virtio);
	assert_string_equal(arguments_get(&o.device[1].arguments, "tap", NULL), "b");
	assert_int_equal(o.device[1].arguments.count, 2);
	assert_string_equal(arguments_get(&o.device[2].arguments, "tap", NULL), "c");
	options_free(&o);
	wrong(PARSE("--kernel=k", "--net", "tap=a,mode=token-ring"),
	      "mode=token-ring: the modes are: virtio");
	wrong(PARSE("--kernel=k", "--net", "tap=a,mode=virtio,mode=virtio"), "mode");
	wrong(PARSE("--kernel=k", "--rng=mode=virtio"), "it has no modes");
}

static void wrong_usage_is_named(void **state)
{
	(void)state;
	wrong(PARSE("--cpus=1"), "--kernel PATH is missing");
	wrong(PARSE("--kernel"), "--kernel needs a value");
	wrong(PARSE("--kernel="), "--kernel needs a value");
	wrong(PARSE("kernel"), "\"kernel\" is not an option");
	wrong(PARSE("--"), "not an option");
	wrong(PARSE("--frobnicate=1"), "no option --frobnicate");
	wrong(PARSE("--acpi-pm"), "no option --acpi-pm");
	wrong(PARSE("--a-name-longer-than-any-option-could-be-xxxxxxxxxxxx"), "no option");
	wrong(PARSE("--kernel=k", "--cpus=0"), "from 1 to 64");
	wrong(PARSE("--kernel=k", "--cpus=-1"), "from 1 to 64");
	wrong(PARSE("--kernel=k", "--cpus=1x"), "from 1 to 64");
	wrong(PARSE("--kernel=k", "--memory=1Q"), "not a size");
	wrong(PARSE("--kernel=k", "--memory=99999999999999999999"), "not a size");
	wrong(PARSE("--kernel=k", "--memory=18446744073709551615K"), "not a size");
	wrong(PARSE("--kernel=k", "--memory=1K"), "out of range");
	wrong(PARSE("--kernel=k", "--memory=3145729"), "MiB");
	wrong(PARSE("--kernel=k", "--console=tty"), "\"tty\" is not a setting");
	wrong(PARSE("--kernel=k", "--console=file"), "file=PATH");
	wrong(PARSE("--kernel=k", "--console=none=1"), "takes no value");
	wrong(PARSE("--kernel=k", "--console=none,stdio"), "one of");
	wrong(PARSE("--kernel=k", "--console=none", "--console=none"), "given twice");
	wrong(PARSE("--kernel=k", "--ivshmem=size=3M"), "power of two");
	wrong(PARSE("--kernel=k", "--ivshmem=size=1M,size=2M"), "given twice");
	wrong(PARSE("--kernel=k", "--disk"), "file=PATH is missing");
	wrong(PARSE("ask", "path"), "ask takes");
}

static void help_and_ask(void **state)
{
	(void)state;
	assert_int_equal(PARSE("--help"), 0);
	assert_true(o.help);
	assert_int_equal(PARSE("ask", "path", "{}"), 0);
	assert_string_equal(o.ask, "path");
	assert_string_equal(o.request, "{}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(settings_are_set),
		cmocka_unit_test(defaults),
		cmocka_unit_test(devices_come_from_their_table),
		cmocka_unit_test(a_mode_chooses_the_device),
		cmocka_unit_test(wrong_usage_is_named),
		cmocka_unit_test(help_and_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
