/*
 * Which cores the VM's threads run on, thread by thread: each vCPU on its own, the threads that
 * move frames and blocks on a core that the others keep off.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/threads.h"
#include "scenarios/remedies/internal.h"
#include "scenarios/remedies/rows.h"

#define THREADS_MAX 1024

/* ---- which threads there are ---- */

struct list {
	const struct remedy_vm *vm;
	int sorts;
	pid_t *tids;
	int count;
};

static bool is_vcpu(const struct remedy_vm *vm, pid_t tid)
{
	json_t *v;
	size_t i;

	json_array_foreach (json_object_get(vm->status, "vcpus"), i, v)
		if (item_number(v, "tid") == tid)
			return true;
	return false;
}

static void add(struct list *l, pid_t tid)
{
	if (l->count < THREADS_MAX)
		l->tids[l->count++] = tid;
}

static void vhost_name(const struct remedy_vm *vm, char name[32])
{
	snprintf(name, 32, "vhost-%d", vm->pid);
}

/* A thread of the VMM's; vhost's workers are among them since Linux 6.4. */
static bool add_thread(void *ctx, pid_t tid, const char *name)
{
	struct list *l = ctx;
	char vhost[32];
	int sort = THREADS_REST;

	vhost_name(l->vm, vhost);
	if (is_vcpu(l->vm, tid))
		return true;
	if (item_number(l->vm->status, "io_tid") == tid || !strcmp(name, vhost))
		sort = THREADS_IO;
	if (l->sorts & sort)
		add(l, tid);
	return true;
}

/* Before, they were processes of the kernel's. */
static bool add_worker(void *ctx, pid_t pid, const char *name)
{
	struct list *l = ctx;
	char vhost[32];

	vhost_name(l->vm, vhost);
	if (!strcmp(name, vhost))
		add(l, pid);
	return true;
}

int vm_threads(const struct remedy_vm *vm, int sorts, pid_t **tids)
{
	struct list l = {.vm = vm, .sorts = sorts};
	char folder[64];
	json_t *v;
	size_t i;

	if (!vm->status)
		return err_set(
			"which thread is which only strata-vmm tells, through its control "
			"socket (--control PATH)");
	l.tids = calloc(THREADS_MAX, sizeof(*l.tids));
	if (!l.tids)
		return err_errno("list the VM's threads");
	if (sorts & THREADS_VCPU)
		json_array_foreach (json_object_get(vm->status, "vcpus"), i, v)
			add(&l, (pid_t)item_number(v, "tid"));
	snprintf(folder, sizeof(folder), "/proc/%d/task", vm->pid);
	threads_each(folder, add_thread, &l);
	if (sorts & THREADS_IO)
		threads_each("/proc", add_worker, &l);
	*tids = l.tids;
	return l.count;
}

/* ---- affinity ---- */

static int affinity_undo(struct remedy_vm *vm, const json_t *item)
{
	pid_t tid = (pid_t)item_number(item, "tid");
	cpu_set_t set;

	(void)vm;
	if (value_cpus(record_text(item, "before"), &set))
		return -1;
	if (threads_start(tid) != (uint64_t)item_number(item, "start") ||
	    !sched_setaffinity(tid, sizeof(set), &set) || errno == ESRCH)
		return 0;
	return err_errno("let thread %d run on %s again", tid, record_text(item, "before"));
}

const struct undo_kind undo_affinity = {"affinity", affinity_undo};

static int confine(struct remedy_vm *vm, pid_t tid, const cpu_set_t *set)
{
	char key[32], before[4096];
	cpu_set_t old;

	if (sched_getaffinity(tid, sizeof(old), &old))
		return err_errno("ask where thread %d may run", tid);
	cpus_text(&old, before, sizeof(before));
	snprintf(key, sizeof(key), "%s %d", vm->now, tid);
	if (!record_find(vm, &undo_affinity, "key", key) &&
	    record_begin(vm, &undo_affinity,
			 json_pack("{s:s,s:i,s:I,s:s}", "key", key, "tid", tid, "start",
				   (json_int_t)threads_start(tid), "before", before)))
		return -1;
	cpus_text(set, before, sizeof(before));
	if (sched_setaffinity(tid, sizeof(*set), set))
		return err_errno(
			"have thread %d run on %s (is that within the VM's cpuset.cpus, "
			"and online?)",
			tid, before);
	return 0;
}

static json_t *affinity_of(pid_t tid)
{
	char text[4096];
	cpu_set_t set;

	if (sched_getaffinity(tid, sizeof(set), &set))
		return json_null();
	cpus_text(&set, text, sizeof(text));
	return json_string(text);
}

/* ---- vCPUs ---- */

int check_pins(const char *text)
{
	int cpu[PINS_MAX];

	return value_pins(text, cpu) < 0 ? -1 : 0;
}

int pin_vcpus_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	int cpu[PINS_MAX], given = value_pins(text, cpu), result = 0;
	pid_t *tids;
	int n = vm_threads(vm, THREADS_VCPU, &tids);

	(void)r;
	if (n < 0)
		return -1;
	if (given != 1 && given != n)
		result = err_set("%d CPUs for %d vCPUs: one for all of them, or one for each",
				 given, n);
	for (int i = 0; i < n && !result; i++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		CPU_SET(cpu[given == 1 ? 0 : i], &set);
		result = confine(vm, tids[i], &set);
	}
	free(tids);
	return result;
}

static json_t *where(struct remedy_vm *vm, int sort)
{
	json_t *list = json_array();
	pid_t *tids;
	int n = vm_threads(vm, sort, &tids);

	if (n < 0) {
		json_decref(list);
		return NULL;
	}
	for (int i = 0; i < n; i++)
		json_array_append_new(list, affinity_of(tids[i]));
	free(tids);
	return list;
}

json_t *pin_vcpus_read(struct remedy_vm *vm, const struct remedy *r)
{
	(void)r;
	return where(vm, THREADS_VCPU);
}

/* ---- the I/O thread ---- */

int check_core(const char *text)
{
	uint64_t n;

	return value_number(text, 0, CPU_SETSIZE - 1, &n);
}

static int each_of(struct remedy_vm *vm, int sorts, int core, bool on)
{
	pid_t *tids;
	int n = vm_threads(vm, sorts, &tids), result = n < 0 ? -1 : 0;

	for (int i = 0; i < n && !result; i++) {
		cpu_set_t set;

		CPU_ZERO(&set);
		if (on)
			CPU_SET(core, &set);
		else if (sched_getaffinity(tids[i], sizeof(set), &set))
			continue; /* it has ended */
		else
			CPU_CLR(core, &set);
		if (!CPU_COUNT(&set))
			result = err_set(
				"no other core is left for the VM's other threads: they "
				"may run on CPU %d only",
				core);
		else
			result = confine(vm, tids[i], &set);
	}
	if (n >= 0)
		free(tids);
	return result;
}

int io_core_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	uint64_t core = 0;

	(void)r;
	if (value_number(text, 0, CPU_SETSIZE - 1, &core))
		return -1;
	/* First the others, that none of it is done if it cannot be. */
	return each_of(vm, THREADS_VCPU | THREADS_REST, (int)core, false) ||
			       each_of(vm, THREADS_IO, (int)core, true)
		       ? -1
		       : 0;
}

json_t *io_core_read(struct remedy_vm *vm, const struct remedy *r)
{
	(void)r;
	return where(vm, THREADS_IO);
}
