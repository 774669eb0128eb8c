/*
 * Configuration space. The guest's is made from the function's: identity and capabilities that
 * concern drivers alone are copied or passed on; what would let a guest pull the function away
 * from under its mappings (power states), or what is emulated (BARs, interrupts), is not.
 *
 * What is passed on goes through the kernel's vfio-pci, which has its own filter: nothing that
 * a guest writes can harm the host.
 */
#include <linux/pci_regs.h>
#include <linux/vfio.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/pci_bus.h"
#include "vmm/vfio/device.h"
#include "vmm/vfio/sys.h"

#define CAPABILITIES_MAX ((CONFIG_BYTES - PCI_STD_HEADER_SIZEOF) / 4)

/* A function's configuration space, as it was read. */
struct raw {
	uint8_t byte[CONFIG_BYTES];
	unsigned int at[CAPABILITIES_MAX]; /* where its capabilities are */
	unsigned int count;
};

static uint32_t raw_get(const struct raw *r, unsigned int offset, unsigned int size)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < size && offset + i < CONFIG_BYTES; i++)
		value |= (uint32_t)r->byte[offset + i] << (8 * i);
	return value;
}

static int raw_read(const struct vfio_device *v, struct raw *r)
{
	unsigned int at;

	*r = (struct raw){0};
	if (vfio_pread(v->fd, r->byte, CONFIG_BYTES, v->config.offset) != CONFIG_BYTES)
		return err_errno("%s: cannot read its configuration space", v->host.address);
	if ((raw_get(r, PCI_HEADER_TYPE, 1) & 0x7f) != PCI_HEADER_TYPE_NORMAL)
		return err_set("%s is a bridge: only devices can be passed through",
			       v->host.address);
	if (!(raw_get(r, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST))
		return 0;
	at = raw_get(r, PCI_CAPABILITY_LIST, 1) & ~3U;
	while (at >= PCI_STD_HEADER_SIZEOF && r->count < CAPABILITIES_MAX) {
		r->at[r->count++] = at;
		at = r->byte[at + 1] & ~3U;
	}
	return 0;
}

/* Not more than reaches to the next one. */
static unsigned int limited(const struct raw *r, unsigned int at, unsigned int bytes)
{
	unsigned int end = CONFIG_BYTES;

	for (unsigned int i = 0; i < r->count; i++)
		if (r->at[i] > at && r->at[i] < end)
			end = r->at[i];
	return bytes < end - at ? bytes : end - at;
}

/* These bytes are the function's own, for reading and writing. */
static void pass(struct vfio_device *v, unsigned int at, unsigned int bytes)
{
	for (unsigned int i = at; i < at + bytes && i < CONFIG_BYTES; i++) {
		v->passed[i] = true;
		v->pci.writable[i] = 0xff;
	}
}

static int add_vendor(struct vfio_device *v, const struct raw *r, unsigned int at)
{
	unsigned int bytes = limited(r, at, raw_get(r, at + 2, 1));

	if (bytes < 3)
		return 0;
	if (pci_place_capability(&v->pci, at, PCI_CAP_ID_VNDR, bytes))
		return -1;
	v->pci.config[at + 2] = (uint8_t)bytes;
	pass(v, at + 3, bytes - 3);
	return 0;
}

/*
 * On the guest's conventional bus a function of PCI Express can only be one that is part of the
 * root complex: it has no link. Drivers find their function-level reset and payload sizes here.
 */
static int add_express(struct vfio_device *v, const struct raw *r, unsigned int at)
{
	uint16_t flags = (uint16_t)raw_get(r, at + PCI_EXP_FLAGS, 2);
	bool second = (flags & PCI_EXP_FLAGS_VERS) > 1;
	unsigned int bytes = limited(r, at, second ? PCI_EXP_SLTSTA2 + 2 : PCI_EXP_LNKCAP);

	if (bytes < PCI_EXP_LNKCAP)
		return 0;
	if (pci_place_capability(&v->pci, at, PCI_CAP_ID_EXP, bytes))
		return -1;
	pci_config_set(&v->pci, at + PCI_EXP_FLAGS, 2,
		       (flags & PCI_EXP_FLAGS_VERS) | PCI_EXP_TYPE_RC_END << 4);
	pass(v, at + PCI_EXP_DEVCAP, PCI_EXP_LNKCAP - PCI_EXP_DEVCAP);
	if (bytes >= PCI_EXP_LNKCAP2)
		pass(v, at + PCI_EXP_DEVCAP2, PCI_EXP_LNKCAP2 - PCI_EXP_DEVCAP2);
	return 0;
}

static int add_msi(struct vfio_device *v, const struct raw *r, unsigned int at)
{
	uint16_t flags = (uint16_t)raw_get(r, at + PCI_MSI_FLAGS, 2);
	unsigned int order = (flags & PCI_MSI_FLAGS_QMASK) >> 1;

	if (!v->irqs.msi)
		return 0;
	/* Not more vectors than the kernel has for it. */
	while (order && (order > 5 || 1U << order > v->irqs.msi))
		order--;
	flags = (uint16_t)((flags & ~PCI_MSI_FLAGS_QMASK) | order << 1);
	return pci_msi_init(&v->pci, at, flags);
}

static int add_msix(struct vfio_device *v, const struct raw *r, unsigned int at)
{
	uint32_t table = raw_get(r, at + PCI_MSIX_TABLE, 4);
	uint32_t pending = raw_get(r, at + PCI_MSIX_PBA, 4);
	unsigned int vectors = (raw_get(r, at + PCI_MSIX_FLAGS, 2) & PCI_MSIX_FLAGS_QSIZE) + 1;

	if (!v->irqs.msix)
		return 0;
	v->msix = (struct pci_msix_layout){.capability = at,
					   .table_bar = table & PCI_MSIX_TABLE_BIR,
					   .table = table & PCI_MSIX_TABLE_OFFSET,
					   .pending_bar = pending & PCI_MSIX_PBA_BIR,
					   .pending = pending & PCI_MSIX_PBA_OFFSET};
	v->msix_vectors = vectors < v->irqs.msix ? vectors : v->irqs.msix;
	return pci_msix_init_at(&v->pci, &v->msix, v->msix_vectors);
}

/* Whatever is not here the guest does not see. */
static const struct {
	uint8_t id;
	int (*add)(struct vfio_device *v, const struct raw *r, unsigned int at);
} known[] = {
	{PCI_CAP_ID_MSI, add_msi},
	{PCI_CAP_ID_MSIX, add_msix},
	{PCI_CAP_ID_EXP, add_express},
	{PCI_CAP_ID_VNDR, add_vendor},
};

static int add_capabilities(struct vfio_device *v, const struct raw *r)
{
	uint32_t seen = 0;

	for (unsigned int i = 0; i < r->count; i++) {
		uint8_t id = r->byte[r->at[i]];

		for (size_t k = 0; k < sizeof(known) / sizeof(known[0]); k++) {
			/* A second one, or a list that runs in a circle. */
			if (known[k].id != id || (seen >> k & 1 && id != PCI_CAP_ID_VNDR) ||
			    v->pci.config[r->at[i]])
				continue;
			seen |= 1U << k;
			if (known[k].add(v, r, r->at[i]))
				return -1;
		}
	}
	return 0;
}

static enum pci_bar_kind bar_kind(uint32_t reg)
{
	if (reg & PCI_BASE_ADDRESS_SPACE_IO)
		return PCI_BAR_IO;
	if ((reg & PCI_BASE_ADDRESS_MEM_TYPE_MASK) != PCI_BASE_ADDRESS_MEM_TYPE_64)
		return PCI_BAR_MEM32;
	return reg & PCI_BASE_ADDRESS_MEM_PREFETCH ? PCI_BAR_MEM64_PREFETCH : PCI_BAR_MEM64;
}

static void identify(struct vfio_device *v, const struct raw *r)
{
	v->pci.id = (struct pci_id){
		.vendor = (uint16_t)raw_get(r, PCI_VENDOR_ID, 2),
		.device = (uint16_t)raw_get(r, PCI_DEVICE_ID, 2),
		.subsystem_vendor = (uint16_t)raw_get(r, PCI_SUBSYSTEM_VENDOR_ID, 2),
		.subsystem = (uint16_t)raw_get(r, PCI_SUBSYSTEM_ID, 2),
		.class_code = raw_get(r, PCI_CLASS_PROG, 3),
		.revision = (uint8_t)raw_get(r, PCI_REVISION_ID, 1),
	};
	/* Both spaces stay on, whatever the guest does: it would otherwise pull them away from
	 * under KVM's mappings. That its BARs are off is enough. */
	v->command =
		(uint16_t)((raw_get(r, PCI_COMMAND, 2) | PCI_COMMAND_IO | PCI_COMMAND_MEMORY) &
			   ~(PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE));
}

int vfio_config_open(struct vfio_device *v)
{
	struct raw r;

	if (vfio_region(v, VFIO_PCI_CONFIG_REGION_INDEX, &v->config, NULL) || raw_read(v, &r))
		return -1;
	identify(v, &r);
	for (unsigned int i = 0; i < PCI_BARS; i++)
		v->pci.bar[i].kind = bar_kind(raw_get(&r, PCI_BASE_ADDRESS_0 + 4 * i, 4));
	return add_capabilities(v, &r);
}

static void put_command(struct vfio_device *v, uint32_t guest)
{
	uint32_t value = v->command | (guest & (PCI_COMMAND_MASTER | PCI_COMMAND_INTX_DISABLE));
	uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};

	if (vfio_pwrite(v->fd, bytes, 2, v->config.offset + PCI_COMMAND) != 2)
		vfio_count(&v->failed);
}

void vfio_quiet(struct vfio_device *v)
{
	put_command(v, PCI_COMMAND_INTX_DISABLE);
}

static bool all_passed(const struct vfio_device *v, unsigned int offset, unsigned int size)
{
	for (unsigned int i = 0; i < size; i++)
		if (!v->passed[offset + i])
			return false;
	return true;
}

static void config_reading(struct pci_device *d, unsigned int offset, unsigned int size)
{
	struct vfio_device *v = d->owner;
	uint8_t bytes[4];
	bool any = false;

	for (unsigned int i = 0; i < size; i++)
		any |= v->passed[offset + i];
	if (!any)
		return;
	if (vfio_pread(v->fd, bytes, size, v->config.offset + offset) != size) {
		vfio_count(&v->failed);
		return;
	}
	pthread_mutex_lock(&d->machine->pci->lock);
	for (unsigned int i = 0; i < size; i++)
		if (v->passed[offset + i])
			d->config[offset + i] = bytes[i];
	pthread_mutex_unlock(&d->machine->pci->lock);
}

static void pass_on(struct vfio_device *v, unsigned int offset, unsigned int size)
{
	struct pci_device *d = &v->pci;
	uint8_t bytes[4];

	pthread_mutex_lock(&d->machine->pci->lock);
	memcpy(bytes, d->config + offset, size);
	pthread_mutex_unlock(&d->machine->pci->lock);
	if (vfio_pwrite(v->fd, bytes, size, v->config.offset + offset) != size)
		vfio_count(&v->failed);
}

static void command_written(struct vfio_device *v)
{
	struct pci_device *d = &v->pci;

	pthread_mutex_lock(&d->machine->pci->lock);
	put_command(v, pci_config_get(d, PCI_COMMAND, 2));
	pthread_mutex_unlock(&d->machine->pci->lock);
}

static void config_written(struct pci_device *d, unsigned int offset, unsigned int size)
{
	struct vfio_device *v = d->owner;

	if (offset < PCI_COMMAND + 2 && offset + size > PCI_COMMAND)
		command_written(v);
	if (all_passed(v, offset, size)) {
		pass_on(v, offset, size);
		return;
	}
	for (unsigned int i = offset; i < offset + size; i++)
		if (v->passed[i])
			pass_on(v, i, 1);
	vfio_irqs_update(v);
}

const struct pci_ops vfio_pci_ops = {
	.config_written = config_written,
	.config_reading = config_reading,
};
