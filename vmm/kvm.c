/* KVM as the host offers it: opened, checked, and the parts of a VM that are not vCPUs. */
#include "vmm/kvm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/routes.h"

/* Two and one pages that Intel processors without unrestricted guest mode need, below the BIOS
 * area and away from RAM, as every VMM places them. */
#define TSS_ADDRESS          0xfffbd000
#define IDENTITY_MAP_ADDRESS 0xfffbc000ULL

static const struct {
	int capability;
	const char *what;
} needed[] = {
	{KVM_CAP_IRQCHIP, "an in-kernel interrupt controller (KVM_CAP_IRQCHIP)"},
	{KVM_CAP_PIT2, "an in-kernel timer (KVM_CAP_PIT2)"},
	{KVM_CAP_USER_MEMORY, "user memory (KVM_CAP_USER_MEMORY)"},
	{KVM_CAP_EXT_CPUID, "CPUID masks (KVM_CAP_EXT_CPUID)"},
	{KVM_CAP_IRQ_ROUTING, "interrupt routing (KVM_CAP_IRQ_ROUTING)"},
	{KVM_CAP_IRQFD, "interrupts by eventfd (KVM_CAP_IRQFD)"},
	{KVM_CAP_IOEVENTFD, "doorbells by eventfd (KVM_CAP_IOEVENTFD)"},
	{KVM_CAP_IMMEDIATE_EXIT, "immediate exits (KVM_CAP_IMMEDIATE_EXIT)"},
};

static int open_error(void)
{
	switch (errno) {
	case ENOENT:
		return err_set(
			"there is no /dev/kvm: load the module (modprobe kvm_intel or "
			"kvm_amd), enable virtualization in the firmware, or use the testbed "
			"(strata testbed)");
	case EACCES:
	case EPERM:
		return err_set(
			"no permission to open /dev/kvm: run as root, or add yourself to the "
			"group kvm (usermod -aG kvm USER) and log in again");
	default:
		return err_errno("cannot open /dev/kvm");
	}
}

int kvm_open(void)
{
	int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int version;

	if (fd < 0)
		return open_error();
	version = ioctl(fd, KVM_GET_API_VERSION, 0);
	if (version != KVM_API_VERSION) {
		close(fd);
		return err_set(
			"/dev/kvm speaks version %d of KVM's interface, not %d: it is not "
			"the KVM of a Linux kernel since 2.6.22",
			version, KVM_API_VERSION);
	}
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (ioctl(fd, KVM_CHECK_EXTENSION, needed[i].capability) > 0)
			continue;
		close(fd);
		return err_set(
			"this host's KVM lacks %s: a Linux kernel since 4.13 with KVM for "
			"x86-64 has it",
			needed[i].what);
	}
	return fd;
}

static int create_fixed_parts(struct machine *m)
{
	struct kvm_pit_config pit = {.flags = KVM_PIT_SPEAKER_DUMMY};
	uint64_t identity = IDENTITY_MAP_ADDRESS;

	if (ioctl(m->vm_fd, KVM_SET_TSS_ADDR, TSS_ADDRESS) ||
	    ioctl(m->vm_fd, KVM_SET_IDENTITY_MAP_ADDR, &identity))
		return err_errno("KVM refuses the place of its private pages");
	if (ioctl(m->vm_fd, KVM_CREATE_IRQCHIP, 0))
		return err_errno("KVM cannot make interrupt controllers");
	if (ioctl(m->vm_fd, KVM_CREATE_PIT2, &pit))
		return err_errno("KVM cannot make a timer");
	return 0;
}

int kvm_vm_create(struct machine *m)
{
	do
		m->vm_fd = ioctl(m->kvm_fd, KVM_CREATE_VM, 0);
	while (m->vm_fd < 0 && errno == EINTR);
	if (m->vm_fd < 0)
		return err_errno("KVM cannot make a virtual machine%s",
				 errno == EBUSY ? " (another hypervisor has the processor)"
						: "");
	if (create_fixed_parts(m))
		return -1;
	for (int i = 0; i < m->memory.regions; i++) {
		const struct guest_region *r = &m->memory.region[i];

		if (kvm_slot(m, (unsigned int)i, r->start, r->bytes, r->host))
			return -1;
	}
	m->routes = routes_create(m->vm_fd);
	return m->routes ? 0 : -1;
}

void kvm_vm_destroy(struct machine *m)
{
	routes_destroy(m->routes);
	m->routes = NULL;
	if (m->vm_fd >= 0)
		close(m->vm_fd);
	m->vm_fd = -1;
}

int kvm_slot(struct machine *m, unsigned int slot, uint64_t gpa, uint64_t bytes, void *host)
{
	struct kvm_userspace_memory_region r = {
		.slot = slot,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.userspace_addr = (uintptr_t)host,
	};

	if (ioctl(m->vm_fd, KVM_SET_USER_MEMORY_REGION, &r))
		return err_errno("KVM cannot map %llu bytes at guest address 0x%llx",
				 (unsigned long long)bytes, (unsigned long long)gpa);
	return 0;
}

void kvm_irq_line(struct machine *m, unsigned int gsi, bool level)
{
	struct kvm_irq_level line = {.irq = gsi, .level = level};

	/* Cannot fail for a pin of an existing interrupt controller. */
	ioctl(m->vm_fd, KVM_IRQ_LINE, &line);
}

int kvm_msi_allocate(struct machine *m)
{
	return routes_allocate(m->routes);
}

int kvm_msi_route(struct machine *m, unsigned int gsi, uint64_t address, uint32_t data)
{
	return routes_set_msi(m->routes, gsi, address, data);
}

int kvm_irqfd(struct machine *m, unsigned int gsi, int fd, bool assign)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)fd,
		.gsi = gsi,
		.flags = assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN,
	};

	if (ioctl(m->vm_fd, KVM_IRQFD, &irqfd))
		return err_errno("KVM cannot tie an eventfd to interrupt %u", gsi);
	return 0;
}

int kvm_irqfd_level(struct machine *m, unsigned int gsi, int fd, int resample_fd, bool assign)
{
	struct kvm_irqfd irqfd = {
		.fd = (uint32_t)fd,
		.gsi = gsi,
		.resamplefd = (uint32_t)resample_fd,
		.flags = KVM_IRQFD_FLAG_RESAMPLE | (assign ? 0 : KVM_IRQFD_FLAG_DEASSIGN),
	};

	if (ioctl(m->vm_fd, KVM_IRQFD, &irqfd))
		return err_errno("KVM cannot tie eventfds to the line of interrupt %u", gsi);
	return 0;
}

int kvm_vfio_device(struct machine *m)
{
	struct kvm_create_device d = {.type = KVM_DEV_TYPE_VFIO};

	return ioctl(m->vm_fd, KVM_CREATE_DEVICE, &d) ? -1 : (int)d.fd;
}

void kvm_vfio_group(int device_fd, int group_fd, bool add)
{
	int32_t fd = group_fd;
	struct kvm_device_attr attr = {
		.group = KVM_DEV_VFIO_GROUP,
		.attr = add ? KVM_DEV_VFIO_GROUP_ADD : KVM_DEV_VFIO_GROUP_DEL,
		.addr = (uintptr_t)&fd,
	};

	/* All it does is make KVM heed the guest's memory types where the IOMMU cannot keep
	 * caches coherent; an old KVM that does not know of it never did. */
	ioctl(device_fd, KVM_SET_DEVICE_ATTR, &attr);
}

int kvm_ioeventfd(struct machine *m, bool port, uint64_t addr, unsigned int size, int fd,
		  bool assign)
{
	struct kvm_ioeventfd e = {
		.addr = addr,
		.len = size,
		.fd = fd,
		.flags = (port ? KVM_IOEVENTFD_FLAG_PIO : 0) |
			 (assign ? 0 : KVM_IOEVENTFD_FLAG_DEASSIGN),
	};

	if (ioctl(m->vm_fd, KVM_IOEVENTFD, &e))
		return err_errno("KVM cannot watch %s 0x%llx for a doorbell",
				 port ? "port" : "address", (unsigned long long)addr);
	return 0;
}
