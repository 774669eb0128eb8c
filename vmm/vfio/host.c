/* What sysfs says of a PCI function: see host.h. */
#include "vmm/vfio/host.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/vfio/sys.h"

#define GIVE_UP_FORMAT                                              \
	"echo vfio-pci > /sys/bus/pci/devices/%s/driver_override; " \
	"echo %s > /sys/bus/pci/devices/%s/driver/unbind; "         \
	"echo %s > /sys/bus/pci/drivers_probe"
#define GIVE_UP(address) address, address, address, address

static const struct {
	uint8_t base;
	const char *what;
} classes[] = {
	{0x01, "a mass storage controller"},
	{0x02, "a network card"},
	{0x03, "a display controller"},
	{0x04, "a multimedia controller"},
	{0x06, "a bridge"},
	{0x0c, "a serial bus controller"},
	{0x12, "a processing accelerator"},
};

const char *vfio_host_class(uint32_t class_code)
{
	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++)
		if (classes[i].base == class_code >> 16)
			return classes[i].what;
	return "another kind of device";
}

int vfio_host_address(char address[13], const char *text)
{
	unsigned int domain = 0, bus, slot, function;
	int n = -1;

	if (sscanf(text, "%4x:%2x:%2x.%1u%n", &domain, &bus, &slot, &function, &n) != 4 ||
	    n < 0 || text[n]) {
		domain = 0;
		n = -1;
		if (sscanf(text, "%2x:%2x.%1u%n", &bus, &slot, &function, &n) != 3 || n < 0 ||
		    text[n])
			return err_set("device: \"%s\" is not a PCI address like 0000:03:00.0",
				       text);
	}
	if (slot > 0x1f || function > 7)
		return err_set("device: \"%s\": PCI slots end at 1f, functions at 7", text);
	snprintf(address, 13, "%04x:%02x:%02x.%u", domain & 0xffff, bus & 0xff, slot & 0x1f,
		 function & 7);
	return 0;
}

/* The last part of where a link of a PCI function leads. -1 if there is none. */
static int link_name(const char *address, const char *link, char *name, size_t bytes)
{
	char path[256], target[PATH_MAX], *last;
	ssize_t n;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/%s", vfio_sysfs(), address, link);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return -1;
	target[n] = '\0';
	last = strrchr(target, '/');
	snprintf(name, bytes, "%.*s", (int)bytes - 1, last ? last + 1 : target);
	return 0;
}

static int read_class(struct vfio_host *h)
{
	char path[256];
	FILE *f;
	int got;

	snprintf(path, sizeof(path), "%s/bus/pci/devices/%s/class", vfio_sysfs(), h->address);
	f = fopen(path, "re");
	if (!f)
		return err_set("there is no PCI device %s here: see lspci -D", h->address);
	got = fscanf(f, "%x", &h->class_code);
	fclose(f);
	return got == 1 ? 0 : err_set("%s does not say the class of %s", path, h->address);
}

int vfio_host_find(struct vfio_host *h, const char *text)
{
	char group[16];

	*h = (struct vfio_host){.group = -1};
	if (vfio_host_address(h->address, text) || read_class(h))
		return -1;
	if (link_name(h->address, "iommu_group", group, sizeof(group)))
		return err_set(
			"%s is behind no IOMMU, without which a guest's DMA would reach all of "
			"the host's memory: enable VT-d or AMD-Vi in the firmware, and boot "
			"the host with intel_iommu=on (AMD's is on by itself)",
			h->address);
	h->group = atoi(group);
	if (link_name(h->address, "driver", h->driver, sizeof(h->driver)))
		return err_set("%s has no driver; give it to VFIO (or have \"strata net up "
			       "--passthrough %s\" do it): modprobe vfio-pci; "
			       "echo vfio-pci > /sys/bus/pci/devices/%s/driver_override; "
			       "echo %s > /sys/bus/pci/drivers_probe",
			       h->address, h->address, h->address, h->address);
	if (strcmp(h->driver, "vfio-pci"))
		return err_set("%s is in use by the host's driver %s; take it away from there "
			       "and give it to VFIO (or have \"strata net up --passthrough "
			       "%s\" do it): modprobe vfio-pci; " GIVE_UP_FORMAT,
			       h->address, h->driver, h->address, GIVE_UP(h->address));
	return 0;
}

/* Of a group VFIO can have no part while another driver has one, but for those that do no DMA
 * themselves. */
static int in_the_way(const char *address, char *driver)
{
	static const char *const harmless[] = {"vfio-pci", "pci-stub", "pcieport"};

	if (link_name(address, "driver", driver, VFIO_DRIVER_BYTES))
		return 0;
	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++)
		if (!strcmp(driver, harmless[i]))
			return 0;
	return 1;
}

int vfio_host_group_error(const struct vfio_host *h)
{
	char path[256], driver[VFIO_DRIVER_BYTES], list[512] = "", first[13] = "";
	struct dirent *e;
	size_t n = 0;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/kernel/iommu_groups/%d/devices", vfio_sysfs(),
		 h->group);
	dir = opendir(path);
	while (dir && (e = readdir(dir)) != NULL) {
		if (e->d_name[0] == '.' || !in_the_way(e->d_name, driver))
			continue;
		if (!first[0])
			snprintf(first, sizeof(first), "%.12s", e->d_name);
		if (n < sizeof(list) - 1)
			n += (size_t)snprintf(list + n, sizeof(list) - n, "%s%.12s (driver %s)",
					      n ? ", " : "", e->d_name, driver);
	}
	if (dir)
		closedir(dir);
	if (!n)
		return err_set(
			"IOMMU group %d of %s cannot be used, the kernel does not say why",
			h->group, h->address);
	return err_set("%s shares IOMMU group %d with what the host still uses: %s; the group "
		       "goes to the guest as a whole: " GIVE_UP_FORMAT "%s",
		       h->address, h->group, list, GIVE_UP(first),
		       strchr(list, ',') ? "; and so on for each" : "");
}
