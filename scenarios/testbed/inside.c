/*
 * Inside the machine: take one command from the port, run it, send back what it writes and how
 * it ends. This is process 1: it reaps orphans, and the kernel panics should it exit, which the
 * outer half sees as the machine's failure.
 *
 * The command writes into pipes, not into the port: pipes can be opened again through
 * /dev/stdout and take any number of writers.
 */
#include "scenarios/testbed/inside.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "scenarios/testbed/frame.h"
#include "scenarios/testbed/heartbeat.h"

#define WORDS_MAX 4096
#define ALIVE_MS  1000

static struct frame_reader reader;

struct job {
	pid_t pid;
	int out[2];
	int err[2];
};

/* Put the environment's words into the environment; returns the arguments, NULL-terminated. */
static char **unpack_command(void)
{
	static char *argv[WORDS_MAX + 1];
	char *word = reader.payload, *end = reader.payload + reader.frame.len;
	size_t argc = 0;

	for (; word < end && *word; word += strlen(word) + 1)
		putenv(word);
	for (word++; word < end && argc < WORDS_MAX; word += strlen(word) + 1)
		argv[argc++] = word;
	return argv;
}

static void run_child(const struct job *job, char **argv, const char *folder)
{
	sigset_t none;
	int null = open("/dev/null", O_RDONLY);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	dup2(null, STDIN_FILENO);
	dup2(job->out[1], STDOUT_FILENO);
	dup2(job->err[1], STDERR_FILENO);
	if (chdir(folder) < 0) {
		fprintf(stderr, "testbed: %s: %s\n", folder, strerror(errno));
		_exit(126);
	}
	execvp(argv[0], argv);
	fprintf(stderr, "testbed: %s: %s\n", argv[0], strerror(errno));
	_exit(errno == ENOENT ? 127 : 126);
}

static int start(struct job *job, char **argv, const char *folder)
{
	if (pipe2(job->out, O_CLOEXEC) < 0 || pipe2(job->err, O_CLOEXEC) < 0)
		return err_errno("making pipes");
	job->pid = fork();
	if (job->pid < 0)
		return err_errno("fork");
	if (job->pid == 0)
		run_child(job, argv, folder);
	close(job->out[1]);
	close(job->err[1]);
	fcntl(job->out[0], F_SETFL, O_NONBLOCK);
	fcntl(job->err[0], F_SETFL, O_NONBLOCK);
	return 0;
}

/* Reap everything there is to reap. True if the command was among it. */
static bool reap(const struct job *job, uint8_t *code)
{
	bool ended = false;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != job->pid)
			continue;
		*code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
		ended = true;
	}
	return ended;
}

/*
 * Send what a pipe holds now: as much as a pipe can hold. -1 if the port failed, 1 if the pipe
 * has no writer any more.
 */
static int forward(int port, int pipe, enum frame_type type)
{
	static char chunk[64 * 1024];
	ssize_t n = read(pipe, chunk, sizeof(chunk));

	if (n > 0)
		return frame_send(port, type, chunk, n);
	return n == 0;
}

static int serve(int port, struct job *job)
{
	struct pollfd fds[] = {
		{.fd = job->out[0], .events = POLLIN},
		{.fd = job->err[0], .events = POLLIN},
		{.fd = -1, .events = POLLIN},
	};
	static const enum frame_type types[] = {FRAME_STDOUT, FRAME_STDERR};
	struct signalfd_siginfo info;
	bool ended = false;
	uint8_t code = 0;
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	fds[2].fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (fds[2].fd < 0)
		return err_errno("signalfd");

	/* Whoever outlives the command may hold the pipes: what they hold when it ends is the
	 * end. */
	while (!ended) {
		int ready = poll(fds, 3, ALIVE_MS);

		if (ready < 0 && errno != EINTR)
			return err_errno("poll");
		if (ready == 0 && frame_send(port, FRAME_ALIVE, NULL, 0) < 0)
			return -1;
		if (read(fds[2].fd, &info, sizeof(info)) > 0)
			ended = reap(job, &code);
		for (int i = 0; i < 2; i++) {
			int done = fds[i].fd < 0 ? 0 : forward(port, fds[i].fd, types[i]);

			if (done < 0)
				return -1;
			if (done)
				fds[i].fd = -1;
		}
	}
	sync();
	return frame_send(port, FRAME_EXIT, &code, sizeof(code));
}

/*
 * Keep one VM, empty, from before the command starts to the end. The host's kernel patches its
 * scheduler's code (preempt_notifier_key) whenever the first VM comes or the last one goes, and
 * TCG may run code on one processor while the other patches it: "Oops: int3" in __schedule.
 */
static void hold_a_vm(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	/* Whoever needs KVM says what is wrong with it better than we could. */
	if (kvm >= 0 && ioctl(kvm, KVM_CREATE_VM, 0) >= 0)
		close(kvm);
}

int inside_main(const char *port_path, const char *folder)
{
	struct job job;
	sigset_t set;
	int port, got;

	if (getpid() != 1)
		return err_set(
			"\"inside\" is the testbed machine's first process, not a command");
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	port = open(port_path, O_RDWR | O_CLOEXEC);
	if (port < 0)
		return err_errno("%s", port_path);
	hold_a_vm();
	if (heartbeat_start())
		return -1;
	if (frame_send(port, FRAME_UP, NULL, 0) < 0)
		return -1;
	do
		got = frame_read(&reader, port);
	while (got == 0);
	if (got < 0 || start(&job, unpack_command(), folder) < 0 || serve(port, &job) < 0)
		return err_add("running the command");
	for (;;)
		pause(); /* the outer half ends the machine */
}
