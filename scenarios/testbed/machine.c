/*
 * Starting and ending QEMU.
 *
 * Plain emulation (TCG), so that it works where there is no virtualization and for any user.
 * The processor has AMD-V with nested paging, the chipset Intel's IOMMU with interrupt
 * remapping (without which the kernel refuses VFIO), and two NICs are wired to each other.
 */
#include "scenarios/testbed/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"

#define QEMU     "qemu-system-x86_64"
#define ARGS_MAX 96

/*
 * The TSC is QEMU's monotonic clock: trust it, or KVM inside has no master clock. iommu=pt
 * keeps the kernel's own drivers out of the IOMMU; VFIO still goes through it. An oops ends the
 * machine, so that it cannot be mistaken for a result.
 */
#define KERNEL_OPTIONS                                                                         \
	"console=ttyS0 quiet oops=panic panic=-1 tsc=reliable clocksource=tsc no_timer_check " \
	"mitigations=off audit=0 lsm=bpf cryptomgr.notests nowatchdog intel_iommu=on "         \
	"iommu=pt "                                                                            \
	"random.trust_cpu=on rcupdate.rcu_expedited=1 kvm.nx_huge_pages=never net.ifnames=0"

/* Without erms and fsrm the kernel copies with plain moves, which TCG does faster than "rep
 * movsb". */
/* clang-format off */
static const char *const HARDWARE[] = {
	QEMU, "-nodefaults", "-no-user-config", "-no-reboot",
	"-display", "none", "-monitor", "none",
	"-machine", "q35",
	"-accel", "tcg,thread=multi",
	"-cpu", "max,-erms,-fsrm",
	"-device", "intel-iommu,intremap=on,caching-mode=on",
	"-device", "virtio-rng-pci",
	"-device", "virtio-serial-pci",
	"-device", "virtserialport,chardev=port,name=strata",
	"-serial", "chardev:console",
	"-netdev", "hubport,id=wire0,hubid=1",
	"-netdev", "hubport,id=wire1,hubid=1",
	"-device", "e1000e,netdev=wire0,mac=52:54:00:57:00:00,romfile=",
	"-device", "e1000e,netdev=wire1,mac=52:54:00:57:00:01,romfile=",
};
/* clang-format on */

struct args {
	char *argv[ARGS_MAX + 1];
	int argc;
};

static void __attribute__((format(printf, 2, 3))) add(struct args *a, const char *fmt, ...)
{
	va_list ap;

	if (a->argc == ARGS_MAX)
		return;
	va_start(ap, fmt);
	if (vasprintf(&a->argv[a->argc], fmt, ap) >= 0)
		a->argc++;
	va_end(ap);
}

/* One folder of ours, for the machine to mount by its tag. QEMU wants commas doubled. */
static void add_share(struct args *a, const char *tag, const char *path, const char *options)
{
	char escaped[2 * PATH_MAX], *p = escaped;

	for (const char *c = path; *c && p < escaped + sizeof(escaped) - 2; c++) {
		if (*c == ',')
			*p++ = ',';
		*p++ = *c;
	}
	*p = '\0';
	add(a, "-fsdev");
	add(a, "local,id=%s,path=%s,security_model=none,multidevs=remap%s", tag, escaped,
	    options);
	add(a, "-device");
	add(a, "virtio-9p-pci,fsdev=%s,mount_tag=%s", tag, tag);
}

static void add_all(struct args *a, const struct machine_config *c, int port, int console)
{
	char out[PATH_MAX + 4];

	for (size_t i = 0; i < sizeof(HARDWARE) / sizeof(HARDWARE[0]); i++)
		add(a, "%s", HARDWARE[i]);
	add(a, "-chardev");
	add(a, "socket,id=port,fd=%d", port);
	add(a, "-chardev");
	add(a, "socket,id=console,fd=%d", console);
	add(a, "-m");
	add(a, "%u", c->memory_mb);
	add(a, "-smp");
	add(a, "%u", c->cpus);
	add_share(a, "usr", "/usr", ",readonly=on");
	add_share(a, "etc", "/etc", ",readonly=on");
	add_share(a, "project", c->project, ",readonly=on");
	snprintf(out, sizeof(out), "%s/out", c->project);
	add_share(a, "out", out, "");
	add(a, "-kernel");
	add(a, "%s/build/testbed/vmlinux", c->project);
	add(a, "-initrd");
	add(a, "%s/build/testbed/initrd.img", c->project);
	add(a, "-append");
	add(a, KERNEL_OPTIONS " testbed.project=\"%s\"", c->project);
}

static int check_file(const struct machine_config *c, const char *name)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/build/testbed/%s", c->project, name);
	if (access(path, R_OK) < 0)
		return err_set("%s: %s: build it with \"make testbed-image\"", path,
			       strerror(errno));
	return 0;
}

static int check_qemu(void)
{
	const char *path = getenv("PATH");
	char file[PATH_MAX];

	while (path && *path) {
		int n = strcspn(path, ":");

		snprintf(file, sizeof(file), "%.*s/" QEMU, n, path);
		if (access(file, X_OK) == 0)
			return 0;
		path += n + (path[n] == ':');
	}
	return err_set(QEMU " is not in PATH: install Debian's package qemu-system-x86");
}

int machine_check(const struct machine_config *c)
{
	char out[PATH_MAX + 4];

	if (strpbrk(c->project, "\"\n"))
		return err_set(
			"%s: the testbed cannot take a project folder with quotes in its name",
			c->project);
	if (check_qemu() < 0 || check_file(c, "vmlinux") < 0 || check_file(c, "initrd.img") < 0)
		return -1;
	snprintf(out, sizeof(out), "%s/out", c->project);
	if (mkdir(out, 0777) < 0 && errno != EEXIST)
		return err_errno("%s: the folder for results", out);
	return 0;
}

/* In the child: become QEMU, which keeps the two sockets and writes its complaints to one. */
static void become_qemu(struct args *a, int console, pid_t parent)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	/* No terminal signals: whether and when the machine ends is decided outside. */
	setsid();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, STDIN_FILENO);
	dup2(console, STDOUT_FILENO);
	dup2(console, STDERR_FILENO);
	execvp(QEMU, a->argv);
	fprintf(stderr, "cannot run " QEMU ": %s\n", strerror(errno));
	_exit(1);
}

int machine_start(struct machine *m, const struct machine_config *c)
{
	int port[2], console[2]; /* [0] ours, [1] QEMU's */
	struct args a = {0};
	pid_t self = getpid();

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, port) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, console) < 0)
		return err_errno("making the testbed's sockets");
	fcntl(port[0], F_SETFD, FD_CLOEXEC);
	fcntl(console[0], F_SETFD, FD_CLOEXEC);
	add_all(&a, c, port[1], console[1]);
	m->pid = fork();
	if (m->pid == 0)
		become_qemu(&a, console[1], self);
	while (a.argc > 0)
		free(a.argv[--a.argc]);
	close(port[1]);
	close(console[1]);
	m->port = port[0];
	m->console = console[0];
	if (m->pid < 0)
		return err_errno("starting " QEMU);
	m->pidfd = syscall(SYS_pidfd_open, m->pid, 0);
	if (m->pidfd < 0)
		return err_errno("pidfd_open");
	return 0;
}

void machine_stop(struct machine *m)
{
	if (m->pid <= 0)
		return;
	kill(m->pid, SIGKILL);
	while (waitpid(m->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(m->pidfd);
	close(m->port);
	close(m->console);
	m->pid = 0;
}
