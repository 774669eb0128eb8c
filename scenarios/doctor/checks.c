/* The table of checks, and what is common to all of them. */
#include "scenarios/doctor/check.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/doctor/looks.h"

#define NEED_HERE (NEED_VM | NEED_TRACE)

const struct check checks[CHECK_COUNT] = {
	[CHECK_KERNEL] = {"kernel", "BPF, KVM", NEED_HERE, look_kernel, NULL},
	[CHECK_PRIVILEGES] = {"privileges", "probes, network devices", NEED_HERE,
			      look_privileges, NULL},
	[CHECK_LOCKDOWN] = {"lockdown", "probes that read kernel memory", NEED_HERE,
			    look_lockdown, NULL},
	[CHECK_CORES] = {"cores", "client, host and guest at a time", 0, look_cores, NULL},
	[CHECK_MEMORY] = {"memory", "guest, testbed machine", NEED_VM | NEED_TESTBED,
			  look_memory, NULL},
	[CHECK_CLOCK] = {"clock", "one time line for host and guest", 0, look_clock, NULL},
	[CHECK_CGROUP] = {"cgroup", "limits for containers and VMs", 0, look_cgroup, NULL},

	[CHECK_CPU_VIRT] = {"cpu", "hardware virtualization", 0, look_cpu_virt, NULL},
	[CHECK_KVM] = {"kvm", "running VMs", NEED_VM, look_kvm, NULL},
	[CHECK_KVM_TSC] = {"kvm tsc", "the guest's clock against the host's", NEED_VM,
			   look_kvm_tsc, NULL},
	[CHECK_KVM_SPEED] = {"kvm speed", "running a stock guest kernel", NEED_VM,
			     look_kvm_speed, NULL},
	[CHECK_VHOST] = {"vhost-net", "networking by the host's kernel", 0, look_vhost, NULL},
	[CHECK_IOMMU] = {"iommu", "passthrough of devices", 0, look_iommu, NULL},
	[CHECK_VFIO] = {"vfio", "passthrough of devices", 0, look_vfio, NULL},

	[CHECK_BTF] = {"btf", "probes that fit this kernel", NEED_HERE, look_btf, NULL},
	[CHECK_TRACEPOINTS] = {"tracepoints", "the hops of a request", NEED_HERE,
			       look_tracepoints, NULL},
	[CHECK_TP_BTF] = {"bpf tp_btf", "the hops of a request", NEED_HERE, look_bpf,
			  &bpf_tp_btf},
	[CHECK_RAW_TP] = {"bpf raw_tp", "the hops, where there is no tp_btf", 0, look_bpf,
			  &bpf_raw_tp},
	[CHECK_TP] = {"bpf tracepoint", "comparison of what probes cost", 0, look_bpf, &bpf_tp},
	[CHECK_FENTRY] = {"bpf fentry", "refines hops between tracepoints", 0, look_bpf,
			  &bpf_fentry},
	[CHECK_UPROBE] = {"bpf uprobe", "hops inside nginx", 0, look_bpf, &bpf_uprobe},
	[CHECK_SOCKET_FILTER] = {"bpf socket", "finding requests on the wire", NEED_HERE,
				 look_bpf, &bpf_socket},
	[CHECK_RINGS] = {"bpf rings", "events to the tracer, a ring per CPU", NEED_HERE,
			 look_rings, NULL},
	[CHECK_TRACEFS] = {"tracefs", "event formats; plain tracepoint programs", 0,
			   look_tracefs, NULL},

	[CHECK_NETNS] = {"netns", "client, containers", NEED_HERE, look_netns, NULL},
	[CHECK_BRIDGE] = {"bridge", "virtual switch", NEED_HERE, look_link, &link_bridge},
	[CHECK_VETH] = {"veth", "client's and containers' wires", NEED_HERE, look_link,
			&link_veth},
	[CHECK_TAP] = {"tap", "the VM's wire", NEED_VM, look_link, &link_tap},

	[CHECK_QEMU] = {"qemu", "testbed machine", NEED_TESTBED, look_qemu, NULL},
	[CHECK_GUEST_IMAGE] = {"guest image", "what the VM boots", 0, look_image, &image_guest},
	[CHECK_TESTBED_IMAGE] = {"testbed image", "what the testbed machine boots", 0,
				 look_image, &image_testbed},
};

const char *state_name(enum state s)
{
	static const char *const names[STATE_COUNT] = {
		[STATE_OK] = "ok",
		[STATE_SLOW] = "slow",
		[STATE_MISSING] = "missing",
		[STATE_DENIED] = "denied",
	};

	return names[s];
}

void checks_run(struct finding findings[CHECK_COUNT])
{
	for (int i = 0; i < CHECK_COUNT; i++) {
		findings[i] = (struct finding){.state = STATE_MISSING};
		checks[i].look(&findings[i], checks[i].arg);
	}
}

void found(struct finding *f, enum state s, const char *fmt, ...)
{
	va_list ap;

	f->state = s;
	va_start(ap, fmt);
	vsnprintf(f->detail, sizeof(f->detail), fmt, ap);
	va_end(ap);
}

void remedy(struct finding *f, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(f->remedy, sizeof(f->remedy), fmt, ap);
	va_end(ap);
}

void found_errno(struct finding *f, int error, const char *what)
{
	bool rights = error == EPERM || error == EACCES;

	/* 524: ENOTSUPP, which the kernel has and libc has no text for */
	if (error == 524 || (rights && geteuid() == 0)) {
		found(f, STATE_MISSING, "%s: refused by this kernel", what);
	} else if (rights) {
		found(f, STATE_DENIED, "%s: %s", what, strerror(error));
		remedy(f, REMEDY_ROOT);
	} else {
		found(f, STATE_MISSING, "%s: %s", what, strerror(error));
	}
}

int read_text(const char *path, char *text, unsigned long bytes)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, bytes - 1);

	if (fd >= 0)
		close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	return n < 0 ? -1 : 0;
}
