/*
 * Settings on a host made of files: what is written where, by cgroups of either version and by
 * resctrl, and that everything is put back. The VM is this process itself.
 */
#include "tests/unit/vmm/cmocka.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "scenarios/remedies/internal.h"

static char root[] = "/tmp/strata-remedies-XXXXXX";

static void put(const char *text, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void put(const char *text, const char *fmt, ...)
{
	char name[PATH_MAX], path[PATH_MAX + 64], *slash;
	va_list ap;
	FILE *f;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/%s", root, name);
	slash = strrchr(path, '/');
	*slash = '\0';
	assert_int_equal(path_make_folder(path), 0);
	*slash = '/';
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void expect(const char *text, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
static void expect(const char *text, const char *fmt, ...)
{
	char name[PATH_MAX], path[PATH_MAX + 64], found[4096];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(name, sizeof(name), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), "%s/%s", root, name);
	assert_int_equal(file_text(found, sizeof(found), path), 0);
	assert_string_equal(found, text);
}

static void empty_root(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s/*", root);
	assert_int_equal(system(command), 0);
}

/* A host of version 2 where the VM is alone in the cgroup /vm. */
static void make_v2(bool alone)
{
	char number[64];

	empty_root();
	snprintf(number, sizeof(number), "%d\n%s", getpid(), alone ? "" : "1\n");
	put("0::/vm\n", "proc/%d/cgroup", getpid());
	put("cpuset cpu io memory\n", "sys/fs/cgroup/cgroup.controllers");
	put("cpu\n", "sys/fs/cgroup/cgroup.subtree_control");
	put(number, "sys/fs/cgroup/vm/cgroup.procs");
	put("max 100000\n", "sys/fs/cgroup/vm/cpu.max");
	put("100\n", "sys/fs/cgroup/vm/cpu.weight");
	put("max\n", "sys/fs/cgroup/vm/memory.max");
	put("\n", "sys/fs/cgroup/vm/cpuset.cpus");
	put("0-3\n", "sys/fs/cgroup/cpuset.cpus.effective");
	put("member\n", "sys/fs/cgroup/vm/cpuset.cpus.partition");
	put("\n", "sys/fs/cgroup/vm/cpuset.cpus.exclusive");
}

static struct remedy_vm *open_self(void)
{
	struct remedy_vm *vm = remedy_vm_open(NULL, getpid(), root);

	assert_non_null(vm);
	return vm;
}

static void set(struct remedy_vm *vm, const char *name, const char *text)
{
	if (remedy_set(vm, name, text))
		fail_msg("%s=%s: %s", name, text, err_text());
}

static void refused(struct remedy_vm *vm, const char *name, const char *text, const char *words)
{
	assert_int_equal(remedy_set(vm, name, text), -1);
	if (!strstr(err_text(), words))
		fail_msg("\"%s\" does not say \"%s\"", err_text(), words);
}

static void value_is(struct remedy_vm *vm, const char *name, const char *text)
{
	json_t *o = remedy_get(vm, name);

	assert_string_equal(record_text(o, "value"), text);
	json_decref(o);
}

static void version_2(void **state)
{
	struct remedy_vm *vm;

	(void)state;
	make_v2(true);
	vm = open_self();
	set(vm, "cpu.max", "50%/10ms");
	expect("5000 10000", "sys/fs/cgroup/vm/cpu.max");
	value_is(vm, "cpu.max", "50%/10000us");
	set(vm, "cpu.max", "20%");
	expect("20000 100000", "sys/fs/cgroup/vm/cpu.max");
	value_is(vm, "cpu.max", "20%");
	set(vm, "cpu.weight", "10");
	set(vm, "memory.max", "64M");
	expect("67108864", "sys/fs/cgroup/vm/memory.max");
	/* The parent did not hand that one on. */
	expect("+memory", "sys/fs/cgroup/cgroup.subtree_control");
	assert_int_equal(remedy_unset(vm, "cpu.max"), 0);
	expect("max 100000", "sys/fs/cgroup/vm/cpu.max");
	expect("10", "sys/fs/cgroup/vm/cpu.weight");
	assert_int_equal(remedy_undo(vm), 0);
	expect("100", "sys/fs/cgroup/vm/cpu.weight");
	expect("max", "sys/fs/cgroup/vm/memory.max");
	expect("-memory", "sys/fs/cgroup/cgroup.subtree_control");
	remedy_vm_close(vm);
}

static void exclusive_cores(void **state)
{
	struct remedy_vm *vm;

	(void)state;
	make_v2(true);
	vm = open_self();
	refused(vm, "cpuset.partition", "root", "cpuset.cpus first");
	set(vm, "cpuset.cpus", "1");
	set(vm, "cpuset.partition", "root");
	expect("1", "sys/fs/cgroup/vm/cpuset.cpus.exclusive");
	expect("root", "sys/fs/cgroup/vm/cpuset.cpus.partition");
	assert_int_equal(remedy_undo(vm), 0);
	expect("member", "sys/fs/cgroup/vm/cpuset.cpus.partition");
	expect("0-3", "sys/fs/cgroup/vm/cpuset.cpus");
	remedy_vm_close(vm);
}

static void shared_cgroups_are_refused(void **state)
{
	struct remedy_vm *vm;

	(void)state;
	make_v2(false);
	vm = open_self();
	refused(vm, "cpu.max", "50%", "shares its cgroup /vm with 1 other");
	refused(vm, "io.max", "/proc/version:rbps=1M", "no block device");
	refused(vm, "hugepages", "2M", "--hugepages 2M");
	refused(vm, "vcpu.pin", "0", "control socket");
	refused(vm, "net.rx-bytes", "1M", "control socket");
	expect("max 100000", "sys/fs/cgroup/vm/cpu.max");
	assert_int_equal(record_items(vm), 0);
	remedy_vm_close(vm);
}

/* Below systemd, which is asked for a scope of its own; here a script is systemd. */
static void systemd_makes_a_scope(void **state)
{
	char script[600], path[PATH_MAX], expected[300], before[PATH_MAX];
	struct remedy_vm *vm;

	(void)state;
	make_v2(false);
	put("", "run/systemd/system/x");
	put("max 100000\n", "sys/fs/cgroup/vm.scope/cpu.max");
	snprintf(script, sizeof(script), "%d\n", getpid());
	put(script, "sys/fs/cgroup/vm.scope/cgroup.procs");
	snprintf(script, sizeof(script),
		 "#!/bin/sh\necho \"$*\" >%s/asked\necho 0::/vm.scope >%s/proc/%d/cgroup\n",
		 root, root, getpid());
	put(script, "bin/busctl");
	snprintf(path, sizeof(path), "%s/bin/busctl", root);
	assert_int_equal(chmod(path, 0755), 0);
	snprintf(before, sizeof(before), "%s", getenv("PATH"));
	snprintf(path, sizeof(path), "%s/bin:%.3000s", root, before);
	setenv("PATH", path, 1);
	vm = open_self();
	set(vm, "cpu.max", "50%");
	setenv("PATH", before, 1);
	expect("50000 100000", "sys/fs/cgroup/vm.scope/cpu.max");
	expect("max 100000", "sys/fs/cgroup/vm/cpu.max");
	snprintf(expected, sizeof(expected),
		 "--quiet call org.freedesktop.systemd1 /org/freedesktop/systemd1 "
		 "org.freedesktop.systemd1.Manager StartTransientUnit ssa(sv)a(sa(sv)) "
		 "strata-vm-%d.scope fail 2 PIDs au 1 %d Delegate b true 0",
		 getpid(), getpid());
	expect(expected, "asked");
	assert_int_equal(remedy_undo(vm), 0);
	expect("max 100000", "sys/fs/cgroup/vm.scope/cpu.max");
	remedy_vm_close(vm);
}

static void version_1(void **state)
{
	struct remedy_vm *vm;
	char dir[64], number[16];

	(void)state;
	empty_root();
	snprintf(dir, sizeof(dir), "strata-vm-%d", getpid());
	snprintf(number, sizeof(number), "%d", getpid());
	put("2:cpu,cpuacct:/a\n1:memory:/hidden\n0::/\n", "proc/%d/cgroup", getpid());
	put("", "sys/fs/cgroup/cpu/cgroup.procs");
	put("", "sys/fs/cgroup/memory/cgroup.procs");
	put("", "sys/fs/cgroup/cpu/a/%s/cgroup.procs", dir);
	put("100000\n", "sys/fs/cgroup/cpu/a/%s/cpu.cfs_period_us", dir);
	put("-1\n", "sys/fs/cgroup/cpu/a/%s/cpu.cfs_quota_us", dir);
	put("1024\n", "sys/fs/cgroup/cpu/a/%s/cpu.shares", dir);
	put("", "sys/fs/cgroup/memory/%s/cgroup.procs", dir);
	put("9223372036854771712\n", "sys/fs/cgroup/memory/%s/memory.limit_in_bytes", dir);
	vm = open_self();
	set(vm, "cpu.max", "50%/20ms");
	expect("20000", "sys/fs/cgroup/cpu/a/%s/cpu.cfs_period_us", dir);
	expect("10000", "sys/fs/cgroup/cpu/a/%s/cpu.cfs_quota_us", dir);
	expect(number, "sys/fs/cgroup/cpu/a/%s/cgroup.procs", dir);
	set(vm, "cpu.weight", "200");
	expect("2048", "sys/fs/cgroup/cpu/a/%s/cpu.shares", dir);
	/* Its own path is outside of what is mounted here. */
	set(vm, "memory.max", "1G");
	expect("1073741824", "sys/fs/cgroup/memory/%s/memory.limit_in_bytes", dir);
	refused(vm, "memory.min", "1M", "version 1");
	refused(vm, "io.max", "/dev/null:rbps=1M", "no block device");
	/* Files do not vanish with their folder here, which is then said. */
	assert_int_equal(remedy_undo(vm), -1);
	expect("-1", "sys/fs/cgroup/cpu/a/%s/cpu.cfs_quota_us", dir);
	expect("1024", "sys/fs/cgroup/cpu/a/%s/cpu.shares", dir);
	expect("9223372036854771712", "sys/fs/cgroup/memory/%s/memory.limit_in_bytes", dir);
	remedy_vm_close(vm);
}

static void cache_ways(void **state)
{
	struct remedy_vm *vm;

	(void)state;
	make_v2(true);
	vm = open_self();
	refused(vm, "cache.l3", "0xf", "does not know sharing out the last-level cache");
	assert_int_equal(path_make_folder("/tmp"), 0);
	put("", "sys/fs/resctrl/info/x");
	refused(vm, "cache.l3", "0xf", "mount -t resctrl");
	put("    L3:0=7ff;1=7ff\n", "sys/fs/resctrl/schemata");
	refused(vm, "memory.bandwidth", "40%", "no line \"MB\"");
	put("    MB:0=100;1=100\n    L3:0=7ff;1=7ff\n", "sys/fs/resctrl/schemata");
	put("", "sys/fs/resctrl/strata-vm-%d/tasks", getpid());
	put("    MB:0=100;1=100\n    L3:0=7ff;1=7ff\n", "sys/fs/resctrl/strata-vm-%d/schemata",
	    getpid());
	set(vm, "cache.l3", "0xf");
	expect("L3:0=f;1=f", "sys/fs/resctrl/strata-vm-%d/schemata", getpid());
	set(vm, "memory.bandwidth", "40%");
	expect("MB:0=40;1=40", "sys/fs/resctrl/strata-vm-%d/schemata", getpid());
	assert_int_equal(remedy_unset(vm, "memory.bandwidth"), 0);
	expect("MB:0=100;1=100", "sys/fs/resctrl/strata-vm-%d/schemata", getpid());
	remedy_vm_close(vm);
}

static void the_hosts_halt_polling(void **state)
{
	struct remedy_vm *vm;

	(void)state;
	make_v2(true);
	put("200000\n", "sys/module/kvm/parameters/halt_poll_ns");
	vm = open_self();
	set(vm, "halt.poll", "50us");
	expect("50000", "sys/module/kvm/parameters/halt_poll_ns");
	assert_int_equal(remedy_undo(vm), 0);
	expect("200000", "sys/module/kvm/parameters/halt_poll_ns");
	remedy_vm_close(vm);
}

/* Somebody sets, and is gone with the VM: whoever comes next puts it back. */
static void what_the_dead_left(void **state)
{
	pid_t child;
	int status;
	json_t *all;

	(void)state;
	make_v2(true);
	put("200000\n", "sys/module/kvm/parameters/halt_poll_ns");
	child = fork();
	if (!child) {
		struct remedy_vm *vm = remedy_vm_open(NULL, getpid(), root);

		_exit(!vm || remedy_set(vm, "halt.poll", "0"));
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	expect("0", "sys/module/kvm/parameters/halt_poll_ns");
	all = remedy_made_all(root);
	assert_int_equal(json_array_size(all), 1);
	json_decref(all);
	assert_int_equal(remedy_sweep(root, NULL), 0);
	expect("200000", "sys/module/kvm/parameters/halt_poll_ns");
	all = remedy_made_all(root);
	assert_int_equal(json_array_size(all), 0);
	json_decref(all);
}

static void the_living_are_left_alone(void **state)
{
	struct remedy_vm *vm;

	(void)state;
	make_v2(true);
	vm = open_self();
	set(vm, "cpu.weight", "10");
	assert_int_equal(remedy_sweep(root, NULL), 0);
	expect("10", "sys/fs/cgroup/vm/cpu.weight");
	assert_int_equal(remedy_undo(vm), 0);
	remedy_vm_close(vm);
}

/* A record that somebody spoilt is neither believed nor removed. */
static void spoilt_records(void **state)
{
	(void)state;
	make_v2(true);
	put("{\"items\":7", "run/strata/vm/%d.json", getpid());
	assert_null(remedy_vm_open(NULL, getpid(), root));
	assert_non_null(strstr(err_text(), "by hand"));
	assert_int_equal(remedy_sweep(root, NULL), -1);
	put("{\"items\":[{\"kind\":\"spell\"}],\"start\":1}", "run/strata/vm/%d.json",
	    getpid());
	assert_int_equal(remedy_sweep(root, NULL), -1);
	assert_non_null(strstr(err_text(), "spell"));
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	empty_root();
	return rmdir(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(version_2),
		cmocka_unit_test(exclusive_cores),
		cmocka_unit_test(shared_cgroups_are_refused),
		cmocka_unit_test(systemd_makes_a_scope),
		cmocka_unit_test(version_1),
		cmocka_unit_test(cache_ways),
		cmocka_unit_test(the_hosts_halt_polling),
		cmocka_unit_test(what_the_dead_left),
		cmocka_unit_test(the_living_are_left_alone),
		cmocka_unit_test(spoilt_records),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, make_root, remove_root);
}
