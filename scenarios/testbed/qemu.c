/* Finding QEMU, and asking it what it can do. */
#include "scenarios/testbed/qemu.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"

#define FETCHED "/build/qemu"

static int find_installed(struct qemu *q)
{
	const char *path = getenv("PATH");

	q->folder[0] = '\0';
	while (path && *path) {
		int n = strcspn(path, ":");

		snprintf(q->program, sizeof(q->program), "%.*s/" QEMU_NAME, n, path);
		if (access(q->program, X_OK) == 0)
			return 0;
		path += n + (path[n] == ':');
	}
	return err_set(QEMU_NAME " is not in PATH: install Debian's package qemu-system-x86");
}

int qemu_find(struct qemu *q, const char *project)
{
	static const char *const libraries = "/usr/lib/x86_64-linux-gnu";
	size_t longest = strlen(libraries) + sizeof("/ld-linux-x86-64.so.2");

	if (strlen(project) + sizeof(FETCHED) + longest > PATH_MAX)
		return find_installed(q);
	snprintf(q->folder, sizeof(q->folder), "%s" FETCHED, project);
	snprintf(q->program, sizeof(q->program), "%s" FETCHED "/usr/bin/" QEMU_NAME, project);
	snprintf(q->libraries, sizeof(q->libraries), "%s" FETCHED "%s", project, libraries);
	snprintf(q->loader, sizeof(q->loader), "%s" FETCHED "%s/ld-linux-x86-64.so.2", project,
		 libraries);
	return access(q->program, X_OK) == 0 && access(q->loader, X_OK) == 0
		       ? 0
		       : find_installed(q);
}

int qemu_words(const struct qemu *q, const char *words[QEMU_WORDS])
{
	const char *const fetched[QEMU_WORDS] = {q->loader, "--library-path", q->libraries,
						 "--argv0", QEMU_NAME,        q->program};

	words[0] = q->program;
	if (!q->folder[0])
		return 1;
	memcpy(words, fetched, sizeof(fetched));
	return QEMU_WORDS;
}

void qemu_environment(const struct qemu *q)
{
	/* Modules are of one build with their program, and none is needed. */
	if (q->folder[0])
		setenv("QEMU_MODULE_DIR", q->folder, 1);
}

static void ask(const struct qemu *q, const char *question)
{
	const char *words[QEMU_WORDS + 3];
	int n = qemu_words(q, words);

	words[n++] = "-device";
	words[n++] = question;
	words[n] = NULL;
	qemu_environment(q);
	execv(words[0], (char *const *)words);
	_exit(1);
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
		ask(q, question);
	}
	close(answer[1]);
	/* It exits with 0 either way, but lists properties only of what it has. */
	bytes = read(answer[0], &byte, 1);
	close(answer[0]);
	if (pid > 0)
		waitpid(pid, NULL, 0);
	return bytes == 1;
}
