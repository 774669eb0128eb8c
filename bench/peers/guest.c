/* One machine while it is measured: see guest.h. */
#include "bench/peers/guest.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <time.h>
#include <unistd.h>

#include "bench/peers/first_entry.h"
#include "lib/err.h"
#include "lib/netns.h"
#include "lib/paths.h"
#include "lib/proc.h"

#define READY_S     150
#define GUEST_MAC   "52:54:00:77:00:02"
#define CONSOLE_MAX 65536

/* Nothing that one monitor's guest knows and another's does not. */
#define APPEND                                                                               \
	"console=ttyS0 quiet panic=-1 reboot=t pci=noearly cryptomgr.notests strata.mark=1 " \
	"strata.ip=" GUEST_ADDRESS "/24"

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static int make_disk(const struct site *s, uint64_t bytes)
{
	char path[300];
	int fd, result;

	snprintf(path, sizeof(path), "%s/disk", s->folder);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_errno("%s", path);
	/* Allocated: a hole is read without being looked for. */
	result = posix_fallocate(fd, 0, (off_t)bytes);
	close(fd);
	return result ? err_set("%s: %s", path, strerror(result)) : 0;
}

int site_open(struct site *s, const char *folder, uint64_t disk_bytes)
{
	snprintf(s->folder, sizeof(s->folder), "%s", folder);
	s->netns = -1;
	s->root_ready = false;
	if (path_make_folder(folder))
		return -1;
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_errno("take a mount namespace of our own (needs root)");
	if (mount("strata", folder, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700"))
		return err_errno("mount a tmpfs on %s", folder);
	s->netns = netns_create();
	if (s->netns < 0 || netns_sysctl(s->netns, "ipv6/conf/default/disable_ipv6", "1") ||
	    netns_ip(s->netns, "link add br0 type bridge forward_delay 0 mcast_snooping 0") ||
	    netns_ip(s->netns, "address add 10.77.0.1/24 dev br0") ||
	    netns_ip(s->netns, "link set br0 up"))
		return -1;
	return make_disk(s, disk_bytes);
}

void site_close(struct site *s)
{
	if (s->netns >= 0)
		close(s->netns);
	umount2(s->folder, MNT_DETACH);
	rmdir(s->folder);
}

static int make_plan(struct guest *g)
{
	bool tools = strcmp(g->mode->name, "none") != 0;
	struct plan *p = &g->plan;

	*p = (struct plan){.memory_mib = 512,
			   .cpus = 1,
			   .tap = "port0",
			   .mac = GUEST_MAC,
			   .append = APPEND};
	snprintf(p->disk, sizeof(p->disk), "%s/disk", g->site->folder);
	snprintf(p->console, sizeof(p->console), "%s/console", g->site->folder);
	snprintf(p->control, sizeof(p->control), "%s/control", g->site->folder);
	if (path_built(p->kernel, sizeof(p->kernel), "guest/vmlinux", "guest-image"))
		return -1;
	return path_built(p->initrd, sizeof(p->initrd),
			  tools ? "guest-tools/bench.img" : "guest/initrd.img", "guest-tools");
}

/* A fresh tap each time: what one monitor set on it must not meet the next. */
static int make_tap(const struct guest *g)
{
	int ns = g->site->netns;

	netns_ip(ns, "link del port0");
	return netns_ip(ns, "tuntap add port0 mode tap vnet_hdr") ||
			       netns_ip(ns, "link set port0 master br0") ||
			       netns_ip(ns, "link set port0 up")
		       ? -1
		       : 0;
}

/* The monitor's own words, for a sentence. */
static int ended(struct guest *g, int status, const char *console)
{
	char path[300], log[500] = "";
	FILE *f;

	snprintf(path, sizeof(path), "%s/log", g->site->folder);
	f = fopen(path, "re");
	if (f) {
		log[fread(log, 1, sizeof(log) - 1, f)] = '\0';
		fclose(f);
	}
	return err_set("%s %s %s: %s; the end of its console:\n%s", g->monitor->name,
		       g->mode->name, proc_status_text(status), log, console);
}

/* What the console says so far; when each line of interest is first seen, it is timed. */
static void look_at_console(struct guest *g, char *text, size_t bytes)
{
	FILE *f = fopen(g->plan.console, "re");
	size_t n = f ? fread(text, 1, bytes - 1, f) : 0;
	int64_t now = now_ns() - g->start_ns;

	if (f)
		fclose(f);
	text[n] = '\0';
	if (g->init_ns < 0 && strstr(text, "strata-guest: init"))
		g->init_ns = now;
	if (g->ready_ns < 0 && strstr(text, "strata-guest: ready"))
		g->ready_ns = now;
}

static int await(struct guest *g)
{
	static char text[CONSOLE_MAX];
	const struct timespec pause = {.tv_nsec = 2000000};
	const char *last;
	int status = 0;

	while (g->ready_ns < 0) {
		look_at_console(g, text, sizeof(text));
		last = text + (strlen(text) > 500 ? strlen(text) - 500 : 0);
		if (proc_wait(g->pid, 0, &status) != 1) {
			g->pid = 0;
			return ended(g, status, last);
		}
		if (*g->site->stop)
			return err_set("interrupted");
		if (now_ns() - g->start_ns > READY_S * 1000000000LL)
			return err_set(
				"%s %s was not ready within %d s; the end of its console:\n%s",
				g->monitor->name, g->mode->name, READY_S, last);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static void last_of(const char *path, FILE *out)
{
	char text[1500];
	FILE *f = fopen(path, "re");
	size_t n;

	if (!f)
		return;
	if (fseek(f, -(long)sizeof(text), SEEK_END))
		rewind(f);
	n = fread(text, 1, sizeof(text), f);
	fclose(f);
	fprintf(out, "the end of %s:\n%.*s\n", path, (int)n, text);
}

void guest_last_words(const struct guest *g, FILE *out)
{
	char log[300];

	snprintf(log, sizeof(log), "%s/log", g->site->folder);
	last_of(g->plan.console, out);
	last_of(log, out);
}

static int launch(struct guest *g, struct words *w)
{
	struct proc_options opt = PROC_DEFAULTS;
	const char *const *argv = words_argv(w);
	char log[300];

	if (!argv)
		return -1;
	snprintf(log, sizeof(log), "%s/log", g->site->folder);
	unlink(log);
	opt.netns_fd = g->site->netns;
	opt.output_path = log;
	opt.death_signal = SIGKILL;
	opt.own_group = true;
	g->start_ns = now_ns();
	g->pid = proc_start(argv, &opt);
	return g->pid < 0 ? -1 : 0;
}

int guest_start(struct guest *g, struct site *s, const struct monitor *m,
		const struct monitor_mode *mode)
{
	struct words w = {0};
	struct first_entry entry = {0};
	int result;

	*g = (struct guest){.monitor = m,
			    .mode = mode,
			    .site = s,
			    .server_ns = -1,
			    .first_entry_ns = -1,
			    .init_ns = -1,
			    .ready_ns = -1};
	if (make_plan(g) || make_tap(g) || monitor_command(m, mode, &g->plan, &w))
		return -1;
	unlink(g->plan.console);
	first_entry_begin(&entry);
	result = launch(g, &w);
	words_free(&w);
	if (!result)
		result = await(g);
	if (!result)
		g->first_entry_ns = first_entry_find(&entry, g->pid, g->start_ns);
	first_entry_end(&entry);
	if (result)
		guest_stop(g);
	return result;
}
