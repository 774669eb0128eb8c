/*
 * What the testbed machine consists of.
 *
 * Plain emulation (TCG), so that it works where there is no virtualization and for any user.
 * The processor has AMD-V with nested paging, the chipset Intel's IOMMU with interrupt
 * remapping (without which the kernel refuses VFIO). Three NICs are on one cable (wire0, wire1,
 * wire4), two on another. What can be passed through (those three, the NVMe drive) sits on the
 * root bus, where each function is an IOMMU group of its own.
 */
#include "scenarios/testbed/hardware.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/err.h"

#define DISK_BYTES (256L << 20)

/*
 * The TSC is QEMU's monotonic clock: trust it, or KVM inside has no master clock. iommu=pt
 * keeps the kernel's own drivers out of the IOMMU; VFIO still goes through it. An oops ends the
 * machine, so that it cannot be mistaken for a result; with loglevel=5 it is on the console.
 * QEMU 10.0 knows only the lower half of a virtual function's address: memmap takes the window
 * above 4 GiB, where the kernel would put it, out of what it may give away.
 */
#define KERNEL_OPTIONS                                                                              \
	"console=ttyS0 loglevel=5 oops=panic panic=-1 tsc=reliable clocksource=tsc no_timer_check " \
	"mitigations=off audit=0 lsm=bpf cryptomgr.notests nowatchdog intel_iommu=on "              \
	"iommu=pt "                                                                                 \
	"random.trust_cpu=on rcupdate.rcu_expedited=1 kvm.nx_huge_pages=never net.ifnames=0 "       \
	"memmap=256G$0xc000000000"

/* Without erms and fsrm the kernel copies with plain moves, which TCG does faster than "rep
 * movsb". Without la57 page tables have four levels, not five, the guest's and those below it:
 * each exit empties the TLB, and 24 steps fill it again, not 35. */
/* clang-format off */
static const char *const ALWAYS[] = {
	"-nodefaults", "-no-user-config", "-no-reboot",
	"-display", "none", "-monitor", "none",
	"-machine", "q35",
	"-accel", "tcg,thread=multi",
	"-cpu", "max,-erms,-fsrm,-la57",
	"-device", "intel-iommu,intremap=on,caching-mode=on",
	"-device", "virtio-rng-pci",
	"-device", "virtio-serial-pci",
	"-device", "virtserialport,chardev=port,name=strata",
	"-serial", "chardev:console",
	"-netdev", "hubport,id=wire0,hubid=1",
	"-netdev", "hubport,id=wire1,hubid=1",
	"-netdev", "hubport,id=wire4,hubid=1",
	"-device", "e1000e,netdev=wire0,mac=52:54:00:57:00:00,romfile=",
	"-device", "e1000e,netdev=wire1,mac=52:54:00:57:00:01,romfile=",
	"-device", "e1000e,netdev=wire4,mac=52:54:00:57:00:04,romfile=",
	"-device", "nvme,drive=nvme,serial=strata-nvme",
};

/* A NIC with virtual functions, and somebody at the other end of its cable. SR-IOV is PCI
 * Express's, hence the port. */
static const char *const SRIOV[] = {
	"-netdev", "hubport,id=wire2,hubid=2",
	"-netdev", "hubport,id=wire3,hubid=2",
	"-device", "e1000e,netdev=wire2,mac=52:54:00:57:00:02,romfile=",
	"-device", "pcie-root-port,id=express,chassis=1,slot=1",
	"-device", "igb,netdev=wire3,bus=express,mac=52:54:00:57:00:03,romfile=",
};
/* clang-format on */

static void __attribute__((format(printf, 2, 3))) add(struct hardware *h, const char *fmt, ...)
{
	va_list ap;

	if (h->argc == HARDWARE_ARGS_MAX)
		return;
	va_start(ap, fmt);
	if (vasprintf(&h->argv[h->argc], fmt, ap) >= 0)
		h->argc++;
	va_end(ap);
}

static void add_all(struct hardware *h, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++)
		add(h, "%s", words[i]);
}

/* One folder of ours, for the machine to mount by its tag. QEMU wants commas doubled. */
static void add_share(struct hardware *h, const char *tag, const char *path,
		      const char *options)
{
	char escaped[2 * PATH_MAX], *p = escaped;

	for (const char *c = path; *c && p < escaped + sizeof(escaped) - 2; c++) {
		if (*c == ',')
			*p++ = ',';
		*p++ = *c;
	}
	*p = '\0';
	add(h, "-fsdev");
	add(h, "local,id=%s,path=%s,security_model=none,multidevs=remap%s", tag, escaped,
	    options);
	add(h, "-device");
	add(h, "virtio-9p-pci,fsdev=%s,mount_tag=%s", tag, tag);
}

static void add_shares(struct hardware *h, const char *project)
{
	char out[PATH_MAX + 4];

	add_share(h, "usr", "/usr", ",readonly=on");
	add_share(h, "etc", "/etc", ",readonly=on");
	add_share(h, "project", project, ",readonly=on");
	snprintf(out, sizeof(out), "%s/out", project);
	add_share(h, "out", out, "");
}

static void add_program(struct hardware *h, const struct qemu *q)
{
	const char *words[QEMU_WORDS];
	int n = qemu_words(q, words);

	for (int i = 0; i < n; i++)
		add(h, "%s", words[i]);
}

static void add_firmware(struct hardware *h, const struct qemu *q)
{
	static const char *const folders[] = {"qemu", "seabios"};

	for (size_t i = 0; q->folder[0] && i < sizeof(folders) / sizeof(folders[0]); i++) {
		add(h, "-L");
		add(h, "%s/usr/share/%s", q->folder, folders[i]);
	}
}

/* The drive's contents are memory without a name: fresh for each machine, gone with it. */
static int add_disk(struct hardware *h)
{
	h->disk = memfd_create("strata-testbed-nvme", 0);
	if (h->disk < 0 || ftruncate(h->disk, DISK_BYTES) < 0)
		return err_errno("making the testbed's NVMe drive");
	add(h, "-drive");
	add(h, "if=none,id=nvme,file=/proc/self/fd/%d,format=raw,file.locking=off,cache=unsafe",
	    h->disk);
	return 0;
}

int hardware_make(struct hardware *h, const struct machine_config *c, const struct qemu *q,
		  int port, int console)
{
	*h = (struct hardware){.disk = -1};
	add_program(h, q);
	add_firmware(h, q);
	if (add_disk(h) < 0)
		return -1;
	add_all(h, ALWAYS, sizeof(ALWAYS) / sizeof(ALWAYS[0]));
	if (qemu_emulates(q, "igb"))
		add_all(h, SRIOV, sizeof(SRIOV) / sizeof(SRIOV[0]));
	add(h, "-chardev");
	add(h, "socket,id=port,fd=%d", port);
	add(h, "-chardev");
	add(h, "socket,id=console,fd=%d", console);
	add(h, "-m");
	add(h, "%u", c->memory_mb);
	add(h, "-smp");
	add(h, "%u", c->cpus);
	add_shares(h, c->project);
	add(h, "-kernel");
	add(h, "%s/build/testbed/vmlinux", c->project);
	add(h, "-initrd");
	add(h, "%s/build/testbed/initrd.img", c->project);
	add(h, "-append");
	add(h, KERNEL_OPTIONS " testbed.project=\"%s\"", c->project);
	return 0;
}

void hardware_free(struct hardware *h)
{
	while (h->argc > 0)
		free(h->argv[--h->argc]);
	if (h->disk >= 0)
		close(h->disk);
	h->disk = -1;
}
