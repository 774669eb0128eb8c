/* What benchmarks are run in: see subject.h. */
#include "bench/suite/subject.h"

#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/peers/guest.h"
#include "lib/err.h"
#include "lib/paths.h"
#include "scenarios/doctor/speed.h"

#define DISK_BYTES (64 << 20)
#define MONITORS   "bench/peers/monitors"
#define SITES      "/run/strata/bench-" /* and the process id: where each mounts its own */

/* One for all that are brought up; made when it is first needed. */
static struct site site = {.netns = -1};
static bool site_made;
static struct guest guests[SUBJECTS_MAX]; /* by their place */

/* Mount points of those that were killed; what was mounted is gone. */
static void remove_stale(void)
{
	glob_t found;

	if (glob(SITES "*", 0, NULL, &found))
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		pid_t pid = atoi(found.gl_pathv[i] + strlen(SITES));

		if (pid > 0 && kill(pid, 0) && errno == ESRCH)
			rmdir(found.gl_pathv[i]);
	}
	globfree(&found);
}

static int need_site(struct bench_context *c)
{
	char folder[sizeof(site.folder)];

	site.stop = c->stop;
	if (site_made)
		return 0;
	site_made = true;
	remove_stale();
	snprintf(folder, sizeof(folder), SITES "%d", getpid());
	return site_open(&site, folder, DISK_BYTES);
}

void subjects_close(void)
{
	if (site_made)
		site_close(&site);
	site_made = false;
}

const char *subject_label(const struct subject *s, char label[48])
{
	snprintf(label, 48, "%s%s%s", s->monitor ? s->monitor : "", s->monitor ? ":" : "",
		 s->name);
	return label;
}

/* ---- processes on this kernel ---- */

static int host_needs(const struct subject *s)
{
	(void)s;
	return geteuid() ? err_set("network namespaces need root") : 0;
}

static int host_up(const struct subject *s, struct bench_context *c)
{
	c->guest = &guests[c->place];
	return need_site(c) || guest_start_host(c->guest, &site, s->kind == SUBJECT_CONTAINER)
		       ? -1
		       : 0;
}

static void down(const struct subject *s, struct bench_context *c)
{
	(void)s;
	guest_stop(c->guest);
}

/* ---- machines ---- */

static struct monitor monitors[MONITORS_MAX];
static unsigned int monitor_count;
static const struct subject_sources *sources;

static int need_spare(void)
{
	if (!site.spare.taken && spare_find(&site.spare, sources->wire, sources->drive))
		return -1;
	return *site.spare.client
		       ? 0
		       : err_set("no network card to spare on this machine: passthrough needs "
				 "two on one cable, the client's and one that is given to the "
				 "machine (--wire CLIENT,CARD); the testbed has them");
}

static int machine_needs(const struct subject *s)
{
	const char *missing;

	if (host_needs(s))
		return -1;
	if (s->by->kvm && kvm_speed()->verdict != SPEED_FULL)
		return err_set("%s", *kvm_speed()->why
					     ? kvm_speed()->why
					     : "KVM does not run guest code at speed here");
	missing = monitor_missing(s->by, s->mode);
	if (missing)
		return err_set("%s", missing);
	return s->kind == SUBJECT_PASSTHROUGH ? need_spare() : 0;
}

static int machine_up(const struct subject *s, struct bench_context *c)
{
	c->guest = &guests[c->place];
	return need_site(c) || guest_start(c->guest, &site, s->by, s->mode, c->place) ? -1 : 0;
}

/* ---- the list ---- */

static const struct subject always[] = {
	{.kind = SUBJECT_KVM, .name = "kvm"},
	{.kind = SUBJECT_BARE,
	 .name = "bare",
	 .needs = host_needs,
	 .up = host_up,
	 .down = down},
	{.kind = SUBJECT_CONTAINER,
	 .name = "container",
	 .needs = host_needs,
	 .up = host_up,
	 .down = down},
};

static const enum subject_kind kind_of_mode[] = {
	[MODE_NONE] = SUBJECT_BOOT,
	[MODE_EMULATED] = SUBJECT_EMULATED,
	[MODE_VIRTIO] = SUBJECT_VIRTIO,
	[MODE_VHOST] = SUBJECT_VHOST,
	[MODE_PASSTHROUGH] = SUBJECT_PASSTHROUGH,
};

struct subject subjects[SUBJECTS_MAX];
unsigned int subject_count;

static int add_subject(const struct subject *s)
{
	if (subject_count == SUBJECTS_MAX)
		return err_set("more than %d machines to be measured", SUBJECTS_MAX);
	subjects[subject_count++] = *s;
	return 0;
}

static int add_machines(const struct monitor *m)
{
	for (unsigned int n = 0; n < MODE_COUNT; n++) {
		const struct subject s = {.kind = kind_of_mode[n],
					  .monitor = m->name,
					  .name = m->mode[n].name,
					  .by = m,
					  .mode = &m->mode[n],
					  .needs = machine_needs,
					  .up = machine_up,
					  .down = down};

		if (s.name && add_subject(&s))
			return -1;
	}
	return 0;
}

static int read_monitor(const char *path)
{
	struct monitor *m = &monitors[monitor_count];

	if (monitor_count == MONITORS_MAX)
		return err_set("%s: more than %d monitors", path, MONITORS_MAX);
	if (monitor_read(m, path))
		return -1;
	monitor_count++;
	for (unsigned int i = 0; i + 1 < monitor_count; i++)
		if (!strcmp(monitors[i].name, m->name))
			return err_set("%s: name: there is another monitor of the name %s",
				       path, m->name);
	return 0;
}

/* strata's own first, then the others by their names. */
static int read_bundled(void)
{
	char pattern[PATH_MAX];
	int result = 0;
	glob_t found;

	if (path_project(pattern, sizeof(pattern), MONITORS "/" MONITOR_OURS ".json") ||
	    read_monitor(pattern) || path_project(pattern, sizeof(pattern), MONITORS))
		return -1;
	strncat(pattern, "/*.json", sizeof(pattern) - strlen(pattern) - 1);
	if (glob(pattern, 0, NULL, &found))
		return err_set("%s: there are no such files", pattern);
	for (size_t i = 0; i < found.gl_pathc && !result; i++)
		if (!strstr(found.gl_pathv[i], "/" MONITOR_OURS ".json"))
			result = read_monitor(found.gl_pathv[i]);
	globfree(&found);
	return result;
}

static void forget_monitors(void)
{
	while (monitor_count)
		monitor_free(&monitors[--monitor_count]);
	subject_count = 0;
}

int subjects_add_monitor(struct subject_sources *s, char *path)
{
	if (s->monitors == MONITORS_MAX)
		return err_set("--monitor %s: more than %d of them", path, MONITORS_MAX);
	s->monitor[s->monitors++] = path;
	return 0;
}

int subjects_load(const struct subject_sources *from)
{
	forget_monitors();
	sources = from;
	if (read_bundled())
		return -1;
	for (unsigned int i = 0; i < from->monitors; i++)
		if (read_monitor(from->monitor[i]))
			return -1;
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		if (add_subject(&always[i]))
			return -1;
	for (unsigned int i = 0; i < monitor_count; i++)
		if (add_machines(&monitors[i]))
			return -1;
	return 0;
}

json_t *subjects_versions(void)
{
	json_t *o = json_object();

	for (unsigned int i = 0; i < monitor_count; i++)
		if (monitors[i].version)
			json_object_set_new(o, monitors[i].name, monitor_version(&monitors[i]));
	return o;
}
