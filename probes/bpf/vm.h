/* What the probes know of virtual machines: context events, and whose thread is whose. */
#ifndef STRATA_PROBES_BPF_VM_H
#define STRATA_PROBES_BPF_VM_H

#include "probes/bpf/maps.h"

#define BPF_VMS_MAX 16

/* VMM process to VM. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, BPF_VMS_MAX);
	__type(key, __u32);
	__type(value, __u8);
} vm_of_tgid __weak SEC(".maps");

/* vCPU thread to its index in the VM. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u16);
} vcpu_of_tid __weak SEC(".maps");

/* vhost's worker threads to their VM. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, __u8);
} vm_of_worker __weak SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct vm_counts);
} vm_counts __weak SEC(".maps");

static __always_inline struct vm_counts *counts_of(__u8 vm)
{
	__u32 key = vm;

	return bpf_map_lookup_elem(&vm_counts, &key);
}

/* The present task if it is a vhost worker: from now on the scheduler's probes know it. */
static __always_inline __u8 learn_worker(void)
{
	__u32 tid = bpf_get_current_pid_tgid();
	__u8 *vm = bpf_map_lookup_elem(&vm_of_worker, &tid);
	struct task_state *st;

	if (!vm)
		return 0;
	st = task_state(bpf_get_current_task_btf(), true);
	if (st)
		st->worker = *vm;
	return *vm;
}

/* The present task is a thread of this VM's VMM; if it is no vCPU, its waits are the VMM's. */
static __always_inline void learn_helper(__u8 vm)
{
	struct task_state *st = task_state(bpf_get_current_task_btf(), true);

	if (st && !st->vm)
		st->helper = vm;
}

/* An event of no flow: queue is the vCPU's index, or the virtqueue's at a kick. */
static __always_inline void emit_context(__u16 hop, __u64 time_ns, __u8 vm, __u16 queue,
					 __u32 tid, __u64 arg64)
{
	struct strata_event *e = event_reserve();
	struct segment none = {.flags = EVENT_CONTEXT};
	struct place at = {.vm = vm};

	if (!e)
		return;
	event_fill(e, hop, &none, at);
	e->queue = queue;
	e->tid = tid;
	e->arg64 = arg64;
	event_commit(e, time_ns);
}

#endif
