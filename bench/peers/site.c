/* Where machines live, and what one is made of: see guest.h. */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "bench/peers/guest.h"
#include "lib/err.h"
#include "lib/netns.h"
#include "lib/paths.h"

/* Nothing that one monitor's guest knows and another's does not. */
#define APPEND \
	"console=ttyS0 quiet panic=-1 reboot=t pci=noearly cryptomgr.notests strata.mark=1"

static int make_disk(const char *path, uint64_t bytes)
{
	int fd, result;

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
	char disk[300];

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
	    netns_ip(s->netns, "address add " CLIENT_ADDRESS "/24 dev br0") ||
	    netns_ip(s->netns, "link set br0 up"))
		return -1;
	s->disk_bytes = disk_bytes;
	snprintf(disk, sizeof(disk), "%s/disk", s->folder);
	return make_disk(disk, disk_bytes);
}

void site_close(struct site *s)
{
	spare_return(&s->spare, s->netns, s->folder);
	if (s->netns >= 0)
		close(s->netns);
	umount2(s->folder, MNT_DETACH);
	rmdir(s->folder);
}

/* "FOLDER/console" of the first, "FOLDER/console3" of one of many. */
static void in_folder(const struct guest *g, char *path, size_t bytes, const char *name)
{
	char number[12] = "";

	if (g->number)
		snprintf(number, sizeof(number), "%u", g->number);
	snprintf(path, bytes, "%s/%s%s", g->site->folder, name, number);
}

int guest_plan(struct guest *g)
{
	bool tools = g->mode != &g->monitor->mode[MODE_NONE];
	struct plan *p = &g->plan;

	*p = (struct plan){.memory_mib = 512, .cpus = 1};
	snprintf(g->address, sizeof(g->address), "10.77.0.%u", 2 + g->number);
	snprintf(p->tap, sizeof(p->tap), "port%u", g->number);
	snprintf(p->mac, sizeof(p->mac), "52:54:00:77:00:%02x", 2 + g->number);
	snprintf(p->append, sizeof(p->append), APPEND " strata.ip=%s/24", g->address);
	snprintf(p->card, sizeof(p->card), "%s", g->site->spare.card);
	snprintf(p->drive, sizeof(p->drive), "%s", g->site->spare.drive);
	in_folder(g, g->log, sizeof(g->log), "log");
	in_folder(g, p->disk, sizeof(p->disk), "disk");
	in_folder(g, p->console, sizeof(p->console), "console");
	in_folder(g, p->control, sizeof(p->control), "control");
	in_folder(g, p->config, sizeof(p->config), "config");
	if (g->monitor->tells_on_stdout)
		snprintf(p->console, sizeof(p->console), "%s", g->log);
	if (path_built(p->kernel, sizeof(p->kernel), "guest/vmlinux", "guest-image"))
		return -1;
	return path_built(p->initrd, sizeof(p->initrd),
			  tools ? "guest-tools/bench.img" : "guest/initrd.img", "guest-tools");
}

/* A fresh tap each time: what one monitor set on it must not meet the next. */
static int make_tap(const struct guest *g)
{
	int ns = g->site->netns;
	const char *tap = g->plan.tap;

	netns_ip(ns, "link del %s", tap);
	return netns_ip(ns, "tuntap add %s mode tap vnet_hdr", tap) ||
			       netns_ip(ns, "link set %s master br0", tap) ||
			       netns_ip(ns, "link set %s up", tap)
		       ? -1
		       : 0;
}

static bool is_passthrough(const struct guest *g)
{
	return g->monitor && g->mode == &g->monitor->mode[MODE_PASSTHROUGH];
}

int guest_make_devices(struct guest *g)
{
	struct site *s = g->site;

	if (is_passthrough(g))
		return spare_take(&s->spare, s->netns, s->folder) ||
				       spare_connect(&s->spare, s->netns, true)
			       ? -1
			       : 0;
	if (g->number && make_disk(g->plan.disk, s->disk_bytes))
		return -1;
	return make_tap(g);
}

void guest_remove_devices(const struct guest *g)
{
	const struct site *s = g->site;

	if (is_passthrough(g))
		spare_connect(&s->spare, s->netns, false);
	if (g->number) {
		netns_ip(s->netns, "link del %s", g->plan.tap);
		unlink(g->plan.disk);
	}
}
