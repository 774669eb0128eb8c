/*
 * The scheduler: when did the server's task get the CPU that let it read the request; when was
 * a vCPU's thread, or a vhost worker's, woken and run; and why had any of these no CPU
 * (probes/bpf/offcpu.h). Tasks of no such kind cost one look at their storage.
 */
#include "probes/bpf/offcpu.h"

/* Most tasks have no storage at all: that is one load. */
static __always_inline struct task_state *known_task(struct task_struct *t)
{
	return t->bpf_storage ? task_state(t, false) : NULL;
}

static __always_inline void switched_in(struct task_state *st, struct task_struct *t, __u64 now)
{
	if (st->app)
		st->run_ns = now;
	if (config.workers && st->worker && st->woken) {
		st->woken = 0;
		emit_context(CONTEXT_WORKER_RUN, now, st->worker, 0, t->pid, 0);
		return;
	}
	if (!config.vms || !st->vm || (!st->woken && !st->preempted))
		return;
	st->woken = 0;
	st->preempted = 0;
	st->ran = 1;
	emit_context(HOP_VCPU_RUN, now, st->vm, st->vcpu, t->pid, 0);
}

static __always_inline void task_leaves(struct task_struct *prev, struct task_struct *next,
					bool preempt)
{
	struct task_state *st = known_task(prev);

	if (!st || !followed(st))
		return;
	leaves(st, prev, next, preempt, bpf_ktime_get_ns());
	if (st->vm && st->ready_ns)
		st->preempted = 1;
}

static __always_inline void task_comes(struct task_struct *prev, struct task_struct *next)
{
	struct task_state *st = known_task(next);
	__u64 now;

	if (!st || !followed(st))
		return;
	now = bpf_ktime_get_ns();
	arrives(st, next, prev, now);
	switched_in(st, next, now);
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switch, bool preempt, struct task_struct *prev, struct task_struct *next)
{
	task_leaves(prev, next, preempt);
	task_comes(prev, next);
	return 0;
}

SEC("tp_btf/sched_waking")
int BPF_PROG(sched_waking, struct task_struct *p)
{
	struct task_state *st = known_task(p);
	__u64 now;

	if (!st || !followed(st))
		return 0;
	now = bpf_ktime_get_ns();
	becomes_ready(st, p, now);
	if (st->worker) {
		st->woken = 1;
		emit_context(CONTEXT_WORKER_WAKE, now, st->worker, 0, p->pid, 0);
	} else if (st->vm) {
		st->woken = 1;
		if (!st->wake_ns)
			st->wake_ns = now;
		emit_context(HOP_VCPU_WAKE, now, st->vm, st->vcpu, p->pid, 0);
	}
	return 0;
}
