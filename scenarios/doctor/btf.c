/* The kernel's description of itself: BTF, tracepoints, event formats. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/btf.h>
#include <linux/mount.h>

#include "scenarios/doctor/looks.h"

struct btf *kernel_btf(void)
{
	static struct btf *btf;
	static bool tried;

	if (!tried)
		btf = btf__load_vmlinux_btf();
	tried = true;
	return btf;
}

void look_btf(struct finding *f, const void *arg)
{
	unsigned int modules = 0;
	struct stat st;
	DIR *d;

	(void)arg;
	if (stat("/sys/kernel/btf/vmlinux", &st) < 0 || !kernel_btf()) {
		found_errno(f, errno, "/sys/kernel/btf/vmlinux");
		remedy(f, "boot a kernel built with CONFIG_DEBUG_INFO_BTF (Debian's is), "
			  "or " REMEDY_TESTBED);
		return;
	}
	d = opendir("/sys/kernel/btf");
	for (struct dirent *e; d && (e = readdir(d));)
		modules += e->d_name[0] != '.' && strcmp(e->d_name, "vmlinux") != 0;
	if (d)
		closedir(d);
	found(f, STATE_OK, "%.1f MiB for the kernel, %u modules", st.st_size / 1048576.0,
	      modules);
}

/* What the tracer attaches to at the least. Each tracepoint has a typedef btf_trace_NAME. */
static const char *const tracepoints[] = {
	"net_dev_queue", "net_dev_start_xmit", "netif_receive_skb", "napi_gro_receive_entry",
	"sched_switch",  "sched_waking",       "sys_enter",
};

/* Of KVM, which may be a module. */
static const char *const kvm_tracepoints[] = {"kvm_entry", "kvm_exit", "kvm_msi_set_irq"};

static bool in_btf(const struct btf *btf, const char *tracepoint)
{
	char name[64];

	snprintf(name, sizeof(name), "btf_trace_%s", tracepoint);
	return btf && btf__find_by_name_kind(btf, name, BTF_KIND_TYPEDEF) > 0;
}

static unsigned int list_absent(const struct btf *btf, const char *const *names, size_t count,
				char *text, size_t bytes)
{
	unsigned int absent = 0;

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(text);

		if (in_btf(btf, names[i]))
			continue;
		snprintf(text + len, bytes - len, "%s%s", len ? ", " : "", names[i]);
		absent++;
	}
	return absent;
}

void look_tracepoints(struct finding *f, const void *arg)
{
	const struct btf *btf = kernel_btf();
	size_t count = sizeof(tracepoints) / sizeof(tracepoints[0]);
	size_t kvm_count = sizeof(kvm_tracepoints) / sizeof(kvm_tracepoints[0]);
	struct btf *kvm = NULL;
	char absent[200] = "", kvm_absent[100] = "";

	(void)arg;
	if (!btf) {
		found(f, STATE_MISSING, "without BTF they are not known");
		return;
	}
	if (list_absent(btf, tracepoints, count, absent, sizeof(absent))) {
		found(f, STATE_MISSING, "this kernel lacks %s", absent);
		remedy(f, "boot a kernel with CONFIG_TRACEPOINTS, CONFIG_FTRACE_SYSCALLS and "
			  "networking's events (Debian's has them), or " REMEDY_TESTBED);
		return;
	}
	if (!in_btf(btf, kvm_tracepoints[0]))
		kvm = btf__load_module_btf("kvm", (struct btf *)btf);
	if (list_absent(kvm ? kvm : btf, kvm_tracepoints, kvm_count, kvm_absent,
			sizeof(kvm_absent)))
		found(f, STATE_OK, "of network, scheduler and system calls; not of KVM");
	else
		found(f, STATE_OK, "of network, scheduler, system calls and KVM");
	btf__free(kvm);
}

/* Where no one has mounted tracefs, a mount of our own that no one else sees. */
static int private_tracefs(void)
{
	int fs = syscall(SYS_fsopen, "tracefs", FSOPEN_CLOEXEC), fd = -1;

	if (fs < 0)
		return -1;
	if (syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) == 0)
		fd = syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, 0);
	close(fs);
	return fd;
}

#define TRACEFS "/sys/kernel/tracing"

static bool is_mounted(void)
{
	struct stat st;

	return stat(TRACEFS "/events", &st) == 0;
}

/* A descriptor of the folder of all events; -1 and errno. */
static int open_events(void)
{
	int root, fd;

	if (is_mounted())
		return open(TRACEFS "/events", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	root = private_tracefs();
	if (root < 0)
		return -1;
	fd = openat(root, "events", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	close(root);
	return fd;
}

int tracepoint_id(const char *event)
{
	int events = open_events(), fd, id = -1;
	char path[128], text[32] = "";

	if (events < 0)
		return -1;
	snprintf(path, sizeof(path), "%s/id", event);
	fd = openat(events, path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && read(fd, text, sizeof(text) - 1) > 0)
		id = atoi(text);
	if (fd >= 0)
		close(fd);
	close(events);
	return id;
}

void look_tracefs(struct finding *f, const void *arg)
{
	static const char *const groups[] = {"net", "sched", "syscalls", "kvm"};
	int events = open_events();
	char list[64] = "";
	struct stat st;

	(void)arg;
	if (events < 0 && (errno == EPERM || errno == EACCES)) {
		found_errno(f, errno, TRACEFS);
		return;
	}
	for (size_t i = 0; events >= 0 && i < sizeof(groups) / sizeof(groups[0]); i++) {
		if (fstatat(events, groups[i], &st, 0) < 0)
			continue;
		strcat(list, *list ? ", " : "");
		strcat(list, groups[i]);
	}
	if (events >= 0)
		close(events);
	if (is_mounted()) {
		found(f, STATE_OK, "events of %s", list);
		return;
	}
	found(f, STATE_MISSING, "not mounted at " TRACEFS "%s%s",
	      *list ? "; it would have events of " : ", nor in this kernel", list);
	if (*list)
		remedy(f, "mount -t tracefs tracefs " TRACEFS);
}
