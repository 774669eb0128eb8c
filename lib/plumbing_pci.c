/*
 * A PCI device for a virtual machine: bound to vfio-pci by driver_override, and given back to
 * its driver. See plumbing_work.h; Linux, Documentation/driver-api/vfio.rst and
 * ABI/testing/sysfs-bus-pci.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/plumbing_work.h"

#define DEVICES "/sys/bus/pci/devices"
#define DRIVERS "/sys/bus/pci/drivers"
#define NAME_MS 3000

/* ---- looking ---- */

void sysfs_line(char *line, size_t bytes, const char *path)
{
	FILE *f = fopen(path, "re");

	line[0] = '\0';
	if (f) {
		if (!fgets(line, (int)bytes, f))
			line[0] = '\0';
		fclose(f);
	}
	line[strcspn(line, "\n")] = '\0';
}

static void read_override(char override[64], const char *address)
{
	char path[128];

	snprintf(path, sizeof(path), DEVICES "/%s/driver_override", address);
	sysfs_line(override, 64, path);
	if (!strcmp(override, "(null)"))
		override[0] = '\0';
}

static bool wait_for_name(char name[32], const char *address)
{
	struct timespec pause = {.tv_nsec = 50000000};

	for (int ms = 0; ms < NAME_MS; ms += 50) {
		if (pci_netdev(name, address))
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* ---- vfio-pci ---- */

static int bind_vfio(struct plumbing_work *w, const char *address, const char *driver)
{
	char path[160];

	snprintf(path, sizeof(path), DEVICES "/%s/driver_override", address);
	if (work_write(w, path, "vfio-pci"))
		return -1;
	snprintf(path, sizeof(path), DRIVERS "/%s/unbind", driver);
	if (*driver && work_write(w, path, address))
		return -1;
	if (work_write(w, "/sys/bus/pci/drivers_probe", address))
		return -1;
	if (w->dry_run)
		return 0;
	pci_driver(path, address);
	return strcmp(path, "vfio-pci") ? err_set("%s: vfio-pci did not take it: the kernel's "
						  "log (dmesg) says why",
						  address)
					: 0;
}

/* The driver, and what it reaches the IOMMU by; the latter may be built in, or not needed. */
static int load_modules(struct plumbing_work *w)
{
	if (access(DRIVERS "/vfio-pci", F_OK) && work_run(w, "modprobe vfio-pci"))
		return -1;
	if (access("/sys/module/vfio_iommu_type1", F_OK) &&
	    work_run(w, "modprobe vfio_iommu_type1"))
		work_say(w, "%s", err_text());
	return 0;
}

int vfio_take(struct plumbing_work *w, const char *address, bool force)
{
	char driver[64], override[64], netdev[32];
	json_t *item;

	pci_driver(driver, address);
	if (!strcmp(driver, "vfio-pci")) {
		work_say(w, "%s is bound to vfio-pci already and stays so", address);
		return work_uses(w, "vfio:%s", address);
	}
	if (pci_is_free(address, force))
		return -1;
	if (load_modules(w))
		return -1;
	read_override(override, address);
	pci_netdev(netdev, address);
	item = work_begin(w, json_pack("{s:s,s:s+,s:s,s:s,s:s,s:s}", "kind", "vfio", "key",
				       "vfio:", address, "device", address, "driver", driver,
				       "override", override, "netdev", netdev));
	if (!item || bind_vfio(w, address, driver))
		return -1;
	return work_done(w, item) || work_uses(w, "vfio:%s", address) ? -1 : 0;
}

/* Its network device under the name it had. Best effort: udev may be naming it, too. */
static void rename_back(struct plumbing_work *w, const json_t *item)
{
	const char *was = item_text(item, "netdev");
	char now[32];

	if (!*was || w->dry_run || !wait_for_name(now, item_text(item, "device")) ||
	    !strcmp(was, now))
		return;
	if (work_run(w, "ip link set dev %s name %s", now, was))
		work_say(w, "%s was %s before: %s", now, was, err_text());
}

/* driver: what it is bound to now. */
static int give_back(struct plumbing_work *w, const json_t *item, const char *driver)
{
	const char *address = item_text(item, "device"), *before = item_text(item, "driver");
	char path[160], now[64];

	snprintf(path, sizeof(path), DEVICES "/%s/driver_override", address);
	if (work_write(w, path, item_text(item, "override")))
		return -1;
	if (!strcmp(driver, "vfio-pci") && work_write(w, DRIVERS "/vfio-pci/unbind", address))
		return -1;
	if (!*before)
		return 0;
	if (work_write(w, "/sys/bus/pci/drivers_probe", address))
		return -1;
	pci_driver(now, address);
	snprintf(path, sizeof(path), DRIVERS "/%s/bind", before);
	return w->dry_run || *now ? 0 : work_write(w, path, address);
}

static enum undo_result undo_vfio(struct plumbing_work *w, const json_t *item)
{
	const char *address = item_text(item, "device");
	char path[128], driver[64], override[64];
	pid_t user;

	snprintf(path, sizeof(path), DEVICES "/%s", address);
	if (access(path, F_OK))
		return UNDO_GONE;
	pci_driver(driver, address);
	read_override(override, address);
	if (strcmp(override, "vfio-pci")) {
		if (strcmp(driver, "vfio-pci") || !item_is_made(item))
			return UNDO_GONE;
		return work_keep(w,
				 "%s stays with vfio-pci: its driver_override was changed "
				 "since; give it back by hand",
				 address);
	}
	if (*driver && strcmp(driver, "vfio-pci") && item_is_made(item))
		return UNDO_GONE; /* somebody gave it to another driver */
	user = pci_user(address);
	if (user)
		return work_keep(w, "%s stays with vfio-pci: process %d has it open", address,
				 user);
	if (give_back(w, item, driver))
		return UNDO_FAILED;
	rename_back(w, item);
	return UNDO_GONE;
}

static bool vfio_there(const char *net, const json_t *item)
{
	char driver[64];

	(void)net;
	pci_driver(driver, item_text(item, "device"));
	return !strcmp(driver, "vfio-pci");
}

int way_passthrough(struct plumbing_work *w, const struct plumbing *p)
{
	return p->of ? take_function(w, p) : vfio_take(w, p->device, p->force);
}

const struct plumbing_kind plumbing_kinds_pci[] = {
	{"vfio", undo_vfio, vfio_there, NULL},
	{"sriov", undo_functions, functions_there, NULL},
	{"vf", undo_settings, NULL, NULL},
	{NULL, NULL, NULL, NULL},
};
