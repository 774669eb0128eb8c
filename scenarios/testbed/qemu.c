/* Finding QEMU, and asking it what it can do. */
#include "scenarios/testbed/qemu.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"

#define NAME "qemu-system-x86_64"

static int find_installed(struct qemu *q)
{
	const char *path = getenv("PATH");

	q->folder[0] = '\0';
	while (path && *path) {
		int n = strcspn(path, ":");

		snprintf(q->program, sizeof(q->program), "%.*s/" NAME, n, path);
		if (access(q->program, X_OK) == 0)
			return 0;
		path += n + (path[n] == ':');
	}
	return err_set(NAME " is not in PATH: install Debian's package qemu-system-x86");
}

int qemu_find(struct qemu *q, const char *project)
{
	int n = snprintf(q->folder, sizeof(q->folder), "%s/build/qemu", project);
	int p = snprintf(q->program, sizeof(q->program), "%s/build/qemu/usr/bin/" NAME,
			 project);

	if (n < PATH_MAX && p < PATH_MAX && access(q->program, X_OK) == 0)
		return 0;
	return find_installed(q);
}

void qemu_environment(const struct qemu *q)
{
	char libraries[PATH_MAX + 32];

	if (!q->folder[0])
		return;
	snprintf(libraries, sizeof(libraries), "%s/usr/lib/x86_64-linux-gnu", q->folder);
	setenv("LD_LIBRARY_PATH", libraries, 1);
	/* Modules are of one build with their program, and none is needed. */
	setenv("QEMU_MODULE_DIR", q->folder, 1);
}

bool qemu_emulates(const struct qemu *q, const char *device)
{
	int answer[2], bytes;
	char question[64], byte;
	pid_t pid;

	snprintf(question, sizeof(question), "%s,help", device);
	if (pipe2(answer, O_CLOEXEC) < 0)
		return false;
	pid = fork();
	if (pid == 0) {
		dup2(answer[1], STDOUT_FILENO);
		dup2(open("/dev/null", O_RDWR), STDERR_FILENO);
		qemu_environment(q);
		execl(q->program, NAME, "-device", question, (char *)NULL);
		_exit(1);
	}
	close(answer[1]);
	/* It exits with 0 either way, but lists properties only of what it has. */
	bytes = read(answer[0], &byte, 1);
	close(answer[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return bytes == 1;
}
