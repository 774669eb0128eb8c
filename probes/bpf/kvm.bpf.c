/*
 * KVM in the host: interrupts injected, vCPUs entering guest mode because of one, doorbells.
 *
 * A busy guest enters and leaves a hundred thousand times a second. Hops are only the entries
 * that follow an interrupt or a wake-up, and the exits that are a configured doorbell; of the
 * others one event tells how long the vCPU was away. A thread is learned to be a vCPU at its
 * first entry.
 */
#include "probes/bpf/vm.h"

#define KVM_TRACE_MMIO_WRITE 2 /* include/trace/events/kvm.h */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct kick_key);
	__type(value, __u16);
} kicks SEC(".maps");

static __always_inline struct task_state *learn_vcpu(struct task_struct *t)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32, tid = id;
	__u8 *vm = bpf_map_lookup_elem(&vm_of_tgid, &tgid);
	struct task_state *st;
	__u16 *vcpu;

	if (!vm)
		return NULL;
	st = task_state(t, true);
	if (!st)
		return NULL;
	vcpu = bpf_map_lookup_elem(&vcpu_of_tid, &tid);
	st->vcpu = vcpu ? *vcpu : 0;
	st->vm = *vm;
	return st;
}

/*
 * The vCPU is back: how long was it away? A halted one is away because it has nothing to do;
 * that is the guest's own affair until something wakes it.
 */
static __always_inline void emit_out(struct task_state *st, __u64 now, __u32 tid)
{
	__u64 from = st->halted ? st->wake_ns : st->out_ns;

	if (st->out_ns && from && now > from)
		emit_context(CONTEXT_VCPU_OUT, from, st->vm, st->vcpu, tid, now - from);
	st->out_ns = 0;
	st->halted = 0;
}

SEC("tp_btf/kvm_entry")
int BPF_PROG(kvm_entry)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *st = task_state(t, false);
	__u64 now, *injected;
	__u32 vm;

	if (!st || !st->vm)
		st = learn_vcpu(t);
	if (!st)
		return 0;
	now = bpf_ktime_get_ns();
	emit_out(st, now, t->pid);
	vm = st->vm;
	injected = bpf_map_lookup_elem(&vm_irqs, &vm);
	if (!injected || (!st->ran && *injected == st->irqs_seen))
		return 0;
	st->ran = 0;
	st->irqs_seen = *injected;
	emit_context(HOP_KVM_ENTRY, now, vm, st->vcpu, t->pid, 0);
	return 0;
}

SEC("tp_btf/kvm_exit")
int BPF_PROG(kvm_exit)
{
	struct task_state *st = task_state(bpf_get_current_task_btf(), false);

	if (!st || !st->vm)
		return 0;
	st->out_ns = st->exit_ns = bpf_ktime_get_ns();
	st->wake_ns = 0;
	return 0;
}

/* The end of a halt, polled or slept through. */
SEC("tp_btf/kvm_vcpu_wakeup")
int BPF_PROG(kvm_vcpu_wakeup)
{
	struct task_state *st = task_state(bpf_get_current_task_btf(), false);

	if (!st || !st->vm)
		return 0;
	st->halted = 1;
	if (!st->wake_ns)
		st->wake_ns = bpf_ktime_get_ns();
	return 0;
}

/* In the context of whoever writes to the irqfd: a thread of the VMM, or vhost's. */
SEC("tp_btf/kvm_msi_set_irq")
int BPF_PROG(kvm_msi_set_irq, __u64 address, __u64 data)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32, key;
	__u8 *vm = bpf_map_lookup_elem(&vm_of_tgid, &tgid);
	__u64 *injected;

	if (!vm)
		return 0;
	key = *vm;
	injected = bpf_map_lookup_elem(&vm_irqs, &key);
	if (injected)
		__sync_fetch_and_add(injected, 1);
	emit_context(HOP_KVM_IRQ, bpf_ktime_get_ns(), key, 0, id, data << 32 | (__u32)address);
	return 0;
}

/* A write to gpa: if it is a doorbell, it explains the exit that went before. */
static __always_inline int kick(__u64 gpa)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *st = task_state(t, false);
	struct kick_key key = {.gpa = gpa};
	__u16 *queue;

	if (!st || !st->vm)
		return 0;
	key.vm = st->vm;
	queue = bpf_map_lookup_elem(&kicks, &key);
	if (!queue)
		return 0;
	if (st->exit_ns)
		emit_context(HOP_KVM_EXIT, st->exit_ns, st->vm, *queue, t->pid, gpa);
	st->exit_ns = 0;
	emit_context(HOP_KVM_KICK, bpf_ktime_get_ns(), st->vm, *queue, t->pid, gpa);
	return 0;
}

SEC("tp_btf/kvm_mmio")
int BPF_PROG(kvm_mmio, int type, int len, __u64 gpa)
{
	return type == KVM_TRACE_MMIO_WRITE ? kick(gpa) : 0;
}

SEC("tp_btf/kvm_fast_mmio")
int BPF_PROG(kvm_fast_mmio, __u64 gpa)
{
	return kick(gpa);
}

SEC("fentry/ioeventfd_write")
int BPF_PROG(ioeventfd_write, struct kvm_vcpu *vcpu, void *device, __u64 gpa)
{
	return kick(gpa);
}
