/* strata-vmm: from the command line to an exit status. */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/vm.h"
#include "vmm/cleanup.h"
#include "vmm/console.h"
#include "vmm/control.h"
#include "vmm/machine.h"
#include "vmm/options.h"

#define PROGRAM     "strata-vmm"
#define QUOTE_LINES 6
#define ASK_WAIT_MS 10000

/* The second signal: undo what must not stay, and go. */
static void end_at_once(int signal)
{
	(void)signal;
	cleanup_now();
	_exit(EXIT_FAILED);
}

/* All threads leave SIGINT and SIGTERM to the main thread, which reads them here. */
static int block_signals(sigset_t *set)
{
	int fd;

	sigemptyset(set);
	sigaddset(set, SIGINT);
	sigaddset(set, SIGTERM);
	sigaddset(set, SIGHUP);
	pthread_sigmask(SIG_BLOCK, set, NULL);
	signal(SIGPIPE, SIG_IGN);
	fd = signalfd(-1, set, SFD_CLOEXEC);
	return fd < 0 ? err_errno("cannot listen for signals") : fd;
}

/* From here on a signal is the second one. */
static void unblock_signals(const sigset_t *set)
{
	struct sigaction action = {.sa_handler = end_at_once};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	pthread_sigmask(SIG_UNBLOCK, set, NULL);
}

static void wait_for_end(struct machine *m, int signal_fd)
{
	struct pollfd p[2] = {{.fd = m->end_fd, .events = POLLIN},
			      {.fd = signal_fd, .events = POLLIN}};
	struct signalfd_siginfo info;

	while (poll(p, 2, -1) < 0 && errno == EINTR)
		;
	if (p[1].revents && read(signal_fd, &info, sizeof(info)) == sizeof(info))
		machine_end(m, MACHINE_QUIT, "stopped by signal %u", info.ssi_signo);
}

/* Say how it ended, where that is not plain. */
static int report(struct machine *m)
{
	char quote[900];

	switch (atomic_load(&m->end)) {
	case MACHINE_POWEROFF:
	case MACHINE_QUIT:
		return 0;
	case MACHINE_REBOOT:
		fprintf(stderr, PROGRAM ": %s; the machine ends here\n", m->end_text);
		return 0;
	case MACHINE_PANIC:
		return err_set("%s; its console says:\n%s", m->end_text,
			       console_quote(m->console, quote, sizeof(quote), GUEST_PANIC_TEXT,
					     QUOTE_LINES));
	default:
		return err_set("%s", m->end_text);
	}
}

static int run(const struct options *o)
{
	struct control *control = NULL;
	struct machine m;
	sigset_t signals;
	int signal_fd = block_signals(&signals);
	int ret = -1;

	if (signal_fd < 0)
		return -1;
	if (machine_create(&m, o) == 0 &&
	    (!o->control || (control = control_start(&m, o->control))) &&
	    machine_start(&m) == 0) {
		wait_for_end(&m, signal_fd);
		unblock_signals(&signals);
		machine_stop(&m);
		cleanup_now(); /* the terminal, before anything is said on it */
		ret = report(&m);
	}
	control_stop(control);
	machine_destroy(&m);
	close(signal_fd);
	return ret;
}

static int ask(const struct options *o)
{
	json_t *request, *reply;
	json_error_t e;

	request = json_loads(o->request, 0, &e);
	if (!request)
		return err_set("the request is not JSON: %s", e.text);
	reply = vm_ask(o->ask, request, ASK_WAIT_MS);
	json_decref(request);
	if (!reply)
		return -1;
	json_dumpf(reply, stdout, JSON_INDENT(2));
	putchar('\n');
	json_decref(reply);
	return 0;
}

int main(int argc, char **argv)
{
	struct options o;
	int code = EXIT_OK;

	if (options_parse(&o, argc, argv)) {
		err_print(PROGRAM);
		code = EXIT_USAGE;
	} else if (o.help) {
		options_help(stdout);
	} else if (o.ask ? ask(&o) : run(&o)) {
		cleanup_now();
		err_print(PROGRAM);
		code = EXIT_FAILED;
	}
	cleanup_now();
	options_free(&o);
	exit(code);
}
