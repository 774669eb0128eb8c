/* What the host does with a PCI device, and whether it may be taken away: see
 * plumbing_work.h. */
#include <dirent.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/plumbing_work.h"

#define DEVICES "/sys/bus/pci/devices"

/* The last part of what that symbolic link points to; "" if it is none. */
static void link_name(char name[64], const char *path)
{
	char target[PATH_MAX];
	ssize_t n = readlink(path, target, sizeof(target) - 1);

	name[0] = '\0';
	if (n < 0)
		return;
	target[n] = '\0';
	snprintf(name, 64, "%s", basename(target));
}

void pci_driver(char driver[64], const char *address)
{
	char path[300];

	snprintf(path, sizeof(path), DEVICES "/%s/driver", address);
	link_name(driver, path);
}

bool pci_netdev(char name[32], const char *address)
{
	char path[160];
	struct dirent *e;
	DIR *d;

	name[0] = '\0';
	snprintf(path, sizeof(path), DEVICES "/%s/net", address);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			snprintf(name, 32, "%.31s", e->d_name);
	if (d)
		closedir(d);
	return name[0];
}

/* ---- its IOMMU group ---- */

/* Drivers that leave a group usable (vfio.rst): none, vfio's own, a bridge's. */
static bool leaves_group(const char *driver)
{
	return !*driver || !strcmp(driver, "vfio-pci") || !strcmp(driver, "pci-stub") ||
	       !strcmp(driver, "pcieport") || !strcmp(driver, "shpchp");
}

static int check_group(const char *address)
{
	char path[160], driver[64];
	struct dirent *e;
	int result = 0;
	DIR *d;

	snprintf(path, sizeof(path), DEVICES "/%s/iommu_group/devices", address);
	d = opendir(path);
	if (!d)
		return err_set(
			"%s is in no IOMMU group, so it cannot be passed through: "
			"switch the IOMMU on, in the firmware and with intel_iommu=on or "
			"amd_iommu=on on the kernel's command line",
			address);
	while (!result && (e = readdir(d))) {
		if (e->d_name[0] == '.' || !strcmp(e->d_name, address))
			continue;
		pci_driver(driver, e->d_name);
		if (!leaves_group(driver))
			result = err_set("%s shares its IOMMU group with %s, which %s uses: "
					 "give that to vfio-pci as well, or use another slot",
					 address, e->d_name, driver);
	}
	closedir(d);
	return result;
}

/* ---- who uses it ---- */

static bool mounted(const char *number)
{
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char line[PATH_MAX + 512], found[32];
	bool yes = false;

	while (f && !yes && fgets(line, sizeof(line), f))
		yes = sscanf(line, "%*s %*s %31s", found) == 1 && !strcmp(found, number);
	if (f)
		fclose(f);
	return yes;
}

static bool swapped_to(const char *name)
{
	FILE *f = fopen("/proc/swaps", "re");
	char line[PATH_MAX], path[PATH_MAX];
	bool yes = false;

	while (f && !yes && fgets(line, sizeof(line), f))
		yes = sscanf(line, "%4095s", path) == 1 && !strcmp(basename(path), name);
	if (f)
		fclose(f);
	return yes;
}

static bool has_entries(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	bool yes = false;

	while (d && (e = readdir(d)))
		yes = yes || e->d_name[0] != '.';
	if (d)
		closedir(d);
	return yes;
}

static bool block_in_use(const char *name)
{
	char path[300], number[32] = "";
	FILE *f;

	snprintf(path, sizeof(path), "/sys/class/block/%s/holders", name);
	if (has_entries(path))
		return true;
	snprintf(path, sizeof(path), "/sys/class/block/%s/dev", name);
	f = fopen(path, "re");
	if (f) {
		if (fscanf(f, "%31s", number) != 1)
			number[0] = '\0';
		fclose(f);
	}
	return mounted(number) || swapped_to(name);
}

/* A disk of it that the host has mounted or swaps to; "" if there is none. */
static void disk_in_use(char name[64], const char *address)
{
	DIR *d = opendir("/sys/class/block");
	char path[300], target[PATH_MAX], part[40];
	struct dirent *e;

	name[0] = '\0';
	snprintf(part, sizeof(part), "/%.32s/", address);
	while (d && (e = readdir(d))) {
		snprintf(path, sizeof(path), "/sys/class/block/%s", e->d_name);
		if (e->d_name[0] != '.' && realpath(path, target) && strstr(target, part) &&
		    block_in_use(e->d_name))
			snprintf(name, 64, "%.63s", e->d_name);
	}
	if (d)
		closedir(d);
}

int pci_is_free(const char *address, bool force)
{
	char path[160], name[64], netdev[32];

	snprintf(path, sizeof(path), DEVICES "/%s", address);
	if (access(path, F_OK))
		return err_set("there is no PCI device %s; \"lspci -D\" lists them", address);
	disk_in_use(name, address);
	if (name[0])
		return err_set("%s holds %s, which this host has mounted or swaps to", address,
			       name);
	if (!force && pci_netdev(netdev, address) &&
	    plumbing_card_is_free(netdev,
				  "given to a virtual machine it is gone from this host"))
		return -1;
	return check_group(address);
}

/* ---- who has it open through VFIO ---- */

static bool has_open(pid_t pid, const char *group, const char *node)
{
	char path[64], link[330], target[PATH_MAX];
	struct dirent *e;
	bool yes = false;
	ssize_t n;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	while (d && !yes && (e = readdir(d))) {
		snprintf(link, sizeof(link), "%s/%s", path, e->d_name);
		n = readlink(link, target, sizeof(target) - 1);
		target[n > 0 ? n : 0] = '\0';
		yes = !strcmp(target, group) || (*node && !strcmp(target, node));
	}
	if (d)
		closedir(d);
	return yes;
}

/* The character device of newer kernels: /dev/vfio/devices/vfio0. */
static void vfio_node(char node[96], const char *address)
{
	char path[160];
	struct dirent *e;
	DIR *d;

	node[0] = '\0';
	snprintf(path, sizeof(path), DEVICES "/%s/vfio-dev", address);
	d = opendir(path);
	while (d && (e = readdir(d)))
		if (e->d_name[0] != '.')
			snprintf(node, 96, "/dev/vfio/devices/%.60s", e->d_name);
	if (d)
		closedir(d);
}

pid_t pci_user(const char *address)
{
	char path[160], number[64], group[96], node[96];
	DIR *d = opendir("/proc");
	struct dirent *e;
	pid_t found = 0;

	snprintf(path, sizeof(path), DEVICES "/%s/iommu_group", address);
	link_name(number, path);
	snprintf(group, sizeof(group), "/dev/vfio/%s", number);
	vfio_node(node, address);
	while (d && !found && (e = readdir(d))) {
		pid_t pid = atoi(e->d_name);

		if (pid > 0 && has_open(pid, group, node))
			found = pid;
	}
	if (d)
		closedir(d);
	return found;
}
