/* strata trace: trace until told to stop, then say where the time went. */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/paths.h"
#include "lib/proc.h"
#include "lib/progress.h"
#include "tracer/analyse.h"
#include "tracer/json.h"
#include "tracer/options.h"
#include "tracer/print.h"
#include "tracer/session.h"
#include "tracer/summary.h"

#define COMMAND_END_MS 3000

static int add_named_devices(const struct trace_options *o, struct topology *t)
{
	for (unsigned int i = 0; i < o->device_count; i++) {
		const struct trace_device *d = &o->devices[i];
		int ns = netns_of_pid(d->pid), result;

		if (ns < 0)
			return -1;
		result = topology_add_device(t, ns, d->name, d->role, 0);
		close(ns);
		if (result)
			return -1;
	}
	return 0;
}

/* A server of this kernel, by whatever was said of it. */
static int add_server(const struct trace_options *o, struct topology *t)
{
	if (o->server)
		return topology_add_server(t, o->server);
	if (o->container)
		return topology_add_container(t, o->container);
	if (o->netns)
		return topology_add_netns(t, o->netns);
	return t->vm_count || topology_find(t, ROLE_BARE) ? 0 : topology_add_listener(t);
}

static int find_topology(const struct trace_options *o, struct topology *t)
{
	topology_init(t);
	for (unsigned int i = 0; i < o->port_count; i++)
		if (topology_add_port(t, o->ports[i]))
			return -1;
	if (add_named_devices(o, t))
		return -1;
	for (unsigned int i = 0; i < o->vm_count; i++)
		if (topology_add_vm(t, o->vms[i]))
			return -1;
	for (unsigned int i = 0; i < o->pid_count; i++)
		if (topology_add_process(t, o->pids[i], o->agents[i]))
			return -1;
	return add_server(o, t);
}

/* A descriptor that becomes readable at Ctrl-C, or when the command has ended. */
static int watch_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? err_errno("watch for signals") : fd;
}

/* Who reads the recording must know that not all may have been asked. */
static int note_ended(struct session *s, int status)
{
	json_t *meta;
	int result;

	if (WIFEXITED(status) && !WEXITSTATUS(status))
		return 0;
	progress("the command %s", proc_status_text(status));
	meta = json_pack("{s:s}", "command_failed", proc_status_text(status));
	result = session_meta(s, meta);
	json_decref(meta);
	return result;
}

/* Until the command ends, time is up, somebody says stop, or nothing can be recorded. */
static int wait_for_end(const struct trace_options *o, struct session *s, int signals,
			pid_t command)
{
	struct signalfd_siginfo info;
	struct pollfd p[] = {{.fd = signals, .events = POLLIN},
			     {.fd = session_failed_fd(s), .events = POLLIN}};
	struct timespec begin, now;
	int status;

	clock_gettime(CLOCK_MONOTONIC, &begin);
	for (;;) {
		int left = -1;

		if (o->seconds > 0) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			left = (int)(1000 * (o->seconds - (double)(now.tv_sec - begin.tv_sec)) -
				     (double)(now.tv_nsec - begin.tv_nsec) / 1e6);
			if (left <= 0)
				break;
		}
		if (poll(p, 2, left) <= 0)
			continue;
		if (p[1].revents)
			break; /* session_close() says why */
		if (read(signals, &info, sizeof(info)) != sizeof(info))
			return err_errno("wait for signals");
		if (info.ssi_signo != SIGCHLD)
			break;
		if (command > 0 && waitpid(command, &status, WNOHANG) == command)
			return note_ended(s, status);
	}
	proc_end(command, SIGTERM, COMMAND_END_MS);
	return 0;
}

static int record(const struct trace_options *o)
{
	struct session_options so = {.recording_path = o->output,
				     .pcap = o->pcap,
				     .no_fentry = o->no_fentry,
				     .no_uprobes = o->no_uprobes,
				     .uprobe_limit = o->uprobe_limit,
				     .protocol = o->protocol ? o->protocol
							     : protocol_name(PROTOCOL_AUTO),
				     .filter = &o->filter,
				     .flight_bytes = o->flight_bytes,
				     .stats = o->stats};
	struct proc_options po = PROC_DEFAULTS;
	struct session *s = NULL;
	int signals = watch_signals();
	struct topology t;
	pid_t command = 0;
	int result = -1;

	if (signals < 0)
		return -1;
	if (!find_topology(o, &t))
		s = session_start(&t, &so);
	topology_free(&t);
	if (s) {
		progress("tracing%s", o->command || o->seconds > 0 ? "" : "; Ctrl-C stops");
		if (o->json) /* stdout is the document alone */
			po.stdout_fd = STDERR_FILENO;
		if (o->command)
			command = proc_start((const char *const *)o->command, &po);
		result = command < 0 ? -1 : wait_for_end(o, s, signals, command);
		if (result) {
			char why[512];

			snprintf(why, sizeof(why), "%s", err_text());
			session_close(s);
			err_set("%s", why);
		} else {
			progress("stopping, %llu events so far",
				 (unsigned long long)session_events(s));
			result = session_close(s);
		}
	}
	close(signals);
	return result;
}

static int make_folder_of(const char *file)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s", file);
	return strchr(path, '/') ? path_make_folder(dirname(path)) : 0;
}

static int show(const struct trace_options *o)
{
	struct json_options json = {.requests = o->list};
	const struct analyse_options wanted = {.filter = &o->filter,
					       .protocol = o->read ? o->protocol : NULL};
	struct model *m;
	int result;

	if (analyse(o->read ? o->read : o->output, &wanted, &m))
		return -1;
	if (o->json && summary_why_none(m))
		progress("no request was seen: %s", summary_why_none(m));
	result = o->json ? json_report(m, &json, stdout) : print_report(m, stdout);
	model_free(m);
	if (!result && fflush(stdout))
		result = err_errno("write the report");
	return result;
}

int main(int argc, char **argv)
{
	struct trace_options o;
	int parsed = trace_options_parse(&o, argc, argv);

	if (parsed)
		return parsed < 0 ? EXIT_USAGE : EXIT_OK;
	if (o.hops)
		return print_hops(stdout) ? EXIT_FAILED : EXIT_OK;
	progress_start("trace");
	if ((!o.read && (make_folder_of(o.output) || record(&o))) ||
	    (!o.record_only && show(&o))) {
		err_print("strata-trace");
		return EXIT_FAILED;
	}
	return EXIT_OK;
}
