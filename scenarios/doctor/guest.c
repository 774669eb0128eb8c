/* A tiny guest: see guest.h. */
#include "scenarios/doctor/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "lib/cpu_mode.h"
#include "lib/err.h"

#define MEMORY_BYTES 0x10000
#define PML4         0x1000
#define PDPT         0x2000
#define PD           0x3000
#define CODE         0x4000
#define CODE_MAX     0x4000
#define STACK_TOP    0xf000
#define CPUID_MAX    256

/* Bits of page tables: Intel SDM 3, 4.5. */
#define PAGE_PRESENT  (1u << 0)
#define PAGE_WRITABLE (1u << 1)
#define PAGE_LARGE    (1u << 7)

static int set_cpuid(struct guest *g, int kvm)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[CPUID_MAX];
	} cpuid = {.head.nent = CPUID_MAX};

	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid) < 0 ||
	    ioctl(g->vcpu, KVM_SET_CPUID2, &cpuid) < 0)
		return err_errno("giving the guest its CPUID");
	return 0;
}

/* Long mode at privilege level 0, the first 2 MiB mapped to themselves. */
static int set_long_mode(struct guest *g)
{
	uint64_t pml4 = PDPT | PAGE_PRESENT | PAGE_WRITABLE;
	uint64_t pdpt = PD | PAGE_PRESENT | PAGE_WRITABLE;
	uint64_t pd = PAGE_PRESENT | PAGE_WRITABLE | PAGE_LARGE;
	struct kvm_sregs s;

	memcpy(g->memory + PML4, &pml4, sizeof(pml4));
	memcpy(g->memory + PDPT, &pdpt, sizeof(pdpt));
	memcpy(g->memory + PD, &pd, sizeof(pd));
	if (ioctl(g->vcpu, KVM_GET_SREGS, &s) < 0)
		return err_errno("reading the guest's registers");
	cpu_mode_long(&s, PML4);
	if (ioctl(g->vcpu, KVM_SET_SREGS, &s) < 0)
		return err_errno("putting the guest into long mode");
	return 0;
}

static int create_vm(struct guest *g, int kvm)
{
	struct kvm_userspace_memory_region region = {.memory_size = MEMORY_BYTES};

	g->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	if (g->vm < 0)
		return err_errno("creating a VM");
	g->memory = mmap(NULL, MEMORY_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (g->memory == MAP_FAILED)
		return err_errno("mapping the guest's memory");
	region.userspace_addr = (uintptr_t)g->memory;
	if (ioctl(g->vm, KVM_SET_USER_MEMORY_REGION, &region) < 0)
		return err_errno("giving the guest its memory");
	return 0;
}

static int create_vcpu(struct guest *g, int kvm)
{
	int bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);

	g->vcpu = ioctl(g->vm, KVM_CREATE_VCPU, 0);
	if (g->vcpu < 0 || bytes < (int)sizeof(*g->run))
		return err_errno("creating a vCPU");
	g->run_bytes = bytes;
	g->run = mmap(NULL, g->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, g->vcpu, 0);
	if (g->run == MAP_FAILED)
		return err_errno("mapping the vCPU");
	return 0;
}

int guest_create(struct guest *g, int kvm)
{
	*g = (struct guest){.vm = -1, .vcpu = -1, .memory = MAP_FAILED, .run = MAP_FAILED};
	if (create_vm(g, kvm) < 0 || create_vcpu(g, kvm) < 0 || set_cpuid(g, kvm) < 0)
		return -1;
	return set_long_mode(g);
}

void guest_destroy(struct guest *g)
{
	if (g->run != MAP_FAILED)
		munmap(g->run, g->run_bytes);
	if (g->vcpu >= 0)
		close(g->vcpu);
	if (g->vm >= 0)
		close(g->vm);
	if (g->memory != MAP_FAILED)
		munmap(g->memory, MEMORY_BYTES);
}

int guest_load(struct guest *g, const void *code, size_t len)
{
	static const uint8_t hlt = 0xf4;

	if (len > CODE_MAX)
		return err_set("the guest's code is too long");
	memcpy(g->memory + CODE, code, len);
	g->memory[STACK_TOP] = hlt; /* what a final "ret" comes to */
	return 0;
}

int guest_call(struct guest *g, uint64_t rsi)
{
	struct kvm_regs r = {.rip = CODE,
			     .rflags = 2,
			     .rsp = STACK_TOP - 8,
			     .rdi = GUEST_SCRATCH,
			     .rsi = rsi};
	uint64_t back = STACK_TOP;

	memcpy(g->memory + STACK_TOP - 8, &back, sizeof(back));
	return ioctl(g->vcpu, KVM_SET_REGS, &r) < 0 ? err_errno("setting the guest's registers")
						    : 0;
}

static void interrupt(int signal)
{
	(void)signal;
}

void guest_limit(unsigned int ms)
{
	struct sigaction action = {.sa_handler =
					   interrupt}; /* no SA_RESTART: it ends KVM_RUN */
	struct itimerval timer = {.it_value.tv_sec = ms / 1000,
				  .it_value.tv_usec = ms % 1000 * 1000};

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
}

int guest_run(struct guest *g)
{
	if (ioctl(g->vcpu, KVM_RUN, 0) == 0)
		return 0;
	if (errno == EINTR)
		return err_set("a guest of a few instructions did not end in time");
	return err_errno("running the guest");
}

const char *guest_exit_name(const struct guest *g)
{
	switch (g->run->exit_reason) {
	case KVM_EXIT_HLT:
		return "a halt";
	case KVM_EXIT_IO:
		return "port I/O";
	case KVM_EXIT_SHUTDOWN:
		return "a triple fault";
	case KVM_EXIT_INTERNAL_ERROR:
		return "an instruction KVM cannot execute";
	case KVM_EXIT_FAIL_ENTRY:
		return "a state the processor refuses";
	default:
		return "an exit it should not have";
	}
}
