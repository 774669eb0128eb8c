/* Starting and ending QEMU. */
#include "scenarios/testbed/machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "scenarios/testbed/hardware.h"
#include "scenarios/testbed/qemu.h"

static int check_file(const struct machine_config *c, const char *name)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof(path), "%s/build/testbed/%s", c->project, name);
	if (access(path, R_OK) < 0)
		return err_set("%s: %s: build it with \"make testbed-image\"", path,
			       strerror(errno));
	return 0;
}

int machine_check(const struct machine_config *c)
{
	char out[PATH_MAX + 4];
	struct qemu q = {0};

	if (strpbrk(c->project, "\"\n"))
		return err_set(
			"%s: the testbed cannot take a project folder with quotes in its name",
			c->project);
	if (qemu_find(&q, c->project) < 0 || check_file(c, "vmlinux") < 0 ||
	    check_file(c, "initrd.img") < 0)
		return -1;
	snprintf(out, sizeof(out), "%s/out", c->project);
	if (mkdir(out, 0777) < 0 && errno != EEXIST)
		return err_errno("%s: the folder for results", out);
	return 0;
}

/* In the child: become QEMU, which keeps the two sockets and writes its complaints to one. */
static void become_qemu(struct hardware *h, const struct qemu *q, int console, pid_t parent)
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
	qemu_environment(q);
	execv(h->argv[0], h->argv);
	fprintf(stderr, "cannot run %s: %s\n", q->program, strerror(errno));
	_exit(1);
}

int machine_start(struct machine *m, const struct machine_config *c)
{
	int port[2], console[2]; /* [0] ours, [1] QEMU's */
	struct hardware h;
	struct qemu q = {0};
	pid_t self = getpid();
	int made;

	if (qemu_find(&q, c->project) < 0)
		return -1;
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, port) < 0 ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, console) < 0)
		return err_errno("making the testbed's sockets");
	fcntl(port[0], F_SETFD, FD_CLOEXEC);
	fcntl(console[0], F_SETFD, FD_CLOEXEC);
	made = hardware_make(&h, c, &q, port[1], console[1]);
	m->pid = made < 0 ? -1 : fork();
	if (m->pid == 0)
		become_qemu(&h, &q, console[1], self);
	hardware_free(&h);
	close(port[1]);
	close(console[1]);
	m->port = port[0];
	m->console = console[0];
	if (m->pid < 0)
		return made < 0 ? -1 : err_errno("starting %s", q.program);
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
