/*
 * --net mode=vfio and --disk mode=vfio: one implementation; what it is called says what it is,
 * to people and to whoever reads the status.
 */
#include "vmm/vfio/device.h"

#include <linux/vfio.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/vfio/container.h"
#include "vmm/vfio/devices.h"
#include "vmm/vfio/sys.h"

#define CLASS_STORAGE 0x01
#define CLASS_NETWORK 0x02

static int check(const struct arguments *a)
{
	char address[13];

	return vfio_host_address(address, arguments_get(a, "device", ""));
}

static int check_class(const struct vfio_host *h, uint8_t wanted)
{
	uint8_t base = (uint8_t)(h->class_code >> 16);

	if (base == wanted)
		return 0;
	return err_set("%s is %s (class 0x%06x)%s", h->address, vfio_host_class(h->class_code),
		       h->class_code,
		       base == CLASS_STORAGE   ? ": pass it through with --disk mode=vfio"
		       : base == CLASS_NETWORK ? ": pass it through with --net mode=vfio"
					       : ", neither network nor disk");
}

static int check_once(const struct device *d, const struct vfio_host *h)
{
	for (const struct device *o = d->machine->devices; o; o = o->next) {
		const struct vfio_device *other = o->state;

		if (o != d && other &&
		    (o->type == &device_net_vfio || o->type == &device_disk_vfio) &&
		    !strcmp(other->host.address, h->address))
			return err_set("%s is given twice", h->address);
	}
	return 0;
}

static int open_device(struct vfio_device *v)
{
	struct vfio_device_info info = {.argsz = sizeof(info)};

	v->fd = vfio_container_join(v->machine, &v->host);
	if (v->fd < 0)
		return -1;
	if (vfio_ioctl(v->fd, VFIO_DEVICE_GET_INFO, &info))
		return err_errno("%s: cannot ask what it is", v->host.address);
	if (!(info.flags & VFIO_DEVICE_FLAGS_PCI) ||
	    info.num_regions <= VFIO_PCI_CONFIG_REGION_INDEX)
		return err_set("%s: VFIO does not know it as a PCI device", v->host.address);
	v->resets = info.flags & VFIO_DEVICE_FLAGS_RESET;
	return 0;
}

static int create(struct device *d, const struct arguments *a, uint8_t class)
{
	struct vfio_device *v = calloc(1, sizeof(*v));

	if (!v)
		return err_errno("cannot make the device");
	d->state = v;
	v->machine = d->machine;
	v->fd = v->irqs.trigger = v->irqs.resample = -1;
	pthread_mutex_init(&v->irqs.lock, NULL);
	v->pci.name = v->host.address;
	v->pci.ops = &vfio_pci_ops;
	v->pci.owner = v;
	if (vfio_host_find(&v->host, arguments_get(a, "device", "")) ||
	    check_class(&v->host, class) || check_once(d, &v->host) || open_device(v))
		return -1;
	vfio_reset(v);
	if (vfio_irqs_open(v) || vfio_config_open(v) || vfio_bars_open(v))
		return -1;
	vfio_quiet(v);
	if (pci_add(d->machine, &v->pci))
		return -1;
	d->pci = &v->pci;
	vfio_irqs_update(v);
	return 0;
}

static int create_net(struct device *d, const struct arguments *a)
{
	return create(d, a, CLASS_NETWORK);
}

static int create_disk(struct device *d, const struct arguments *a)
{
	return create(d, a, CLASS_STORAGE);
}

static void destroy(struct device *d)
{
	struct vfio_device *v = d->state;

	if (!v)
		return;
	vfio_irqs_close(v);
	if (v->config.bytes)
		vfio_quiet(v);
	pci_remove(&v->pci);
	vfio_bars_close(v);
	if (v->fd >= 0) {
		vfio_reset(v);
		vfio_close(v->fd);
		vfio_container_leave(d->machine, &v->host);
	}
	pthread_mutex_destroy(&v->irqs.lock);
	free(v);
}

static json_t *number(const uint64_t *counter)
{
	return json_integer((json_int_t)__atomic_load_n(counter, __ATOMIC_RELAXED));
}

static void status(struct device *d, json_t *into)
{
	static const char *const modes[] = {"none", "intx", "msi", "msix"};
	struct vfio_device *v = d->state;
	struct vfio_irqs *q = &v->irqs;
	uint64_t mapped = 0;

	for (unsigned int i = 0; i < PCI_BARS; i++)
		for (unsigned int k = 0; k < v->pci.bar[i].map_count; k++)
			mapped += v->map[i][k].bytes;
	json_object_set_new(into, "device", json_string(v->host.address));
	json_object_set_new(into, "driver", json_string(v->host.driver));
	json_object_set_new(into, "group", json_integer(v->host.group));
	json_object_set_new(into, "reset", json_string(v->reset));
	json_object_set_new(into, "mapped_bytes", json_integer((json_int_t)mapped));
	pthread_mutex_lock(&q->lock);
	json_object_set_new(into, "interrupts", json_string(modes[q->mode]));
	json_object_set_new(into, "vectors", json_integer(q->connected));
	pthread_mutex_unlock(&q->lock);
	json_object_set_new(into, "refused_interrupts", number(&q->refused));
	json_object_set_new(into, "failed_accesses", number(&v->failed));
}

static const struct argument arguments[] = {
	{.key = "device",
	 .value = "ADDRESS",
	 .required = true,
	 .help = "its PCI address on the host, 0000:03:00.0; its driver there is vfio-pci"},
	{NULL},
};

const struct device_type device_net_vfio = {
	.name = "net",
	.mode = "vfio",
	.help = "a network card of the host, passed through",
	.arguments = arguments,
	.many = true,
	.check = check,
	.create = create_net,
	.destroy = destroy,
	.status = status,
	.no_limits =
		"the guest drives the card itself: limit it on the card (ip link set DEVICE "
		"vf N max_tx_rate MBIT) or the switch behind it, or use mode=virtio",
};

const struct device_type device_disk_vfio = {
	.name = "disk",
	.mode = "vfio",
	.help = "a disk controller (NVMe, ...) of the host, passed through",
	.arguments = arguments,
	.many = true,
	.check = check,
	.create = create_disk,
	.destroy = destroy,
	.status = status,
	.no_limits =
		"the guest drives the disk itself, and nobody in the host can limit it; use "
		"mode=virtio or mode=nvme",
};
