/*
 * The scheduler: when did the server's task get the CPU that let it read the request, and when
 * was a vCPU's thread, or a vhost worker's, woken and run. Tasks of no such kind cost one look
 * at their storage.
 */
#include "probes/bpf/vm.h"

/* Most tasks have no storage at all: that is one load. */
static __always_inline struct task_state *known_task(struct task_struct *t)
{
	return t->bpf_storage ? task_state(t, false) : NULL;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	struct task_state *st = known_task(next);
	__u64 now;

	if (config.vms) {
		struct task_state *left = known_task(prev);

		if (left && left->vm && preempt)
			left->preempted = 1;
	}
	if (!st)
		return 0;
	now = bpf_ktime_get_ns();
	if (st->app)
		st->run_ns = now;
	if (config.workers && st->worker && st->woken) {
		st->woken = 0;
		emit_context(CONTEXT_WORKER_RUN, now, st->worker, 0, next->pid, 0);
		return 0;
	}
	if (!config.vms || !st->vm || (!st->woken && !st->preempted))
		return 0;
	st->woken = 0;
	st->preempted = 0;
	st->ran = 1;
	emit_context(HOP_VCPU_RUN, now, st->vm, st->vcpu, next->pid, 0);
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(sched_waking, struct task_struct *p)
{
	struct task_state *st = known_task(p);
	__u64 now;

	if (!st || (!st->vm && !st->worker))
		return 0;
	now = bpf_ktime_get_ns();
	st->woken = 1;
	if (st->worker) {
		emit_context(CONTEXT_WORKER_WAKE, now, st->worker, 0, p->pid, 0);
		return 0;
	}
	if (!st->wake_ns)
		st->wake_ns = now;
	emit_context(HOP_VCPU_WAKE, now, st->vm, st->vcpu, p->pid, 0);
	return 0;
}
