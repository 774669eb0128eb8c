/*
 * Running a command in the testbed machine: boot, hand it over, pass its output on, end.
 *
 * Everything is bounded in time. A machine's failure (QEMU gone, kernel panic, no boot) is told
 * from the command's by the exit frame, which only the command's end can produce.
 */
#include "scenarios/testbed/run.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "scenarios/testbed/console.h"
#include "scenarios/testbed/frame.h"

#define ATTEMPTS       3
#define BOOT_TIMEOUT_S 120 /* it takes 4 s; on a machine busy otherwise, up to a minute */
#define SILENCE_S      60  /* inside says every second that it is alive */
#define QUIET_S        2.0 /* a wait longer than this is explained */
#define TICK_MS        200

extern char **environ;

enum outcome {
	OUTCOME_NONE,    /* going on */
	OUTCOME_DONE,    /* the command ended; its code is known */
	OUTCOME_MACHINE, /* the machine failed: worth another try */
	OUTCOME_STOP,    /* interrupted, out of time, nobody reads our output */
};

struct attempt {
	const struct run_config *config;
	struct machine machine;
	double started_s;
	double up_s;    /* when the machine reported; 0 before */
	double heard_s; /* when anything last came from inside */
	bool explained;
	bool wrote_stdout;
	int code;
	struct console console;
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

static enum outcome stop(const char *why)
{
	err_set("%s", why);
	return OUTCOME_STOP;
}

static enum outcome machine_failed(struct attempt *a, const char *why)
{
	fprintf(stderr, "testbed: machine failed: %s\n", why);
	console_explain(&a->console);
	err_set("%s", why);
	return OUTCOME_MACHINE;
}

/* What the clock and the signals have to say. */
static enum outcome check_time(struct attempt *a)
{
	double now = now_s();

	if (interrupted)
		return stop("interrupted");
	if (!a->up_s) {
		if (!a->explained && now - a->started_s > QUIET_S)
			fprintf(stderr, "testbed: booting an emulated machine\n");
		a->explained = now - a->started_s > QUIET_S;
		if (now - a->started_s > BOOT_TIMEOUT_S)
			return machine_failed(a, "it did not boot in two minutes");
		return OUTCOME_NONE;
	}
	if (now - a->up_s > a->config->timeout_s) {
		err_set("the command did not end within %u s (--timeout)",
			a->config->timeout_s);
		return OUTCOME_STOP;
	}
	return OUTCOME_NONE;
}

/* Pass output on, as fast as it is taken. Whoever stops reading it ends the run. */
static enum outcome pass_on(struct attempt *a, int to, const char *data, size_t len)
{
	struct pollfd fd = {.fd = to, .events = POLLOUT};
	enum outcome outcome;

	while (len > 0) {
		int ready = poll(&fd, 1, TICK_MS);
		/* What poll() calls writable takes this much without blocking (pipe(7)). */
		ssize_t n = ready > 0 ? write(to, data, len < PIPE_BUF ? len : PIPE_BUF) : 0;

		if (n < 0 && errno != EINTR && errno != EAGAIN) {
			err_errno("writing the command's output");
			return OUTCOME_STOP;
		}
		if (n > 0) {
			data += n;
			len -= n;
		} else if ((outcome = check_time(a)) != OUTCOME_NONE) {
			return outcome;
		}
	}
	return OUTCOME_NONE;
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

static enum outcome take_frame(struct attempt *a, const struct frame_reader *r)
{
	int fd = r->frame.type == FRAME_STDERR ? STDERR_FILENO : STDOUT_FILENO;

	switch (r->frame.type) {
	case FRAME_UP:
		a->up_s = now_s();
		if (a->explained)
			fprintf(stderr, "testbed: up after %.1f s\n", a->up_s - a->started_s);
		return send_command(a) < 0 ? OUTCOME_STOP : OUTCOME_NONE;
	case FRAME_ALIVE:
		return OUTCOME_NONE;
	case FRAME_STDOUT:
		a->wrote_stdout = true;
		/* fall through */
	case FRAME_STDERR:
		return pass_on(a, fd, r->payload, r->frame.len);
	case FRAME_EXIT:
		a->code = (unsigned char)r->payload[0];
		return OUTCOME_DONE;
	}
	return machine_failed(a, "nonsense came through its port");
}

/* QEMU closed its ends: read what the console still holds, then say so. */
static enum outcome machine_gone(struct attempt *a)
{
	struct pollfd fd = {.fd = a->machine.console, .events = POLLIN};

	while (poll(&fd, 1, 1000) > 0 &&
	       console_take(&a->console, fd.fd, a->config->verbose) > 0)
		;
	return machine_failed(a, a->up_s ? "it went down while the command ran"
					 : "it went down before it was up");
}

static enum outcome watch(struct attempt *a)
{
	static struct frame_reader reader;
	struct pollfd fds[] = {
		{.fd = a->machine.port, .events = POLLIN},
		{.fd = a->machine.console, .events = POLLIN},
	};
	enum outcome outcome = OUTCOME_NONE;

	reader.have = 0;
	while (outcome == OUTCOME_NONE) {
		int ready = poll(fds, 2, TICK_MS);

		if (ready > 0 && fds[1].revents & POLLIN)
			console_take(&a->console, fds[1].fd, a->config->verbose);
		if (ready > 0 && fds[0].revents) {
			int got = frame_read(&reader, a->machine.port);

			if (got < 0)
				return machine_gone(a);
			if (got > 0)
				outcome = take_frame(a, &reader);
			a->heard_s = now_s(); /* not before: our reader may be slow */
		}
		if (outcome == OUTCOME_NONE)
			outcome = check_time(a);
		if (outcome == OUTCOME_NONE && a->up_s && now_s() - a->heard_s > SILENCE_S)
			outcome = machine_failed(a, "it fell silent for a minute");
	}
	return outcome;
}

static enum outcome attempt(struct attempt *a)
{
	enum outcome outcome;

	a->started_s = now_s();
	a->up_s = 0;
	a->explained = false;
	a->console.len = 0;
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
	enum outcome outcome = OUTCOME_MACHINE;
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
