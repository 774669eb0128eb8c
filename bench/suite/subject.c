/* What benchmarks are run in: see subject.h. */
#include "bench/suite/subject.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bench/peers/guest.h"
#include "lib/err.h"
#include "scenarios/doctor/speed.h"

#define DISK_BYTES (64 << 20)

/* One for all that are brought up; made when it is first needed. */
static struct site site = {.netns = -1};
static bool site_made;
static struct guest guest = {.server_ns = -1};

static int need_site(struct bench_context *c)
{
	char folder[sizeof(site.folder)];

	site.stop = c->stop;
	if (site_made)
		return 0;
	site_made = true;
	snprintf(folder, sizeof(folder), "%.200s/site-%d", c->folder, getpid());
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
	c->guest = &guest;
	return need_site(c) || guest_start_host(&guest, &site, s->kind == SUBJECT_CONTAINER)
		       ? -1
		       : 0;
}

static void down(const struct subject *s, struct bench_context *c)
{
	(void)s;
	guest_stop(c->guest);
}

/* ---- machines ---- */

static const struct monitor *monitor_of(const struct subject *s)
{
	for (unsigned int i = 0; i < monitor_count; i++)
		if (!strcmp(monitors[i].name, s->monitor))
			return &monitors[i];
	return NULL;
}

static const struct monitor_mode *mode_of(const struct subject *s)
{
	const struct monitor_mode *mode = monitor_of(s)->mode;

	while (strcmp(mode->name, s->name) != 0)
		mode++;
	return mode;
}

static int machine_needs(const struct subject *s)
{
	const char *missing;

	if (host_needs(s))
		return -1;
	if (kvm_speed()->verdict != SPEED_FULL)
		return err_set("%s", *kvm_speed()->why
					     ? kvm_speed()->why
					     : "KVM does not run guest code at speed here");
	missing = monitor_missing(monitor_of(s), mode_of(s));
	return missing ? err_set("%s", missing) : 0;
}

static int machine_up(const struct subject *s, struct bench_context *c)
{
	c->guest = &guest;
	return need_site(c) || guest_start(&guest, &site, monitor_of(s), mode_of(s)) ? -1 : 0;
}

#define HOST(k, n, t)                                                                \
	{                                                                            \
		.kind = k, .name = n, .text = t, .needs = host_needs, .up = host_up, \
		.down = down                                                         \
	}
#define MACHINE(k, m, n, t)                                                            \
	{                                                                              \
		.kind = k, .monitor = m, .name = n, .text = t, .needs = machine_needs, \
		.up = machine_up, .down = down                                         \
	}

const struct subject subjects[] = {
	{.kind = SUBJECT_KVM,
	 .name = "kvm",
	 .text = "this machine's KVM, with a guest of its own"},
	HOST(SUBJECT_BARE, "bare", "processes on this kernel, one veth pair away"),
	HOST(SUBJECT_CONTAINER, "container",
	     "processes in a network namespace and a root of their own, behind a bridge"),
	MACHINE(SUBJECT_BOOT, "strata", "none", "a machine without network card and disk"),
	MACHINE(SUBJECT_EMULATED, "strata", "emulated", "a machine with e1000 and NVMe"),
	MACHINE(SUBJECT_VIRTIO, "strata", "virtio", "... virtio-net and virtio-blk"),
	MACHINE(SUBJECT_VHOST, "strata", "vhost", "... vhost-net and virtio-blk"),
	MACHINE(SUBJECT_BOOT, "qemu-q35", "none", "the same under QEMU"),
	MACHINE(SUBJECT_EMULATED, "qemu-q35", "emulated", "the same under QEMU"),
	MACHINE(SUBJECT_VIRTIO, "qemu-q35", "virtio", "the same under QEMU"),
	MACHINE(SUBJECT_VHOST, "qemu-q35", "vhost", "the same under QEMU"),
	MACHINE(SUBJECT_BOOT, "qemu-microvm", "none", "the same under QEMU's microvm"),
};

const unsigned int subject_count = sizeof(subjects) / sizeof(subjects[0]);
