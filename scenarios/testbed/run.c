/*
 * Running a command in the testbed machine: boot, hand it over, pass its output on, end.
 *
 * Everything is bounded in time. A machine's failure (QEMU gone, kernel panic, no boot) is told
 * from the command's by the exit frame, which only the command's end can produce.
 */
#include "scenarios/testbed/run.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "scenarios/testbed/frame.h"

#define ATTEMPTS 3
#define BOOT_TIMEOUT_S \
	120 /* a boot takes 4 s; on a machine busy with other things, up to a minute */
#define QUIET_S      2.0 /* a wait longer than this is explained */
#define CONSOLE_KEEP 8192
#define CONSOLE_SHOW 20 /* lines of the console that go with a failure */

extern char **environ;

enum outcome {
	OUTCOME_DONE,    /* the command ended; its code is known */
	OUTCOME_MACHINE, /* the machine failed: worth another try */
	OUTCOME_STOP,    /* interrupted, out of time, nobody reads our output */
};

struct attempt {
	const struct run_config *config;
	struct machine machine;
	double started_s;
	double up_s; /* when the machine reported; 0 before */
	bool explained;
	bool wrote_stdout;
	int code;
	char console[CONSOLE_KEEP + 1];
	size_t console_len;
};

static volatile sig_atomic_t interrupted;

static void on_signal(int sig)
{
	interrupted = sig;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

/* Keep the end of what the console said, for a failure's message. */
static void take_console(struct attempt *a)
{
	char chunk[4096];
	ssize_t n = read(a->machine.console, chunk, sizeof(chunk));

	if (n <= 0)
		return;
	if (a->config->verbose)
		fwrite(chunk, 1, n, stderr);
	if (a->console_len + n > CONSOLE_KEEP) {
		size_t drop = a->console_len + n - CONSOLE_KEEP;

		memmove(a->console, a->console + drop, a->console_len - drop);
		a->console_len -= drop;
	}
	memcpy(a->console + a->console_len, chunk, n);
	a->console_len += n;
}

/* Where the console begins to say why the kernel died; its last lines if it does not say. */
static const char *find_cause(const struct attempt *a)
{
	static const char *const causes[] = {"BUG: ", "Oops: ", "general protection",
					     "Kernel panic", "qemu-system"};
	const char *from = a->console + a->console_len, *found;
	int lines = 0;

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		found = strstr(a->console, causes[i]);
		if (!found)
			continue;
		while (found > a->console && found[-1] != '\n')
			found--;
		return found;
	}
	while (from > a->console && (from[-1] != '\n' || lines++ < CONSOLE_SHOW))
		from--;
	return from;
}

/* Say that the machine failed, and what its console has to say about it. */
static int machine_failed(struct attempt *a, const char *why)
{
	const char *from;

	a->console[a->console_len] = '\0';
	from = find_cause(a);
	fprintf(stderr, "testbed: machine failed: %s\n", why);
	for (int lines = 0; *from && lines < CONSOLE_SHOW; lines++) {
		int n = strcspn(from, "\r\n");

		fprintf(stderr, "testbed| %.*s\n", n, from);
		from += n;
		from += strspn(from, "\r\n");
	}
	err_set("%s", why);
	return OUTCOME_MACHINE;
}

/* Pass output on. Whoever stops reading it ends the run. */
static int pass_on(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, data, len);

		if (n < 0 && errno == EINTR && !interrupted)
			continue;
		if (n < 0)
			return err_errno("writing the command's output");
		data += n;
		len -= n;
	}
	return 0;
}

static void append(char *to, size_t *len, const char *word)
{
	size_t n = strlen(word) + 1;

	if (*len + n <= FRAME_PAYLOAD_MAX)
		memcpy(to + *len, word, n);
	*len += n; /* too long in the end: frame_send() refuses */
}

/* What of our environment means something in there. */
static bool passes(const char *variable)
{
	return strncmp(variable, "STRATA_", 7) == 0 || strncmp(variable, "LC_", 3) == 0 ||
	       strncmp(variable, "LANG=", 5) == 0 || strncmp(variable, "TERM=", 5) == 0 ||
	       strncmp(variable, "COLUMNS=", 8) == 0;
}

static int send_command(struct attempt *a)
{
	static const char *const fixed[] = {
		"STRATA_TESTBED=1", "HOME=/root", "USER=root",
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
	static char words[FRAME_PAYLOAD_MAX];
	size_t len = 0;

	for (char **e = environ; *e; e++) {
		if (passes(*e))
			append(words, &len, *e);
	}
	for (size_t i = 0; i < sizeof(fixed) / sizeof(fixed[0]); i++)
		append(words, &len, fixed[i]);
	append(words, &len, "");
	for (char **arg = a->config->argv; *arg; arg++)
		append(words, &len, *arg);
	return frame_send(a->machine.port, FRAME_RUN, words, len);
}

/* One frame from inside. -1: go on. */
static int take_frame(struct attempt *a, const struct frame_reader *r)
{
	int fd = r->frame.type == FRAME_STDERR ? STDERR_FILENO : STDOUT_FILENO;

	switch (r->frame.type) {
	case FRAME_UP:
		a->up_s = now_s();
		if (a->explained)
			fprintf(stderr, "testbed: up after %.1f s\n", a->up_s - a->started_s);
		return send_command(a) < 0 ? OUTCOME_STOP : -1;
	case FRAME_STDOUT:
		a->wrote_stdout = true;
		/* fall through */
	case FRAME_STDERR:
		return pass_on(fd, r->payload, r->frame.len) < 0 ? OUTCOME_STOP : -1;
	case FRAME_EXIT:
		a->code = (unsigned char)r->payload[0];
		return OUTCOME_DONE;
	}
	return machine_failed(a, "nonsense came through its port");
}

/* -1: there is still time. */
static int check_time(struct attempt *a)
{
	double now = now_s();

	if (interrupted) {
		err_set("interrupted");
		return OUTCOME_STOP;
	}
	if (!a->up_s && !a->explained && now - a->started_s > QUIET_S) {
		a->explained = true;
		fprintf(stderr, "testbed: booting an emulated machine\n");
	}
	if (!a->up_s && now - a->started_s > BOOT_TIMEOUT_S)
		return machine_failed(a, "it did not boot in two minutes");
	if (a->up_s && now - a->up_s > a->config->timeout_s) {
		err_set("the command did not end within %u s (--timeout)",
			a->config->timeout_s);
		return OUTCOME_STOP;
	}
	return -1;
}

/* QEMU closed its ends: read what the console still holds, then say so. */
static int machine_gone(struct attempt *a)
{
	struct pollfd fd = {.fd = a->machine.console, .events = POLLIN};

	while (poll(&fd, 1, 1000) > 0 && (fd.revents & POLLIN)) {
		size_t before = a->console_len;

		take_console(a);
		if (a->console_len == before && a->console_len < CONSOLE_KEEP)
			break;
	}
	return machine_failed(a, a->up_s ? "it went down while the command ran"
					 : "it went down before it was up");
}

static int watch(struct attempt *a)
{
	static struct frame_reader reader;
	struct pollfd fds[] = {
		{.fd = a->machine.port, .events = POLLIN},
		{.fd = a->machine.console, .events = POLLIN},
	};
	int outcome = -1;

	reader.have = 0;
	while (outcome < 0) {
		if (poll(fds, 2, 200) < 0 && errno != EINTR) {
			err_errno("poll");
			return OUTCOME_STOP;
		}
		if (fds[1].revents & POLLIN)
			take_console(a);
		if (fds[0].revents) {
			int got = frame_read(&reader, a->machine.port);

			if (got < 0)
				return machine_gone(a);
			if (got > 0)
				outcome = take_frame(a, &reader);
		}
		if (outcome < 0)
			outcome = check_time(a);
	}
	return outcome;
}

static int attempt(struct attempt *a)
{
	int outcome;

	a->started_s = now_s();
	a->up_s = 0;
	a->explained = false;
	a->console_len = 0;
	if (machine_start(&a->machine, &a->config->machine) < 0)
		outcome = OUTCOME_STOP;
	else
		outcome = watch(a);
	machine_stop(&a->machine);
	return outcome;
}

int testbed_run(const struct run_config *c)
{
	static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction act = {.sa_handler = on_signal};
	static struct attempt a;
	int outcome = OUTCOME_MACHINE;
	int tries = 0;

	a.config = c;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &act, NULL);
	signal(SIGPIPE, SIG_IGN);

	while (outcome == OUTCOME_MACHINE && tries < ATTEMPTS && !a.wrote_stdout) {
		if (tries++ > 0)
			fprintf(stderr, "testbed: starting it again, retry %d of %d\n",
				tries - 1, ATTEMPTS - 1);
		outcome = attempt(&a);
	}
	if (interrupted) {
		signal(interrupted, SIG_DFL);
		raise(interrupted);
	}
	if (outcome == OUTCOME_DONE && tries > 1)
		fprintf(stderr, "testbed: the machine had to be started %d times\n", tries);
	if (outcome == OUTCOME_MACHINE && a.wrote_stdout)
		err_add("not started again, as output had begun");
	else if (outcome == OUTCOME_MACHINE)
		err_add("the testbed machine failed %d times", tries);
	return outcome == OUTCOME_DONE ? a.code : -1;
}
