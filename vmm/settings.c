/* Settings of the machine that runs: see settings.h. */
#include "vmm/settings.h"

#include <linux/kvm.h>
#include <sys/ioctl.h>

#include "lib/err.h"
#include "vmm/limit.h"
#include "vmm/machine.h"

#ifndef KVM_CAP_HALT_POLL
#define KVM_CAP_HALT_POLL 182
#endif

static struct device *find_device(struct machine *m, int64_t index)
{
	struct device *d = m->devices;

	while (d && d->index != index)
		d = d->next;
	return d;
}

int settings_limit(struct machine *m, int64_t device, const char *name, uint64_t value)
{
	struct device *d = find_device(m, device);

	if (!d)
		return err_set("there is no device %lld; status lists them", (long long)device);
	if (d->type->limits)
		return limits_set(d->type->limits(d), name, value);
	return err_set("device %d (%s%s%s) keeps no limits: %s", d->index, d->type->name,
		       d->type->mode ? " mode=" : "", d->type->mode ? d->type->mode : "",
		       d->type->no_limits ? d->type->no_limits : "it carries nothing");
}

static bool can_poll(const struct machine *m)
{
	return ioctl(m->vm_fd, KVM_CHECK_EXTENSION, KVM_CAP_HALT_POLL) > 0;
}

int settings_halt_poll(struct machine *m, uint64_t ns)
{
	struct kvm_enable_cap cap = {.cap = KVM_CAP_HALT_POLL, .args = {ns}};

	if (ns > SETTINGS_HALT_POLL_MAX)
		return err_set("polling for %llu ns: %d is the most", (unsigned long long)ns,
			       SETTINGS_HALT_POLL_MAX);
	if (!can_poll(m))
		return err_set(
			"this kernel has no halt polling for each VM (KVM_CAP_HALT_POLL, "
			"Linux 5.11)");
	if (ioctl(m->vm_fd, KVM_ENABLE_CAP, &cap))
		return err_errno("set the VM's halt polling to %llu ns",
				 (unsigned long long)ns);
	atomic_store(&m->halt_poll_ns, (int64_t)ns);
	return 0;
}

void settings_status(struct machine *m, json_t *into)
{
	int64_t ns = atomic_load(&m->halt_poll_ns);
	uint64_t huge = m->memory.huge_bytes;

	json_object_set_new(into, "halt_poll",
			    json_pack("{s:b, s:o}", "per_vm", can_poll(m), "ns",
				      ns < 0 ? json_null() : json_integer(ns)));
	json_object_set_new(into, "hugepages",
			    !huge ? json_null() : json_string(huge >> 30 ? "1G" : "2M"));
}
