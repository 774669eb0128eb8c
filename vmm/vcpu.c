/* A virtual processor: create it, put it at the kernel's entry, and run it exit by exit. */
#include "vmm/vcpu.h"

#include <errno.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/cpu_mode.h"
#include "lib/err.h"
#include "vmm/machine.h"

#define MSR_IA32_MISC_ENABLE     0x1a0
#define MISC_ENABLE_FAST_STRINGS 1

static const char *const exit_names[EXIT_REASONS] = {
	[KVM_EXIT_UNKNOWN] = "unknown",
	[KVM_EXIT_EXCEPTION] = "exception",
	[KVM_EXIT_IO] = "io",
	[KVM_EXIT_DEBUG] = "debug",
	[KVM_EXIT_HLT] = "hlt",
	[KVM_EXIT_MMIO] = "mmio",
	[KVM_EXIT_IRQ_WINDOW_OPEN] = "irq_window",
	[KVM_EXIT_SHUTDOWN] = "shutdown",
	[KVM_EXIT_FAIL_ENTRY] = "fail_entry",
	[KVM_EXIT_INTR] = "interrupted",
	[KVM_EXIT_INTERNAL_ERROR] = "internal_error",
	[KVM_EXIT_SYSTEM_EVENT] = "system_event",
	[KVM_EXIT_IOAPIC_EOI] = "ioapic_eoi",
};

const char *vcpu_exit_name(unsigned int reason)
{
	return reason < EXIT_REASONS ? exit_names[reason] : NULL;
}

static int set_msrs(struct vcpu *v)
{
	struct {
		struct kvm_msrs header;
		struct kvm_msr_entry entry;
	} msrs = {
		.header.nmsrs = 1,
		.entry = {.index = MSR_IA32_MISC_ENABLE, .data = MISC_ENABLE_FAST_STRINGS},
	};

	if (ioctl(v->fd, KVM_SET_MSRS, &msrs) < 0)
		return err_errno("KVM refuses the model-specific registers of vCPU %d",
				 v->index);
	return 0;
}

int vcpu_create(struct machine *m, int index)
{
	struct vcpu *v = &m->vcpus[index];
	int bytes = ioctl(m->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);

	v->machine = m;
	v->index = index;
	v->fd = ioctl(m->vm_fd, KVM_CREATE_VCPU, index);
	if (v->fd < 0)
		return err_errno("KVM cannot make vCPU %d", index);
	if (bytes < (int)sizeof(struct kvm_run))
		return err_set("KVM's shared vCPU area is too small (%d bytes)", bytes);
	v->run = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, v->fd, 0);
	if (v->run == MAP_FAILED) {
		v->run = NULL;
		return err_errno("cannot map the shared area of vCPU %d", index);
	}
	v->run_bytes = (size_t)bytes;
	if (cpuid_set(v))
		return -1;
	return set_msrs(v);
}

void vcpu_destroy(struct vcpu *v)
{
	if (v->run)
		munmap(v->run, v->run_bytes);
	if (v->fd >= 0)
		close(v->fd);
	v->run = NULL;
	v->fd = -1;
}

int vcpu_set_pvh_entry(struct vcpu *v, uint32_t entry, uint32_t start_info)
{
	struct kvm_regs regs = {.rip = entry, .rbx = start_info, .rflags = 2};
	struct kvm_sregs s;

	if (ioctl(v->fd, KVM_GET_SREGS, &s))
		return err_errno("KVM does not give the registers of vCPU %d", v->index);
	cpu_mode_protected(&s);
	if (ioctl(v->fd, KVM_SET_SREGS, &s) || ioctl(v->fd, KVM_SET_REGS, &regs))
		return err_errno("KVM refuses the registers of vCPU %d", v->index);
	return 0;
}

static void port_access(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	uint8_t *data = (uint8_t *)run + run->io.data_offset;

	for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
		uint64_t value = 0;

		if (run->io.direction == KVM_EXIT_IO_OUT) {
			memcpy(&value, data, run->io.size);
			bus_write(v->machine->ports, run->io.port, value, run->io.size);
		} else {
			value = bus_read(v->machine->ports, run->io.port, run->io.size);
			memcpy(data, &value, run->io.size);
		}
	}
}

static void mmio_part(struct vcpu *v, uint64_t addr, uint8_t *data, unsigned int size)
{
	uint64_t value = 0;

	if (v->run->mmio.is_write) {
		memcpy(&value, data, size);
		bus_write(v->machine->mmio, addr, value, size);
	} else {
		value = bus_read(v->machine->mmio, addr, size);
		memcpy(data, &value, size);
	}
}

/* An instruction that straddles a page reaches us in pieces of any length: those go by bytes.
 */
static void mmio_access(struct vcpu *v)
{
	struct kvm_run *run = v->run;
	unsigned int len = run->mmio.len;

	if (len == 1 || len == 2 || len == 4 || len == 8) {
		mmio_part(v, run->mmio.phys_addr, run->mmio.data, len);
		return;
	}
	for (unsigned int i = 0; i < len && i < sizeof(run->mmio.data); i++)
		mmio_part(v, run->mmio.phys_addr + i, run->mmio.data + i, 1);
}

static void fail(struct vcpu *v)
{
	const struct kvm_run *run = v->run;
	struct kvm_regs regs = {0};

	ioctl(v->fd, KVM_GET_REGS, &regs);
	if (run->exit_reason == KVM_EXIT_INTERNAL_ERROR)
		machine_end(
			v->machine, MACHINE_FAILED,
			"KVM could not go on with vCPU %d at rip 0x%llx (internal error %u%s)",
			v->index, (unsigned long long)regs.rip, run->internal.suberror,
			run->internal.suberror == KVM_INTERNAL_ERROR_EMULATION
				? ": an instruction it cannot emulate; does this host's KVM "
				  "only interpret? see strata doctor"
				: "");
	else if (run->exit_reason == KVM_EXIT_FAIL_ENTRY)
		machine_end(v->machine, MACHINE_FAILED,
			    "the processor refused to enter vCPU %d (reason 0x%llx)", v->index,
			    (unsigned long long)run->fail_entry.hardware_entry_failure_reason);
	else
		machine_end(
			v->machine, MACHINE_FAILED,
			"vCPU %d left the guest for a reason unknown here: %u, at rip 0x%llx",
			v->index, run->exit_reason, (unsigned long long)regs.rip);
}

static void handle_exit(struct vcpu *v)
{
	switch (v->run->exit_reason) {
	case KVM_EXIT_IO:
		port_access(v);
		break;
	case KVM_EXIT_MMIO:
		mmio_access(v);
		break;
	case KVM_EXIT_INTR:
	case KVM_EXIT_HLT:
	case KVM_EXIT_IRQ_WINDOW_OPEN:
		break;
	case KVM_EXIT_SHUTDOWN:
		machine_end(v->machine, MACHINE_REBOOT,
			    "the guest reset itself by a triple fault");
		break;
	case KVM_EXIT_SYSTEM_EVENT:
		machine_end(v->machine, MACHINE_REBOOT,
			    "the guest asked KVM for system event %u",
			    v->run->system_event.type);
		break;
	default:
		fail(v);
	}
}

static void read_clock(struct vcpu *v)
{
	struct kvm_device_attr attr = {
		.group = KVM_VCPU_TSC_CTRL,
		.attr = KVM_VCPU_TSC_OFFSET,
		.addr = (uintptr_t)&v->tsc_offset,
	};

	/* Since Linux 5.16. Where it lacks, the status says that it does not know. */
	v->has_tsc_offset = ioctl(v->fd, KVM_GET_DEVICE_ATTR, &attr) == 0;
	v->clock_taken = v->machine->clock_wanted;
}

/* Somebody wants something: do it, wait while paused. False when the machine has ended. */
static bool attend(struct vcpu *v)
{
	struct machine *m = v->machine;
	bool was_held = false;

	pthread_mutex_lock(&m->lock);
	v->run->immediate_exit = 0;
	atomic_store(&v->attention, false);
	for (;;) {
		if (v->clock_taken != m->clock_wanted)
			read_clock(v);
		v->held = m->paused;
		pthread_cond_broadcast(&m->changed);
		if (!m->paused || m->end)
			break;
		was_held = true;
		pthread_cond_wait(&m->changed, &m->lock);
	}
	v->held = false;
	pthread_mutex_unlock(&m->lock);
	if (was_held)
		ioctl(v->fd, KVM_KVMCLOCK_CTRL, 0); /* the guest's watchdog need not bark */
	return !atomic_load(&m->end);
}

static void *vcpu_main(void *arg)
{
	struct vcpu *v = arg;
	char name[16];

	snprintf(name, sizeof(name), "vcpu%d", v->index);
	pthread_setname_np(pthread_self(), name);
	atomic_store(&v->tid, gettid());
	while (!atomic_load(&v->attention) || attend(v)) {
		int ret = ioctl(v->fd, KVM_RUN, 0);

		if (ret < 0 && errno != EINTR && errno != EAGAIN) {
			machine_end(v->machine, MACHINE_FAILED, "vCPU %d cannot run: %s",
				    v->index, strerror(errno));
			break;
		}
		if (ret < 0) {
			atomic_fetch_add(&v->exits[KVM_EXIT_INTR], 1);
			continue;
		}
		if (v->run->exit_reason < EXIT_REASONS)
			atomic_fetch_add_explicit(&v->exits[v->run->exit_reason], 1,
						  memory_order_relaxed);
		handle_exit(v);
	}
	return NULL;
}

static void kicked(int signal)
{
	(void)signal;
}

int vcpu_start(struct vcpu *v)
{
	struct sigaction action = {.sa_handler = kicked};
	int error;

	/* A handler, so that the signal interrupts KVM_RUN. */
	sigaction(VCPU_KICK_SIGNAL, &action, NULL);
	error = pthread_create(&v->thread, NULL, vcpu_main, v);
	if (error)
		return err_set("cannot start the thread of vCPU %d: %s", v->index,
			       strerror(error));
	v->started = true;
	return 0;
}

void vcpu_join(struct vcpu *v)
{
	if (v->started)
		pthread_join(v->thread, NULL);
	v->started = false;
}

void vcpu_kick(struct vcpu *v)
{
	atomic_store(&v->attention, true);
	if (!v->started)
		return;
	/* immediate_exit covers a kick that comes just before KVM_RUN, the signal one that
	 * comes after. */
	__atomic_store_n(&v->run->immediate_exit, 1, __ATOMIC_SEQ_CST);
	pthread_kill(v->thread, VCPU_KICK_SIGNAL);
}
