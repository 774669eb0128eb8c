/* Child processes: see proc.h. */
#include "lib/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/now.h"

#define CAPTURE_MAX (16u << 20)

/* In the child, between fork and exec: only async-signal-safe calls. Returns the step that
 * failed. */
static const char *child_prepare(const struct proc_options *opt, int stderr_fd, pid_t parent)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	signal(SIGINT, SIG_DFL);
	if (prctl(PR_SET_PDEATHSIG, opt->death_signal ? opt->death_signal : SIGKILL) ||
	    getppid() != parent)
		return "tie it to its parent";
	if (opt->own_group && setpgid(0, 0))
		return "give it a process group";
	if (opt->output_path) {
		int fd = open(opt->output_path, O_WRONLY | O_CREAT | O_APPEND, 0644);

		if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0)
			return "open its output file";
	}
	if (opt->stdout_fd >= 0 && dup2(opt->stdout_fd, 1) < 0)
		return "connect its stdout";
	if (stderr_fd >= 0 && dup2(stderr_fd, 2) < 0)
		return "connect its stderr";
	if (opt->cpus && sched_setaffinity(0, sizeof(*opt->cpus), opt->cpus))
		return "pin it to its CPUs";
	if (opt->netns_fd >= 0 && setns(opt->netns_fd, CLONE_NEWNET))
		return "enter its network namespace";
	if (opt->chroot_path && (chroot(opt->chroot_path) || chdir("/")))
		return "change its root";
	return NULL;
}

struct child_failure {
	int error;
	char step[40];
};

static pid_t start(const char *const argv[], const struct proc_options *opt, int stderr_fd)
{
	struct child_failure failure = {0};
	int report[2], status;
	pid_t parent = getpid(), pid;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC))
		return err_errno("start %s: pipe", argv[0]);
	pid = fork();
	if (pid < 0) {
		err_errno("start %s: fork", argv[0]);
		close(report[0]);
		close(report[1]);
		return -1;
	}
	if (!pid) {
		const char *step = child_prepare(opt, stderr_fd, parent);

		if (!step) {
			execvp(argv[0], (char *const *)argv);
			step = "execute it";
		}
		failure.error = errno;
		strncpy(failure.step, step, sizeof(failure.step) - 1);
		if (write(report[1], &failure, sizeof(failure)) < 0)
			_exit(126);
		_exit(127);
	}
	close(report[1]);
	do
		n = read(report[0], &failure, sizeof(failure));
	while (n < 0 && errno == EINTR);
	close(report[0]);
	if (n == (ssize_t)sizeof(failure)) {
		waitpid(pid, &status, 0);
		errno = failure.error;
		return err_errno("start %s: cannot %s", argv[0], failure.step);
	}
	return pid;
}

static const struct proc_options *options_or_default(const struct proc_options *opt)
{
	static const struct proc_options defaults = PROC_DEFAULTS;

	return opt ? opt : &defaults;
}

pid_t proc_start(const char *const argv[], const struct proc_options *opt)
{
	return start(argv, options_or_default(opt), -1);
}

int proc_wait(pid_t pid, int timeout_ms, int *status)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int64_t deadline = now_ms() + timeout_ms;
	int n = 1;

	if (pidfd < 0)
		return err_errno("wait for process %d", pid);
	if (timeout_ms >= 0) {
		do {
			int64_t left = deadline - now_ms();

			n = poll(&p, 1, left > 0 ? (int)left : 0);
		} while (n < 0 && errno == EINTR);
	}
	close(pidfd);
	if (n == 0)
		return 1;
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return err_errno("wait for process %d", pid);
	return 0;
}

void proc_end(pid_t pid, int signal, int grace_ms)
{
	int status;

	if (pid <= 0)
		return;
	kill(pid, signal);
	if (proc_wait(pid, grace_ms, &status) == 1) {
		kill(pid, SIGKILL);
		proc_wait(pid, -1, &status);
	}
}

const char *proc_status_text(int status)
{
	static _Thread_local char text[64];

	if (WIFEXITED(status))
		snprintf(text, sizeof(text), "exited with %d", WEXITSTATUS(status));
	else
		snprintf(text, sizeof(text), "was killed by SIG%s",
			 sigabbrev_np(WTERMSIG(status)));
	return text;
}

/* What a child writes into a pipe, as text. */
struct capture {
	int fd;
	char *text;
	size_t length;
};

/* Take what is there; false at the end of the stream. */
static bool capture_some(struct capture *c)
{
	char buf[4096];
	ssize_t n = read(c->fd, buf, sizeof(buf));
	char *grown;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (!n)
		return false;
	if (c->length + (size_t)n > CAPTURE_MAX)
		return true;
	grown = realloc(c->text, c->length + (size_t)n + 1);
	if (!grown)
		return false;
	c->text = grown;
	memcpy(c->text + c->length, buf, (size_t)n);
	c->length += (size_t)n;
	c->text[c->length] = '\0';
	return true;
}

/* Read both streams until they end. False if time ran out first. */
static bool capture_both(struct capture *out, struct capture *err, int timeout_ms)
{
	int64_t deadline = now_ms() + timeout_ms;
	struct pollfd p[2] = {{.fd = out->fd, .events = POLLIN},
			      {.fd = err->fd, .events = POLLIN}};

	while (p[0].fd >= 0 || p[1].fd >= 0) {
		int64_t left = deadline - now_ms();

		if (timeout_ms >= 0 && left <= 0)
			return false;
		if (poll(p, 2, timeout_ms < 0 ? -1 : (int)left) <= 0)
			continue;
		if (p[0].revents && !capture_some(out))
			p[0].fd = -1;
		if (p[1].revents && !capture_some(err))
			p[1].fd = -1;
	}
	return true;
}

static int judge(const char *name, bool in_time, int timeout_ms, int status,
		 const struct capture *err)
{
	size_t n = err->length;

	if (!in_time)
		return err_set("%s did not end within %d ms", name, timeout_ms);
	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	while (n && err->text[n - 1] == '\n')
		n--;
	return err_set("%s %s%s%.*s", name, proc_status_text(status), n ? ": " : "", (int)n,
		       n ? err->text : "");
}

int proc_run(const char *const argv[], const struct proc_options *opt, int timeout_ms,
	     char **out)
{
	struct proc_options o = *options_or_default(opt);
	struct capture cout = {.fd = -1}, cerr = {.fd = -1};
	int pout[2], perr[2], status = 0, result;
	bool in_time;
	pid_t pid;

	if (pipe2(pout, O_CLOEXEC))
		return err_errno("run %s: pipe", argv[0]);
	if (pipe2(perr, O_CLOEXEC)) {
		close(pout[0]);
		close(pout[1]);
		return err_errno("run %s: pipe", argv[0]);
	}
	o.stdout_fd = pout[1];
	pid = start(argv, &o, perr[1]);
	close(pout[1]);
	close(perr[1]);
	if (pid < 0) {
		close(pout[0]);
		close(perr[0]);
		return -1;
	}
	cout.fd = pout[0];
	cerr.fd = perr[0];
	in_time = capture_both(&cout, &cerr, timeout_ms);
	if (!in_time)
		kill(pid, SIGKILL);
	proc_wait(pid, -1, &status);
	result = judge(argv[0], in_time, timeout_ms, status, &cerr);
	close(pout[0]);
	close(perr[0]);
	free(cerr.text);
	if (out && !result)
		*out = cout.text ? cout.text : strdup("");
	else
		free(cout.text);
	return result;
}
