/*
 * Why a task had no CPU: it slept, and for what; it was runnable, and who ran instead, or its
 * cgroup's quota was used up. One event for each stay off the CPU: lib/offcpu.h.
 *
 * Only tasks that carry requests are followed; of strangers nothing is read but when one of
 * them takes the CPU away or gives it back.
 */
#ifndef STRATA_PROBES_BPF_OFFCPU_H
#define STRATA_PROBES_BPF_OFFCPU_H

#include "probes/bpf/vm.h"

/* Shorter ones are not told of. */
#define OFF_MIN_NS 10000

/* A wake-up that follows a socket's callback within this was its doing. */
#define WAKER_NS 200000

#define STATE_UNINTERRUPTIBLE 2 /* include/linux/sched.h */

static __always_inline bool followed(const struct task_state *st)
{
	return st->app || st->vm || st->worker || st->helper;
}

static __always_inline __u32 state_of(struct task_struct *t)
{
	struct task_struct___before_5_14 *old = (void *)t;

	if (bpf_core_field_exists(t->__state))
		return t->__state;
	return BPF_CORE_READ(old, state);
}

/* Who is that? The idle task is nobody. */
static __always_inline void rival_read(struct rival *r, struct task_struct *t)
{
	__u32 tgid = t->tgid;
	__u8 *vm;

	r->tid = t->pid;
	r->vm = 0;
	r->woken = 0;
	if (!r->tid)
		return;
	bpf_probe_read_kernel(r->comm, sizeof(r->comm), t->comm);
	r->cgroup = t->cgroups->dfl_cgrp->kn->id;
	if (config.vms) {
		vm = bpf_map_lookup_elem(&vm_of_tgid, &tgid);
		r->vm = vm ? *vm : 0;
	}
}

/*
 * Who has the CPU that t was on last, and mostly is to be on again, now that it is woken? If
 * that is the CPU of whoever wakes it, as of an interrupt that brought a packet, it is the
 * present task. (Another's run queue not every kernel shows: it needs CONFIG_KALLSYMS_ALL.)
 */
static __always_inline void rival_running(struct rival *r, struct task_struct *t)
{
	struct task_struct *running = bpf_get_current_task_btf();
	int cpu = (int)bpf_get_smp_processor_id();

	r->tid = 0;
	if (!bpf_core_field_exists(t->wake_cpu) || t->wake_cpu != cpu || running->pid == t->pid)
		return;
	rival_read(r, running);
	r->woken = 1;
	r->cpu = (__u16)cpu;
}

static __always_inline __u64 throttled_ns_of(struct cfs_rq *q)
{
	return bpf_core_field_exists(q->throttled_clock_self_time)
		       ? q->throttled_clock_self_time
		       : 0;
}

static __always_inline void note_quota(struct task_state *st, struct task_struct *t)
{
	struct cfs_rq *q = NULL;

	st->throttled = 0;
	if (!bpf_core_field_exists(t->se.cfs_rq) || !bpf_core_field_exists(q->throttle_count))
		return;
	q = t->se.cfs_rq;
	st->cfs_rq = (__u64)q;
	st->throttled_ns = throttled_ns_of(q);
	st->throttled = q->throttle_count > 0;
}

static __always_inline void leaves(struct task_state *st, struct task_struct *t,
				   struct task_struct *next, bool preempt, __u64 now)
{
	__u32 state = state_of(t);

	st->off_ns = now;
	st->off = 0;
	st->rival.tid = 0;
	if (preempt || !state) {
		st->ready_ns = now;
		rival_read(&st->rival, next);
		note_quota(st, t);
		return;
	}
	st->ready_ns = 0;
	st->off = OFF_BLOCKED;
	if (st->app &&
	    (state & STATE_UNINTERRUPTIBLE || BPF_CORE_READ_BITFIELD_PROBED(t, in_iowait)))
		st->off |= OFF_DISK;
}

static __always_inline void becomes_ready(struct task_state *st, struct task_struct *t,
					  __u64 now)
{
	struct cpu_state *cpu = this_cpu();

	if (st->ready_ns || !st->off_ns)
		return;
	st->ready_ns = now;
	if (st->app && cpu && now - cpu->waker_ns < WAKER_NS)
		st->off |= cpu->waker << OFF_WAKER_SHIFT;
	rival_running(&st->rival, t);
	note_quota(st, t);
}

/* How much of its wait was t's quota's fault? */
static __always_inline __u64 quota_ns(const struct task_state *st, struct task_struct *t,
				      __u64 wait_ns)
{
	struct cfs_rq *q = NULL;
	__u64 ns = 0;

	if (!bpf_core_field_exists(t->se.cfs_rq) || !bpf_core_field_exists(q->throttle_count))
		return 0;
	q = t->se.cfs_rq;
	if (st->cfs_rq == (__u64)q)
		ns = throttled_ns_of(q) - st->throttled_ns;
	if (!ns && st->throttled)
		ns = wait_ns;
	return ns < wait_ns ? ns : wait_ns;
}

/* Percent of its wait that the task which now gives the CPU back had it. */
static __always_inline __u32 last_share(struct task_struct *last, struct task_struct *t,
					__u64 wait_ns)
{
	__u64 after_ns;

	if (!bpf_core_field_exists(t->sched_info) || !wait_ns)
		return 0;
	if (last->sched_info.last_arrival <= t->sched_info.last_queued)
		return 100;
	after_ns = last->sched_info.last_arrival - t->sched_info.last_queued;
	return after_ns < wait_ns ? (wait_ns - after_ns) * 100 / wait_ns : 0;
}

/* Of the one that took the CPU and the one that gives it back, who had it for longer. */
static __always_inline void choose_rival(struct task_state *st, struct task_struct *t,
					 struct task_struct *last, __u64 wait_ns)
{
	__u32 share = last_share(last, t, wait_ns);

	if (st->rival.woken && st->rival.cpu != bpf_get_smp_processor_id())
		st->rival.tid = 0; /* it was woken elsewhere */
	if (st->rival.tid && (share < 50 || !last->pid))
		return;
	rival_read(&st->rival, last);
	st->off |= OFF_LAST | share << OFF_SHARE_SHIFT;
}

static __always_inline __u32 ns32(__u64 ns)
{
	return ns < ~0u ? ns : ~0u;
}

static __always_inline void emit_off(const struct task_state *st, struct task_struct *t,
				     __u64 now, __u64 throttled_ns)
{
	struct strata_event *e = event_reserve();
	struct segment none = {.flags = EVENT_CONTEXT};
	struct place at = {.device = st->rival.vm};

	if (!e)
		return;
	at.vm = st->vm       ? st->vm
		: st->worker ? st->worker
		: st->helper ? st->helper
			     : config.vm_of_sockets;
	event_fill(e, CONTEXT_TASK_OFF, &none, at);
	e->arg64 = now - st->off_ns;
	e->len = ns32(now - st->ready_ns);
	e->seq = ns32(throttled_ns);
	e->tid = t->pid;
	e->queue = st->vcpu;
	e->arg32 = st->rival.tid;
	e->reserved = st->off;
	if (st->rival.tid) {
		e->flow = st->rival.comm[0];
		e->packet = st->rival.comm[1];
		e->client_port = st->rival.cgroup;
		e->server_port = st->rival.cgroup >> 16;
	}
	event_commit(e, st->off_ns);
}

/* A vCPU that halts has nothing to do: only its wait for a CPU is told of, and a worker's. */
static __always_inline void arrives(struct task_state *st, struct task_struct *t,
				    struct task_struct *last, __u64 now)
{
	__u64 wait_ns;

	if (!st->off_ns)
		return;
	if (!st->ready_ns) /* nobody saw it woken */
		st->ready_ns = now;
	wait_ns = now - st->ready_ns;
	if (!st->app)
		st->off_ns = st->ready_ns;
	if (now - st->off_ns >= OFF_MIN_NS) {
		st->off |= st->vm       ? OFF_VCPU
			   : st->worker ? OFF_WORKER
			   : st->helper ? OFF_VMM
					: OFF_SERVER;
		if (wait_ns >= OFF_MIN_NS)
			choose_rival(st, t, last, wait_ns);
		else
			st->rival.tid = 0;
		emit_off(st, t, now, quota_ns(st, t, wait_ns));
	}
	st->off_ns = 0;
	st->ready_ns = 0;
}

#endif
