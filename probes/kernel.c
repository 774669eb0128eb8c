/* What the running kernel's BTF says it has: tracepoints come and go between versions. */
#include "probes/kernel.h"

#include <bpf/btf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"

/* They are modules on most distributions. */
static const char *const module_names[KERNEL_MODULES] = {"kvm", "bridge", "tun", "tap",
							 "openvswitch"};

int kernel_look(struct kernel *k)
{
	memset(k, 0, sizeof(*k));
	if (access("/sys/kernel/btf/vmlinux", R_OK) && errno == ENOENT)
		return err_set("this kernel does not describe its types: there is no "
			       "/sys/kernel/btf/vmlinux; it needs CONFIG_DEBUG_INFO_BTF, and "
			       "sysfs mounted");
	k->vmlinux = btf__load_vmlinux_btf();
	if (!k->vmlinux)
		return err_errno("cannot read /sys/kernel/btf/vmlinux");
	k->casts = btf__find_by_name_kind(k->vmlinux, "bpf_rdonly_cast", BTF_KIND_FUNC) > 0;
	for (int i = 0; i < KERNEL_MODULES; i++) {
		char path[64];

		snprintf(path, sizeof(path), "/sys/kernel/btf/%s", module_names[i]);
		if (!access(path, R_OK)) /* absent: built in, or not loaded */
			k->modules[i] = btf__load_module_btf(module_names[i], k->vmlinux);
	}
	return 0;
}

void kernel_forget(struct kernel *k)
{
	for (int i = 0; i < KERNEL_MODULES; i++)
		btf__free(k->modules[i]);
	btf__free(k->vmlinux);
	memset(k, 0, sizeof(*k));
}

bool kernel_has(const struct kernel *k, const struct program *p)
{
	bool tracepoint = p->kind == PROGRAM_TRACEPOINT;
	__u32 kind = tracepoint ? BTF_KIND_TYPEDEF : BTF_KIND_FUNC;
	char name[128];

	snprintf(name, sizeof(name), "%s%s", tracepoint ? "btf_trace_" : "", p->target);
	if (btf__find_by_name_kind(k->vmlinux, name, kind) > 0)
		return true;
	for (int i = 0; i < KERNEL_MODULES; i++)
		if (k->modules[i] && btf__find_by_name_kind(k->modules[i], name, kind) > 0)
			return true;
	return false;
}
