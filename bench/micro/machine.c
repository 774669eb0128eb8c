/* The machine around the freestanding guest: see machine.h. */
#include "bench/micro/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench/micro/tables.h"
#include "lib/err.h"

#define CPUID_MAX 256
#define LIMIT_S   15 /* what takes long takes seconds where KVM interprets */

#define CPUID_INTEL 0x756e6547u /* "Genu" */

#define TSC_DEADLINE (1u << 24) /* CPUID.1:ECX */
#define X2APIC       (1u << 21)

#define MSI_ADDRESS 0xfee00000u /* to APIC 0, edge (Intel SDM 3, 11.11) */
#define IRQ_GSI     24

extern const uint8_t micro_guest[];
extern const uint64_t micro_guest_bytes;

static int open_kvm(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	return fd < 0 ? err_errno("/dev/kvm") : fd;
}

int micro_needs_kvm(void)
{
	int fd = open_kvm();

	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

void micro_init(struct micro *m, const struct micro_config *c)
{
	*m = (struct micro){.vm = -1,
			    .vcpu = {-1, -1},
			    .irqfd = -1,
			    .kickfd = -1,
			    .run = {MAP_FAILED, MAP_FAILED},
			    .low = MAP_FAILED,
			    .arena = MAP_FAILED,
			    .tables = MAP_FAILED,
			    .limit_s = LIMIT_S,
			    .config = *c};
}

int micro_create_vm(struct micro *m)
{
	int kvm = open_kvm();

	if (kvm < 0)
		return -1;
	m->vm = ioctl(kvm, KVM_CREATE_VM, 0);
	m->run_bytes = (size_t)ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	close(kvm);
	if (m->vm < 0)
		return err_errno("create a VM");
	if (m->config.apic && ioctl(m->vm, KVM_CREATE_IRQCHIP, 0))
		return err_errno("give the VM its interrupt controllers");
	return 0;
}

/* ---- memory ---- */

static int add_memory(struct micro *m, uint32_t slot, uint64_t at, uint8_t *memory,
		      size_t bytes)
{
	struct kvm_userspace_memory_region region = {.slot = slot,
						     .guest_phys_addr = at,
						     .memory_size = bytes,
						     .userspace_addr = (uintptr_t)memory};

	return ioctl(m->vm, KVM_SET_USER_MEMORY_REGION, &region)
		       ? err_errno("give the VM its memory")
		       : 0;
}

static uint8_t *map(size_t bytes)
{
	return mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

static int create_arena(struct micro *m)
{
	uint64_t bytes = m->config.arena_bytes;

	m->arena = arena_map(bytes, m->config.host_pages == PAGES_LARGE);
	if (!m->arena) {
		m->arena = MAP_FAILED;
		return -1;
	}
	if (add_memory(m, 1, GUEST_ARENA, m->arena, bytes))
		return -1;
	if (m->config.guest_pages == PAGES_LARGE)
		return 0;
	m->tables_bytes = bytes / 512;
	m->tables = map(m->tables_bytes);
	if (m->tables == MAP_FAILED)
		return err_errno("map the guest's page tables");
	return add_memory(m, 2, GUEST_ARENA_PTS, m->tables, m->tables_bytes);
}

int micro_create_memory(struct micro *m)
{
	m->low = map(GUEST_LOW_BYTES);
	if (m->low == MAP_FAILED)
		return err_errno("map the guest's memory");
	if (add_memory(m, 0, 0, m->low, GUEST_LOW_BYTES) ||
	    (m->config.arena_bytes && create_arena(m)))
		return -1;
	if (micro_guest_bytes > GUEST_CODE_MAX)
		return err_set("the guest's code is too long");
	memcpy(m->low + GUEST_CODE, micro_guest, micro_guest_bytes);
	tables_write(m->low, m->tables == MAP_FAILED ? NULL : m->tables, m->config.arena_bytes);
	m->shared = (struct micro_shared *)(m->low + GUEST_SHARED);
	m->shared->apic = m->config.apic;
	return 0;
}

/* ---- processors ---- */

static int set_cpuid(struct micro *m, unsigned int number)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[CPUID_MAX];
	} cpuid = {.head.nent = CPUID_MAX};
	int kvm = open_kvm(), result;

	if (kvm < 0)
		return -1;
	result = ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid);
	close(kvm);
	for (uint32_t i = 0; !result && i < cpuid.head.nent; i++) {
		struct kvm_cpuid_entry2 *e = &cpuid.head.entries[i];

		if (e->function == 0)
			m->shared->intel = e->ebx == CPUID_INTEL;
		if (e->function == 1) {
			e->ecx |= X2APIC | (m->config.apic ? TSC_DEADLINE : 0);
			e->ebx = (e->ebx & 0x00ffffff) | number << 24;
		}
	}
	if (result || ioctl(m->vcpu[number], KVM_SET_CPUID2, &cpuid))
		return err_errno("give the guest its CPUID");
	return 0;
}

static int find_clock(struct micro *m)
{
	uint64_t offset = 0;
	struct kvm_device_attr attr = {.group = KVM_VCPU_TSC_CTRL,
				       .attr = KVM_VCPU_TSC_OFFSET,
				       .addr = (uintptr_t)&offset};
	int khz = ioctl(m->vcpu[0], KVM_GET_TSC_KHZ, 0);

	if (khz <= 0)
		return err_set("KVM does not say how fast the guest's time stamp counter is");
	m->ticks_per_ns = khz / 1e6;
	if (ioctl(m->vcpu[0], KVM_GET_DEVICE_ATTR, &attr))
		return err_errno("read the offset of the guest's time stamp counter");
	m->tsc_offset = offset;
	return 0;
}

int micro_create_vcpu(struct micro *m, unsigned int number)
{
	m->vcpu[number] = ioctl(m->vm, KVM_CREATE_VCPU, number);
	if (m->vcpu[number] < 0)
		return err_errno("create a vCPU");
	m->run[number] = mmap(NULL, m->run_bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			      m->vcpu[number], 0);
	return m->run[number] == MAP_FAILED ? err_errno("map the vCPU") : 0;
}

int micro_set_registers(struct micro *m, unsigned int number)
{
	struct kvm_mp_state runnable = {.mp_state = KVM_MP_STATE_RUNNABLE};
	struct kvm_regs r = {.rip = GUEST_CODE,
			     .rflags = 2,
			     .rsp = GUEST_STACK + (number + 1) * GUEST_STACK_MAX,
			     .rdi = number};
	struct kvm_sregs s;

	if (set_cpuid(m, number))
		return -1;
	if (ioctl(m->vcpu[number], KVM_GET_SREGS, &s))
		return err_errno("read the guest's registers");
	tables_use(&s);
	if (ioctl(m->vcpu[number], KVM_SET_SREGS, &s) ||
	    ioctl(m->vcpu[number], KVM_SET_REGS, &r) ||
	    (m->config.apic && ioctl(m->vcpu[number], KVM_SET_MP_STATE, &runnable)))
		return err_errno("set the guest's registers");
	return number ? 0 : find_clock(m);
}

/* ---- doorbell and interrupt ---- */

static int create_kick(struct micro *m)
{
	struct kvm_ioeventfd kick = {
		.addr = PORT_KICK, .len = 4, .flags = KVM_IOEVENTFD_FLAG_PIO};

	m->kickfd = kick.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return kick.fd < 0 || ioctl(m->vm, KVM_IOEVENTFD, &kick)
		       ? err_errno("give the VM a doorbell")
		       : 0;
}

static int create_irq(struct micro *m)
{
	struct {
		struct kvm_irq_routing head;
		struct kvm_irq_routing_entry entry;
	} routes = {.head.nr = 1,
		    .entry = {.gsi = IRQ_GSI,
			      .type = KVM_IRQ_ROUTING_MSI,
			      .u.msi = {.address_lo = MSI_ADDRESS, .data = VECTOR_IRQ}}};
	struct kvm_irqfd irqfd = {.gsi = IRQ_GSI};

	m->irqfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	irqfd.fd = (uint32_t)m->irqfd;
	return m->irqfd < 0 || ioctl(m->vm, KVM_SET_GSI_ROUTING, &routes) ||
			       ioctl(m->vm, KVM_IRQFD, &irqfd)
		       ? err_errno("give the VM an interrupt")
		       : 0;
}

int micro_create(struct micro *m, const struct micro_config *c)
{
	micro_init(m, c);
	micro_pin(0);
	if (micro_create_vm(m) || micro_create_memory(m) || create_kick(m) ||
	    (c->apic && create_irq(m)))
		return -1;
	for (unsigned int i = 0; i < c->processors; i++)
		if (micro_create_vcpu(m, i) || micro_set_registers(m, i))
			return -1;
	return micro_first_exit(m);
}

void micro_destroy(struct micro *m)
{
	for (int i = 0; i < 2; i++) {
		if (m->run[i] != MAP_FAILED)
			munmap(m->run[i], m->run_bytes);
		if (m->vcpu[i] >= 0)
			close(m->vcpu[i]);
	}
	if (m->irqfd >= 0)
		close(m->irqfd);
	if (m->kickfd >= 0)
		close(m->kickfd);
	if (m->vm >= 0)
		close(m->vm);
	if (m->low != MAP_FAILED)
		munmap(m->low, GUEST_LOW_BYTES);
	if (m->arena != MAP_FAILED)
		munmap(m->arena, m->config.arena_bytes);
	if (m->tables != MAP_FAILED)
		munmap(m->tables, m->tables_bytes);
	micro_unpin();
	micro_init(m, &m->config);
}
