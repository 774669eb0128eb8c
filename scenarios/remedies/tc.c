/*
 * Rates that the host's kernel keeps on the VM's taps, by tc(8): whoever moves the frames (the
 * VMM, vhost), and whatever VMM it is. Towards the guest a token bucket that queues (tbf), from
 * the guest a policer that drops, for what comes in cannot be queued.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/proc.h"
#include "lib/threads.h"
#include "lib/words.h"
#include "scenarios/remedies/internal.h"
#include "scenarios/remedies/rows.h"

#define HANDLE      "7a01:" /* of a qdisc of ours */
#define TC_MS       10000
#define BURST_LEAST 66000 /* a frame with segmentation offload */
#define BURST_PART  50    /* of a second's bytes: 20 ms */
#define LATENCY_NS  50000000

/* ---- the network namespace that the taps are in ---- */

struct search {
	uint32_t netns;
	pid_t pid;
};

static bool in_netns(void *ctx, pid_t pid, const char *name)
{
	struct search *s = ctx;
	char path[64];
	struct stat st;

	(void)name;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", pid);
	if (!stat(path, &st) && (uint32_t)st.st_ino == s->netns)
		s->pid = pid;
	return !s->pid;
}

/* Of a VM that has ended: through any process that is in it. -1: it is gone, too. */
static int netns_of(const json_t *item)
{
	struct search s = {.netns = (uint32_t)item_number(item, "netns")};

	threads_each("/proc", in_netns, &s);
	return s.pid ? netns_of_pid(s.pid) : -1;
}

/* stdout of "tc WORDS", the caller's; NULL with a sentence. */
static char *tc(int netns, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static char *tc(int netns, const char *fmt, ...)
{
	struct proc_options opt = PROC_DEFAULTS;
	struct words w = {0};
	const char *const *argv;
	char text[512], *out = NULL;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	words_split(&w, "tc");
	words_split(&w, text);
	argv = words_argv(&w);
	opt.netns_fd = netns;
	if (argv && proc_run(argv, &opt, TC_MS, &out))
		out = NULL;
	words_free(&w);
	return out;
}

static int tc_do(int netns, const char *text)
{
	char *out = tc(netns, "%s", text);

	free(out);
	return out ? 0 : -1;
}

/* ---- what is there ---- */

/* The handle and kind of a tap's qdisc at its root, or at its entrance. */
static int find_qdisc(int netns, const char *tap, bool entrance, char handle[16], char kind[32])
{
	char *out = tc(netns, "-json qdisc show dev %s", tap);
	json_t *list = out ? json_loads(out, 0, NULL) : NULL, *q;
	size_t i;

	handle[0] = kind[0] = '\0';
	json_array_foreach (list, i, q) {
		bool inward = !strcmp(record_text(q, "kind"), "ingress") ||
			      !strcmp(record_text(q, "kind"), "clsact");

		if (inward != entrance || (!inward && !json_object_get(q, "root")))
			continue;
		snprintf(handle, 16, "%s", record_text(q, "handle"));
		snprintf(kind, 32, "%s", record_text(q, "kind"));
	}
	free(out);
	if (!list)
		return err_add("look at the queueing disciplines of %s", tap);
	json_decref(list);
	return 0;
}

static int tc_undo(struct remedy_vm *vm, const json_t *item)
{
	const char *tap = record_text(item, "tap");
	bool entrance = !strcmp(record_text(item, "where"), "ingress");
	int netns = netns_of(item), result = 0;
	char handle[16], kind[32], text[64];

	(void)vm;
	if (netns < 0)
		return 0;
	/* Without the tap there is nothing left to undo, and else only what is ours. */
	if (!find_qdisc(netns, tap, entrance, handle, kind) &&
	    (entrance ? handle[0] : !strcmp(handle, HANDLE))) {
		snprintf(text, sizeof(text), "qdisc del dev %s %s", tap,
			 record_text(item, "where"));
		result = tc_do(netns, text);
	}
	close(netns);
	return result;
}

const struct undo_kind undo_tc = {"tc", tc_undo};

/* ---- the VM's taps ---- */

static void add_interface(json_t *taps, const char *path)
{
	char line[64], name[32];
	FILE *f = fopen(path, "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "iff:%31s", name) == 1)
			json_object_set_new(taps, name, json_true());
	if (f)
		fclose(f);
}

/* Names as keys. A VM that does not tell has its taps open all the same. */
static json_t *taps_of(const struct remedy_vm *vm)
{
	json_t *taps = json_object(), *d;
	char path[64];
	size_t i;

	json_array_foreach (json_object_get(vm->status, "devices"), i, d)
		if (record_text(d, "tap")[0])
			json_object_set_new(taps, record_text(d, "tap"), json_true());
	for (int fd = 0; !vm->status && fd < 1024; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", vm->pid, fd);
		add_interface(taps, path);
	}
	if (json_object_size(taps))
		return taps;
	json_decref(taps);
	err_set("VM %s has no tap; a card that is passed through keeps no rates of ours",
		vm->name);
	return NULL;
}

/* ---- rows ---- */

struct tap_job {
	const char *where;    /* "root", "ingress" */
	char command[2][256]; /* what follows the tap in "tc qdisc" (q) and "tc filter" (f) */
};

/* Is what is there ours, or the kernel's own? Ours is taken away: tc replaces no other kind. */
static int may_have(struct remedy_vm *vm, int netns, const char *tap, const char *where)
{
	bool entrance = !strcmp(where, "ingress");
	char handle[16], kind[32], key[64];
	json_t *item;

	snprintf(key, sizeof(key), "%s %s", tap, where);
	item = record_find(vm, &undo_tc, "key", key);
	if (item && strcmp(record_text(item, "setting"), vm->now))
		return err_set("%s's place on tap %s is taken by %s; unset that first", vm->now,
			       tap, record_text(item, "setting"));
	if (find_qdisc(netns, tap, entrance, handle, kind))
		return -1;
	if (item && handle[0] && strcmp(handle, "0:")) {
		snprintf(key, sizeof(key), "qdisc del dev %s %s", tap, where);
		return tc_do(netns, key);
	}
	if (item || !handle[0] || (!entrance && !strcmp(handle, "0:")))
		return 0;
	return err_set(
		"tap %s has a queueing discipline of somebody else's (%s %s); \"tc qdisc "
		"del dev %s %s\" removes it",
		tap, kind, handle, tap, where);
}

static int do_tap(struct remedy_vm *vm, int netns, const char *tap, const struct tap_job *job)
{
	char key[64], text[400];

	if (may_have(vm, netns, tap, job->where))
		return -1;
	snprintf(key, sizeof(key), "%s %s", tap, job->where);
	if (!record_find(vm, &undo_tc, "key", key) &&
	    record_begin(vm, &undo_tc,
			 json_pack("{s:s,s:s,s:s,s:I}", "key", key, "tap", tap, "where",
				   job->where, "netns", (json_int_t)netns_inode(netns))))
		return -1;
	for (int i = 0; i < 2 && job->command[i][0]; i++) {
		snprintf(text, sizeof(text),
			 job->command[i][0] == 'q' ? "qdisc replace dev %s %s"
						   : "filter replace dev %s %s",
			 tap, job->command[i] + 2);
		if (tc_do(netns, text))
			return -1;
	}
	return 0;
}

static int do_taps(struct remedy_vm *vm, const struct tap_job *job)
{
	json_t *taps = taps_of(vm), *unused;
	int netns = taps ? netns_of_pid(vm->pid) : -1, result = netns < 0 ? -1 : 0;
	const char *tap;

	json_object_foreach (taps, tap, unused)
		if (!result)
			result = do_tap(vm, netns, tap, job);
	if (netns >= 0)
		close(netns);
	json_decref(taps);
	return result;
}

static uint64_t burst_of(const struct rate *r)
{
	uint64_t part = r->bytes / BURST_PART;

	if (r->burst)
		return r->burst;
	return part > BURST_LEAST ? part : BURST_LEAST;
}

int check_rate(const char *text)
{
	struct rate r;

	return value_rate(text, &r);
}

int tap_rate_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	struct tap_job job = {.where = "root"};
	struct rate rate;

	(void)r;
	if (value_rate(text, &rate))
		return -1;
	snprintf(job.command[0], sizeof(job.command[0]),
		 "q root handle " HANDLE " tbf rate %llubps burst %llu latency %lluus",
		 (unsigned long long)rate.bytes, (unsigned long long)burst_of(&rate),
		 (unsigned long long)(rate.latency_ns ? rate.latency_ns : LATENCY_NS) / 1000);
	return do_taps(vm, &job);
}

int tap_police_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	struct tap_job job = {.where = "ingress", .command = {"q handle ffff: ingress"}};
	struct rate rate;

	(void)r;
	if (value_rate(text, &rate))
		return -1;
	/* Without mtu, it would drop what is longer than 2 KB. */
	snprintf(job.command[1], sizeof(job.command[1]),
		 "f parent ffff: protocol all prio 1 handle 1 matchall action police rate "
		 "%llubps burst %llu mtu 65550 conform-exceed drop",
		 (unsigned long long)rate.bytes, (unsigned long long)burst_of(&rate));
	return do_taps(vm, &job);
}

int check_fq(const char *text)
{
	return !strcmp(text, "fq") || !strcmp(text, "fq_codel")
		       ? 0
		       : err_set("\"%s\": fq or fq_codel", text);
}

int tap_fq_apply(struct remedy_vm *vm, const struct remedy *r, const char *text)
{
	struct tap_job job = {.where = "root"};

	(void)r;
	snprintf(job.command[0], sizeof(job.command[0]), "q root handle " HANDLE " %s", text);
	return do_taps(vm, &job);
}

/* {"tap0":"tbf"}: which discipline each tap has. */
static json_t *disciplines(struct remedy_vm *vm, bool entrance)
{
	json_t *taps = taps_of(vm), *unused, *o = taps ? json_object() : NULL;
	int netns = taps ? netns_of_pid(vm->pid) : -1;
	char handle[16], kind[32];
	const char *tap;

	json_object_foreach (taps, tap, unused)
		if (netns >= 0 && !find_qdisc(netns, tap, entrance, handle, kind))
			json_object_set_new(o, tap, kind[0] ? json_string(kind) : json_null());
	if (netns >= 0)
		close(netns);
	json_decref(taps);
	return o;
}

json_t *tap_rate_read(struct remedy_vm *vm, const struct remedy *r)
{
	(void)r;
	return disciplines(vm, false);
}

json_t *tap_police_read(struct remedy_vm *vm, const struct remedy *r)
{
	(void)r;
	return disciplines(vm, true);
}

json_t *tap_fq_read(struct remedy_vm *vm, const struct remedy *r)
{
	(void)r;
	return disciplines(vm, false);
}
