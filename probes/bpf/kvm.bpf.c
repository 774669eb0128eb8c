/*
 * KVM in the host: interrupts injected, vCPUs entering guest mode because of one, doorbells.
 *
 * A busy guest enters and leaves a hundred thousand times a second. Hops are only the entries
 * that follow an interrupt or a wake-up, and the exits that are a configured doorbell; of the
 * others one event tells how long the vCPU was away and why, and how many interrupts its VM had
 * been given by then: so exits and interrupts can be counted for every request, and cost no
 * event of their own. A thread is learned to be a vCPU at its first entry.
 */
#include "lib/exits.h"
#include "probes/bpf/vm.h"

#define KVM_TRACE_MMIO_WRITE 2     /* include/trace/events/kvm.h */
#define SVM_EXIT_NPF         0x400 /* asm/svm.h */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct kick_key);
	__type(value, struct kick);
} kicks SEC(".maps");

/* What is known of interrupts that devices send to their VM: enum irq_use. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct irq_key);
	__type(value, __u8);
} irq_uses SEC(".maps");

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
static __always_inline void emit_out(struct task_state *st, const struct vm_counts *counts,
				     __u64 now, __u32 tid)
{
	__u64 from = st->halted ? st->wake_ns : st->out_ns;
	struct segment none = {.flags = EVENT_CONTEXT};
	struct place at = {.vm = st->vm};
	struct strata_event *e;

	if (!st->out_ns || !from || now <= from)
		return;
	e = event_reserve();
	if (!e)
		return;
	event_fill(e, CONTEXT_VCPU_OUT, &none, at);
	e->seq = counts->accepted;
	e->len = st->halted ? st->halt_ns : 0;
	e->queue = st->vcpu;
	e->tid = tid;
	e->arg32 = st->exit;
	e->arg64 = now - from;
	event_commit(e, from);
}

SEC("tp_btf/kvm_entry")
int BPF_PROG(kvm_entry)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *st = task_state(t, false);
	struct vm_counts *counts;
	__u64 now;

	if (!st || !st->vm)
		st = learn_vcpu(t);
	if (!st)
		return 0;
	counts = counts_of(st->vm);
	if (!counts)
		return 0;
	now = bpf_ktime_get_ns();
	emit_out(st, counts, now, t->pid);
	st->out_ns = 0;
	st->halted = 0;
	if (!st->ran && counts->irqs == st->irqs_seen)
		return 0;
	st->ran = 0;
	st->irqs_seen = counts->irqs;
	emit_context(HOP_KVM_ENTRY, now, st->vm, st->vcpu, t->pid, 0);
	return 0;
}

/* Of the VMCB, whose layout is the processor's: AMD APM volume 2, appendix B. */
#define VMCB_EXIT 0x70
struct vmcb_exit {
	__u64 code;
	__u64 info; /* of a nested page fault: as a page fault's error code (15.25.6) */
};
#define NPF_RESERVED_BIT 0x8

/*
 * KVM maps a device's registers so that an access faults on a reserved bit. Which of the two is
 * in use, SVM or VMX, the types of loaded modules tell.
 */
static __always_inline __u32 exit_word(void *vcpu, __u32 isa)
{
	__u32 word = isa << EXIT_ISA_SHIFT & EXIT_ISA;
	struct vcpu_vmx___since_6_15 *vt = vcpu;
	struct vcpu_svm *svm = vcpu;
	struct vcpu_vmx *vmx = vcpu;
	struct vmcb_exit exit;

	if (isa == EXIT_ISA_SVM && bpf_core_field_exists(svm->vmcb)) {
		if (bpf_probe_read_kernel(&exit, sizeof(exit),
					  BPF_CORE_READ(svm, vmcb) + VMCB_EXIT))
			return 0;
		word |= (__u16)exit.code;
		if ((__u16)exit.code == SVM_EXIT_NPF && exit.info & NPF_RESERVED_BIT)
			word |= EXIT_MMIO;
		return word;
	}
	if (isa == EXIT_ISA_VMX && bpf_core_field_exists(vmx->exit_reason))
		return word | (__u16)BPF_CORE_READ(vmx, exit_reason.full);
	if (isa == EXIT_ISA_VMX && bpf_core_field_exists(vt->vt))
		return word | (__u16)BPF_CORE_READ(vt, vt.exit_reason.full);
	return 0;
}

SEC("tp_btf/kvm_exit")
int BPF_PROG(kvm_exit, struct kvm_vcpu *vcpu, __u32 isa)
{
	struct task_state *st = task_state(bpf_get_current_task_btf(), false);

	if (!st || !st->vm)
		return 0;
	st->out_ns = st->exit_ns = bpf_ktime_get_ns();
	st->wake_ns = 0;
	st->exit = vcpu ? exit_word(vcpu, isa) : 0; /* verifiers of some kernels insist */
	return 0;
}

/* The end of a halt, polled or slept through. */
SEC("tp_btf/kvm_vcpu_wakeup")
int BPF_PROG(kvm_vcpu_wakeup, __u64 ns, bool waited)
{
	struct task_state *st = task_state(bpf_get_current_task_btf(), false);

	if (!st || !st->vm)
		return 0;
	st->halted = 1;
	st->halt_ns = ns < ~0u ? ns : ~0u;
	if (!waited)
		st->exit |= EXIT_POLLED;
	if (!st->wake_ns)
		st->wake_ns = bpf_ktime_get_ns();
	return 0;
}

/* An interrupt's handler is over in less: what is older was not passed on. */
#define HANDLER_NS 1000000

/*
 * Whose message? It is sent in the context of whoever signals the irqfd: a thread of the VMM, a
 * worker of vhost; or in the interrupt of the device itself, whatever task that interrupted.
 */
static __always_inline __u8 sender(struct cpu_state *cpu, __u64 now, bool *worker)
{
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32;
	__u8 *vm;

	if (now - cpu->device_ns > HANDLER_NS)
		cpu->device_vm = 0;
	if (cpu->device_vm)
		return cpu->device_vm;
	if (config.workers) {
		__u8 worked_for = learn_worker();

		*worker = worked_for;
		if (worked_for)
			return worked_for;
	}
	vm = bpf_map_lookup_elem(&vm_of_tgid, &tgid);
	if (!vm)
		return 0;
	learn_helper(*vm);
	return *vm;
}

/* Of a message that nobody told us of: where vhost serves the NIC, its workers send the NIC's,
 * and what the VMM sends is another device's. */
static __always_inline bool may_be_nics(const struct irq_key *key, bool worker)
{
	return key->address && (worker || !config.workers);
}

/* It is a hop if it may be the NIC's word of a frame that was received. */
static __always_inline void irq_sent(struct irq_key *key, __u64 arg64)
{
	struct cpu_state *cpu = this_cpu();
	__u64 now = bpf_ktime_get_ns();
	struct vm_counts *counts;
	bool worker = false;
	__u8 *use, vm;

	if (!cpu)
		return;
	vm = sender(cpu, now, &worker);
	if (!vm)
		return;
	cpu->message_vm = vm;
	key->vm = vm;
	use = bpf_map_lookup_elem(&irq_uses, key);
	if (use ? *use != IRQ_RECEIVE : !may_be_nics(key, worker))
		goto out;
	counts = counts_of(vm);
	if (counts)
		__sync_fetch_and_add(&counts->irqs, 1);
	if (cpu->device_vm)
		emit_context(HOP_VFIO_IRQ, cpu->device_ns, vm, 0, 0, 0);
	emit_context(HOP_KVM_IRQ, now, vm, 0, bpf_get_current_pid_tgid(), arg64);
out:
	cpu->device_vm = 0;
}

/*
 * What every message's address begins with (Intel SDM volume 3, 11.11.1). KVM does not look
 * there, and a VMM may leave it out: QEMU does where it sends a message by KVM_SIGNAL_MSI.
 */
#define MSI_ADDRESS 0xfee00000ull

SEC("tp_btf/kvm_msi_set_irq")
int BPF_PROG(kvm_msi_set_irq, __u64 address, __u64 data)
{
	struct irq_key key = {.address = address | MSI_ADDRESS, .data = data};

	irq_sent(&key, data << 32 | (__u32)address);
	return 0;
}

/* A line, as devices without messages have one. */
SEC("tp_btf/kvm_set_irq")
int BPF_PROG(kvm_set_irq, unsigned int gsi, int level)
{
	struct irq_key key = {.data = gsi};

	if (level == 1)
		irq_sent(&key, gsi);
	return 0;
}

/* A local APIC takes an interrupt: of a device, a timer, another vCPU. */
SEC("tp_btf/kvm_apic_accept_irq")
int BPF_PROG(kvm_apic_accept_irq)
{
	struct cpu_state *cpu = this_cpu();
	__u64 id = bpf_get_current_pid_tgid();
	__u32 tgid = id >> 32;
	struct vm_counts *counts;
	__u8 *vm, to;

	if (!cpu)
		return 0;
	to = cpu->message_vm;
	cpu->message_vm = 0;
	if (!to) {
		vm = bpf_map_lookup_elem(&vm_of_tgid, &tgid);
		if (!vm)
			return 0;
		to = *vm;
	}
	counts = counts_of(to);
	if (counts)
		__sync_fetch_and_add(&counts->accepted, 1);
	return 0;
}

/* A write to gpa: if it is a doorbell, it explains the exit that went before. */
static __always_inline int kick(struct task_state *st, __u64 gpa, bool ioeventfd)
{
	struct kick_key key = {.gpa = gpa, .vm = st->vm};
	struct kick *k = bpf_map_lookup_elem(&kicks, &key);
	__u32 tid = bpf_get_current_pid_tgid();

	if (!k && config.any_kick) {
		key.gpa = KICK_ANY;
		k = bpf_map_lookup_elem(&kicks, &key);
	}
	if (!k || (config.exact_kick && k->ioeventfd && !ioeventfd))
		return 0;
	if (st->exit_ns)
		emit_context(HOP_KVM_EXIT, st->exit_ns, st->vm, k->queue, tid, gpa);
	st->exit_ns = 0;
	emit_context(HOP_KVM_KICK, bpf_ktime_get_ns(), st->vm, k->queue, tid, gpa);
	return 0;
}

static __always_inline struct task_state *this_vcpu(void)
{
	struct task_state *st = task_state(bpf_get_current_task_btf(), false);

	return st && st->vm ? st : NULL;
}

SEC("tp_btf/kvm_mmio")
int BPF_PROG(kvm_mmio, int type, int len, __u64 gpa)
{
	struct task_state *st = this_vcpu();

	if (!st)
		return 0;
	st->exit |= EXIT_MMIO;
	return type == KVM_TRACE_MMIO_WRITE ? kick(st, gpa, false) : 0;
}

SEC("tp_btf/kvm_fast_mmio")
int BPF_PROG(kvm_fast_mmio, __u64 gpa)
{
	struct task_state *st = this_vcpu();

	if (!st)
		return 0;
	st->exit |= EXIT_MMIO;
	return kick(st, gpa, false);
}

SEC("fentry/ioeventfd_write")
int BPF_PROG(ioeventfd_write, struct kvm_vcpu *vcpu, void *device, __u64 gpa)
{
	struct task_state *st = this_vcpu();

	return st ? kick(st, gpa, true) : 0;
}
