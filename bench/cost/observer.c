/* Observers: see observer.h. */
#include "bench/cost/observer.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/cost/empty.skel.h"
#include "lib/err.h"
#include "lib/paths.h"
#include "lib/proc.h"
#include "lib/words.h"

#define READY_TRIES 600
#define PAUSE_US    20000
#define STOP_MS     30000
#define LOG_MAX     4096

#define TRACE "--server {nginx} --output {folder}/trace.strata --json"

/* The tracepoints that strata has in force here; a map per CPU, which is bpftrace's cheapest.
 */
static const char counting[] =
	"tracepoint:net:napi_gro_receive_entry,tracepoint:net:netif_rx,"
	"tracepoint:net:netif_receive_skb_entry,tracepoint:net:netif_receive_skb,"
	"tracepoint:net:net_dev_queue,tracepoint:net:net_dev_start_xmit,"
	"tracepoint:skb:kfree_skb,tracepoint:napi:napi_poll,"
	"tracepoint:tcp:tcp_rcv_space_adjust,tracepoint:tcp:tcp_probe,"
	"tracepoint:sock:sock_recv_length,"
	"tracepoint:sock:sk_data_ready,tracepoint:tcp:tcp_sendmsg_locked,"
	"tracepoint:sched:sched_switch,tracepoint:sched:sched_waking { @[probe] = count(); } "
	"interval:ms:100 /!@told/ { @told = 1; printf(\"counting\\n\"); }";

const struct observer observers[] = {
	{.name = "none"},
	{.name = "strata",
	 .program = "strata-trace",
	 .words = TRACE,
	 .ready = "tracing",
	 .strata = true},
	{.name = "strata-uprobes",
	 .program = "strata-trace",
	 .words = TRACE " --uprobe-limit 0",
	 .ready = "tracing",
	 .strata = true},
	{.name = "strata-sample-16",
	 .program = "strata-trace",
	 .words = TRACE " --sample 1/16",
	 .ready = "tracing",
	 .strata = true},
	{.name = "empty", .empty = true},
	{.name = "tcpdump",
	 .program = "tcpdump",
	 .words = "-i br0 -n -s 96 -B 16384 -Z root -w {folder}/dump.pcap tcp port 80",
	 .ready = "listening on"},
	{.name = "bpftrace",
	 .program = "bpftrace",
	 .words = "-B none -e",
	 .script = counting,
	 .ready = "counting",
	 .fails = "not found"},
};

const unsigned int observer_count = sizeof(observers) / sizeof(*observers);

const struct observer observer_stats = {.name = "strata --stats",
					.program = "strata-trace",
					.words = TRACE " --stats",
					.ready = "tracing",
					.strata = true};

static int find_program(const char *name, char *path, size_t bytes)
{
	const char *at = getenv("PATH");

	if (!strncmp(name, "strata-", 7))
		return path_program(path, bytes, name);
	for (; at && *at; at += strcspn(at, ":"), at += *at == ':') {
		snprintf(path, bytes, "%.*s/%s", (int)strcspn(at, ":"), at, name);
		if (!access(path, X_OK))
			return 0;
	}
	return err_set("%s is not installed: \"make deps\" installs it", name);
}

const char *observer_missing(const struct observer *o)
{
	char path[PATH_MAX];

	return o->program && find_program(o->program, path, sizeof(path)) ? err_text() : NULL;
}

static void add_word(struct words *w, const char *word, const struct site *s)
{
	const char *folder = strstr(word, "{folder}");

	if (!strcmp(word, "{nginx}"))
		words_add(w, "%d", (int)s->nginx);
	else if (folder)
		words_add(w, "%.*s%s%s", (int)(folder - word), word, s->folder,
			  folder + strlen("{folder}"));
	else
		words_add(w, "%s", word);
}

static int command(struct words *w, const struct observer *o, const struct site *s)
{
	char path[PATH_MAX];
	struct words rough = {0};

	if (find_program(o->program, path, sizeof(path)))
		return -1;
	words_add(w, "%s", path);
	words_split(&rough, o->words);
	for (int i = 0; i < rough.count; i++)
		add_word(w, rough.argv[i], s);
	words_free(&rough);
	if (o->script)
		words_add(w, "%s", o->script);
	return words_argv(w) ? 0 : -1;
}

/* What it has said so far, at most the first few kilobytes. */
static void read_log(const struct site *s, char text[LOG_MAX])
{
	char path[300];
	FILE *f;

	text[0] = '\0';
	snprintf(path, sizeof(path), "%s/observer.log", s->folder);
	f = fopen(path, "re");
	if (!f)
		return;
	text[fread(text, 1, LOG_MAX - 1, f)] = '\0';
	fclose(f);
}

static int await_ready(struct watch *w, const struct site *s)
{
	char text[LOG_MAX];
	int status;

	for (int i = 0; i < READY_TRIES && !*s->stop; i++) {
		read_log(s, text);
		if (w->observer->fails && strstr(text, w->observer->fails))
			break;
		if (strstr(text, w->observer->ready))
			return 0;
		if (proc_wait(w->pid, PAUSE_US / 1000, &status) != 1) {
			w->pid = 0;
			return err_set("%s %s: %s", w->observer->name, proc_status_text(status),
				       text);
		}
	}
	proc_end(w->pid, SIGTERM, STOP_MS);
	w->pid = 0;
	return err_set("%s is not ready: %s", w->observer->name, text);
}

static int attach_empty(struct watch *w)
{
	int err;

	w->empty = empty_bpf__open_and_load();
	err = w->empty ? empty_bpf__attach(w->empty) : -errno;
	if (!err)
		return 0;
	empty_bpf__destroy(w->empty);
	w->empty = NULL;
	errno = -err;
	return err_errno("attach programs that do nothing");
}

int observer_start(struct watch *w, const struct observer *o, const struct site *s)
{
	struct proc_options opt = PROC_DEFAULTS;
	char log[300], document[300];
	struct words words = {0};

	*w = (struct watch){.observer = o};
	if (o->empty)
		return attach_empty(w);
	if (!o->program)
		return 0;
	snprintf(log, sizeof(log), "%s/observer.log", s->folder);
	snprintf(document, sizeof(document), "%s/document.json", s->folder);
	unlink(log);
	opt.netns_fd = s->host;
	opt.output_path = log;
	opt.own_group = true;
	if (o->strata)
		opt.stdout_fd = open(document, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	w->pid = command(&words, o, s) ? -1 : proc_start(words_argv(&words), &opt);
	words_free(&words);
	if (opt.stdout_fd >= 0)
		close(opt.stdout_fd);
	if (w->pid > 0)
		return await_ready(w, s);
	w->pid = 0;
	return -1;
}

static int read_document(const struct site *s, struct observed *seen)
{
	char path[300], text[LOG_MAX];
	json_t *d, *events;
	json_int_t total = 0, lost = -1;

	snprintf(path, sizeof(path), "%s/document.json", s->folder);
	d = json_load_file(path, 0, NULL);
	events = json_object_get(d, "events");
	if (!events || json_unpack(events, "{s:I,s:I}", "total", &total, "lost", &lost)) {
		read_log(s, text);
		json_decref(d);
		return err_set("strata trace left no document: %s", text);
	}
	seen->events = (uint64_t)total;
	seen->lost = (uint64_t)lost;
	json_decref(d);
	return 0;
}

int observer_stop(struct watch *w, const struct site *s, struct observed *seen)
{
	*seen = (struct observed){0};
	empty_bpf__destroy(w->empty);
	w->empty = NULL;
	if (!w->pid)
		return 0;
	proc_end(w->pid, SIGINT, STOP_MS);
	w->pid = 0;
	return w->observer->strata ? read_document(s, seen) : 0;
}
