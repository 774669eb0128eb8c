/* Virtualization: the processor's, and what KVM makes of it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/kvm.h>

#include "scenarios/doctor/looks.h"
#include "scenarios/doctor/speed.h"

#define KVM_API 12 /* has been so since Linux 2.6.22 */

#define REMEDY_NESTED                                                                            \
	"enable nested virtualization in the outer hypervisor (KVM: modprobe kvm_intel or "      \
	"kvm_amd with nested=1, the VM's CPU model \"host\"; clouds: a metal or nested-capable " \
	"instance), or " REMEDY_TESTBED

void look_cpu_virt(struct finding *f, const void *arg)
{
	char text[16384];

	(void)arg;
	if (read_text("/proc/cpuinfo", text, sizeof(text)) < 0)
		found(f, STATE_MISSING, "/proc/cpuinfo cannot be read");
	else if (strstr(text, " vmx"))
		found(f, STATE_OK, "Intel VT-x (vmx)%s",
		      strstr(text, " ept ") ? ", nested paging (ept)" : "");
	else if (strstr(text, " svm"))
		found(f, STATE_OK, "AMD-V (svm)%s",
		      strstr(text, " npt") ? ", nested paging (npt)" : "");
	else if (strstr(text, " hypervisor"))
		found(f, STATE_MISSING, "a VM whose hypervisor shows no vmx or svm");
	else
		found(f, STATE_MISSING, "no vmx or svm: switched off in the firmware?");
	if (f->state == STATE_OK)
		return;
	if (strstr(text, " hypervisor"))
		remedy(f, REMEDY_NESTED);
	else
		remedy(f,
		       "switch virtualization on in the firmware's setup, or " REMEDY_TESTBED);
}

static const struct {
	int capability;
	const char *name;
} needed[] = {
	{KVM_CAP_IRQCHIP, "irqchip"},         {KVM_CAP_PIT2, "pit2"},
	{KVM_CAP_USER_MEMORY, "user memory"}, {KVM_CAP_EXT_CPUID, "cpuid"},
	{KVM_CAP_IRQ_ROUTING, "irq routing"}, {KVM_CAP_IRQFD, "irqfd"},
	{KVM_CAP_IOEVENTFD, "ioeventfd"},     {KVM_CAP_IMMEDIATE_EXIT, "immediate exit"},
};

static void no_kvm(struct finding *f, int error)
{
	if (error == EACCES || error == EPERM) {
		found(f, STATE_DENIED, "/dev/kvm: %s", strerror(error));
		remedy(f, "run as root, or join the group kvm (usermod -aG kvm USER)");
		return;
	}
	found(f, STATE_MISSING, "/dev/kvm: %s", strerror(error));
	remedy(f, "modprobe kvm_intel or kvm_amd; if that fails, " REMEDY_NESTED);
}

void look_kvm(struct finding *f, const void *arg)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), version;
	char lacking[160] = "";

	(void)arg;
	if (kvm < 0) {
		no_kvm(f, errno);
		return;
	}
	version = ioctl(kvm, KVM_GET_API_VERSION, 0);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (ioctl(kvm, KVM_CHECK_EXTENSION, needed[i].capability) > 0)
			continue;
		strcat(lacking, *lacking ? ", " : "");
		strcat(lacking, needed[i].name);
	}
	close(kvm);
	if (version == KVM_API && !*lacking) {
		found(f, STATE_OK,
		      "API %d, with irqchip, irqfd, ioeventfd and all else that is needed",
		      version);
		return;
	}
	found(f, STATE_MISSING, "API %d%s%s", version, *lacking ? ", without " : "", lacking);
	remedy(f, "boot a kernel whose KVM is complete, or " REMEDY_TESTBED);
}

/* Linux 5.16: the offset between the guest's TSC and the host's. */
static int has_tsc_offset(int kvm)
{
	struct kvm_device_attr attr = {.group = KVM_VCPU_TSC_CTRL, .attr = KVM_VCPU_TSC_OFFSET};
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int vcpu = vm < 0 ? -1 : ioctl(vm, KVM_CREATE_VCPU, 0);
	int has = vcpu >= 0 && ioctl(vcpu, KVM_HAS_DEVICE_ATTR, &attr) == 0;

	if (vcpu >= 0)
		close(vcpu);
	if (vm >= 0)
		close(vm);
	return has;
}

void look_kvm_tsc(struct finding *f, const void *arg)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), scaling;

	(void)arg;
	if (kvm < 0) {
		no_kvm(f, errno);
		f->remedy[0] = '\0'; /* said at kvm */
		return;
	}
	scaling = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_TSC_CONTROL);
	if (has_tsc_offset(kvm)) {
		found(f, STATE_OK, "offset readable%s",
		      scaling > 0 ? ", scaling by hardware" : ", no scaling");
	} else {
		found(f, STATE_MISSING, "KVM does not tell the offset (KVM_VCPU_TSC_OFFSET)");
		remedy(f, "boot Linux 5.16 or newer, or " REMEDY_TESTBED);
	}
	close(kvm);
}

static void describe_slow(struct finding *f, const struct speed *s)
{
	char speed[128] = "";

	if (s->measured)
		snprintf(speed, sizeof(speed), ": %.3g M instructions/s, 1/%.0f of native",
			 s->guest_ips / 1e6, s->native_ips / s->guest_ips);
	if (s->lacking)
		found(f, STATE_SLOW, "interprets guest code%s; cannot execute %s", speed,
		      s->lacking);
	else if (s->measured && !*s->why)
		found(f, STATE_SLOW, "interprets guest code%s", speed);
	else
		found(f, STATE_SLOW, "does not run guest code%s; %s", speed, s->why);
	remedy(f, REMEDY_NESTED);
}

void look_kvm_speed(struct finding *f, const void *arg)
{
	const struct speed *s = kvm_speed();

	(void)arg;
	if (s->verdict == SPEED_ABSENT)
		found(f,
		      access("/dev/kvm", R_OK | W_OK) < 0 && errno == EACCES ? STATE_DENIED
									     : STATE_MISSING,
		      "not measured: %s", s->why);
	else if (s->verdict == SPEED_INTERPRETS)
		describe_slow(f, s);
	else
		found(f, STATE_OK,
		      "runs guest code at speed: %.4g M instructions/s, %.2f of native; an exit "
		      "takes %.1f us",
		      s->guest_ips / 1e6, s->guest_ips / s->native_ips, s->exit_ns / 1e3);
}
