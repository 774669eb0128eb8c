/* Tracing for the live view: see trace_child.h. */
#include "tui/trace_child.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"

#define ARGUMENTS_MAX 60
#define STOP_MS       10000

/* The recording that the user named; NULL: none. */
static const char *named_output(char *const *arguments)
{
	for (; *arguments && strcmp(*arguments, "--"); arguments++) {
		if (!strncmp(*arguments, "--output=", 9))
			return *arguments + 9;
		if (!strcmp(*arguments, "--output"))
			return arguments[1];
	}
	return NULL;
}

static int make_folder(struct trace_child *t)
{
	const char *base = getenv("XDG_RUNTIME_DIR");

	snprintf(t->folder, sizeof(t->folder), "%s/strata-tui.XXXXXX",
		 base && base[0] == '/' && strlen(base) < 32 && !access(base, W_OK) ? base
										    : "/tmp");
	if (!mkdtemp(t->folder)) {
		t->folder[0] = '\0';
		return err_errno("make a folder for the recording");
	}
	snprintf(t->log, sizeof(t->log), "%s/log", t->folder);
	return 0;
}

int trace_child_start(struct trace_child *t, char *const *arguments)
{
	struct proc_options o = PROC_DEFAULTS;
	const char *argv[ARGUMENTS_MAX + 7], *output = named_output(arguments);
	char program[PATH_MAX];
	int n = 0;

	memset(t, 0, sizeof(*t));
	if (path_program(program, sizeof(program), "strata-trace") || make_folder(t))
		return -1;
	argv[n++] = program;
	argv[n++] = "--record-only";
	argv[n++] = "--stats"; /* what tracing costs is always on the screen */
	if (output) {
		t->kept = true;
		snprintf(t->recording, sizeof(t->recording), "%s", output);
		unlink(output); /* an older one must not be taken for it */
	} else {
		snprintf(t->recording, sizeof(t->recording), "%s/trace.strata", t->folder);
		argv[n++] = "--output";
		argv[n++] = t->recording;
	}
	for (; *arguments && n < ARGUMENTS_MAX; arguments++)
		argv[n++] = *arguments;
	argv[n] = NULL;
	if (*arguments) {
		trace_child_stop(t);
		return err_set("more than %d arguments for strata trace", ARGUMENTS_MAX - 4);
	}
	o.output_path = t->log;
	o.own_group = true; /* Ctrl-c is a key of ours */
	o.death_signal = SIGINT;
	t->pid = proc_start(argv, &o);
	if (t->pid > 0)
		return 0;
	t->pid = 0;
	trace_child_stop(t);
	return -1;
}

/* The last line that it wrote and that says what was wrong, not where to read on; what could be
 * obeyed by a terminal is left out. */
static void last_words(const char *log, char *text, size_t bytes)
{
	char line[512];
	FILE *f = fopen(log, "re");

	snprintf(text, bytes, "strata trace failed without a word");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		for (char *c = line; *c; c++)
			*c = (unsigned char)*c < ' ' || *c == 0x7f ? '?' : *c;
		if (line[0] && strncmp(line, "try ", 4))
			snprintf(text, bytes, "%s", line);
	}
	if (f)
		fclose(f);
}

bool trace_child_ended(struct trace_child *t, char *text, size_t bytes)
{
	int status;

	if (!t->pid || waitpid(t->pid, &status, WNOHANG) != t->pid)
		return !t->pid;
	t->pid = 0;
	text[0] = '\0';
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		last_words(t->log, text, bytes);
	return true;
}

void trace_child_stop(struct trace_child *t)
{
	if (t->pid)
		proc_end(t->pid, SIGINT, STOP_MS);
	t->pid = 0;
	if (!t->folder[0])
		return;
	if (!t->kept && t->recording[0])
		unlink(t->recording);
	unlink(t->log);
	rmdir(t->folder);
	t->folder[0] = '\0';
}
