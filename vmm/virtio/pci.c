/* virtio over PCI: the structures of virtio 1.2, 4.1.4, and interrupts, 4.1.5.3. */
#include "vmm/virtio/pci.h"

#include <assert.h>
#include <linux/pci_regs.h>
#include <linux/virtio_pci.h>
#include <stddef.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/machine.h"

enum {
	BAR_REGISTERS = 0,
	BAR_MSIX = 1,
	BAR_BYTES = 0x4000,

	COMMON_AT = 0x0000,
	ISR_AT = 0x1000,
	CONFIG_AT = 0x2000,
	NOTIFY_AT = 0x3000,
	REGION_BYTES = 0x1000,

	VENDOR_VIRTIO = 0x1af4,
	DEVICE_MODERN = 0x1040, /* plus the virtio device id, 4.1.2.1 */
	ISR_QUEUE = 1,
};

/* The common configuration with what virtio 1.2 has added to it. */
struct common {
	struct virtio_pci_common_cfg cfg;
	uint16_t queue_notify_data;
	uint16_t queue_reset; /* never seen set: a reset is done when its write returns */
};

static_assert(offsetof(struct common, queue_reset) == VIRTIO_PCI_COMMON_Q_RESET, "4.1.4.3");

uint32_t virtio_pci_doorbell(unsigned int queue)
{
	return NOTIFY_AT + queue * VIRTIO_PCI_NOTIFY_MULTIPLIER;
}

/* The queue that queue_select names, or NULL: the driver may select what is not there. */
static struct virtqueue *selected(struct virtio_pci *t)
{
	struct virtio_device *d = t->device;

	return t->queue_select < d->queue_count ? &d->queue[t->queue_select].ring : NULL;
}

static void fill_queue(struct virtio_pci *t, struct virtio_pci_common_cfg *c)
{
	const struct virtqueue *q = selected(t);

	if (!q) {
		c->queue_msix_vector = VIRTIO_MSI_NO_VECTOR;
		return; /* size 0: not there (4.1.4.3.1) */
	}
	c->queue_size = q->state.size;
	c->queue_msix_vector = t->queue_vector[t->queue_select];
	c->queue_enable = q->state.enabled;
	c->queue_notify_off = t->queue_select;
	c->queue_desc_lo = (uint32_t)q->state.descriptors_gpa;
	c->queue_desc_hi = (uint32_t)(q->state.descriptors_gpa >> 32);
	c->queue_avail_lo = (uint32_t)q->state.available_gpa;
	c->queue_avail_hi = (uint32_t)(q->state.available_gpa >> 32);
	c->queue_used_lo = (uint32_t)q->state.used_gpa;
	c->queue_used_hi = (uint32_t)(q->state.used_gpa >> 32);
}

static uint32_t feature_word(uint64_t features, uint32_t select)
{
	return select < 2 ? (uint32_t)(features >> (32 * select)) : 0;
}

static uint64_t read_common(struct virtio_pci *t, uint64_t offset, unsigned int size)
{
	const struct virtio_device *d = t->device;
	struct common c = {
		.cfg.device_feature_select = t->device_feature_select,
		.cfg.device_feature = feature_word(d->offered, t->device_feature_select),
		.cfg.guest_feature_select = t->driver_feature_select,
		.cfg.guest_feature = feature_word(d->accepted, t->driver_feature_select),
		.cfg.msix_config = t->config_vector,
		.cfg.num_queues = (uint16_t)d->queue_count,
		.cfg.device_status = d->status,
		.cfg.config_generation = d->generation,
		.cfg.queue_select = t->queue_select,
	};
	uint64_t value = 0;

	if (offset >= sizeof(c) || size > sizeof(c) - offset)
		return 0;
	fill_queue(t, &c.cfg);
	memcpy(&value, (const char *)&c + offset, size);
	return value;
}

static void accept_features(struct virtio_pci *t, uint32_t word)
{
	struct virtio_device *d = t->device;
	unsigned int shift = 32 * t->driver_feature_select;

	if (t->driver_feature_select > 1 || d->status & VIRTIO_CONFIG_S_FEATURES_OK)
		return;
	d->accepted = (d->accepted & ~(0xffffffffULL << shift)) | (uint64_t)word << shift;
}

/* 4.1.5.1.2.1: a vector that is not there reads back as "no vector". */
static uint16_t valid_vector(const struct virtio_pci *t, uint64_t value)
{
	return value <= t->device->queue_count ? (uint16_t)value : VIRTIO_MSI_NO_VECTOR;
}

static void set_half(uint64_t *address, uint64_t value, bool high)
{
	unsigned int shift = high ? 32 : 0;

	*address = (*address & ~(0xffffffffULL << shift)) | (value & 0xffffffff) << shift;
}

static void write_queue(struct virtio_pci *t, uint64_t offset, uint64_t value)
{
	struct virtqueue *q = selected(t);

	if (!q)
		return;
	if (offset == VIRTIO_PCI_COMMON_Q_MSIX) {
		t->queue_vector[t->queue_select] = valid_vector(t, value);
		virtio_interrupt_changed(t->device, t->queue_select);
		return;
	}
	if (offset == VIRTIO_PCI_COMMON_Q_RESET) {
		if (value == 1)
			virtio_reset_queue(t->device, t->queue_select);
		return;
	}
	if (q->state.enabled) /* 4.1.4.3.2: fixed from then on */
		return;
	switch (offset) {
	case VIRTIO_PCI_COMMON_Q_SIZE:
		q->state.size = (uint16_t)value;
		break;
	case VIRTIO_PCI_COMMON_Q_ENABLE:
		if (value == 1)
			virtio_enable_queue(t->device, t->queue_select);
		break;
	case VIRTIO_PCI_COMMON_Q_DESCLO:
	case VIRTIO_PCI_COMMON_Q_DESCHI:
		set_half(&q->state.descriptors_gpa, value,
			 offset == VIRTIO_PCI_COMMON_Q_DESCHI);
		break;
	case VIRTIO_PCI_COMMON_Q_AVAILLO:
	case VIRTIO_PCI_COMMON_Q_AVAILHI:
		set_half(&q->state.available_gpa, value, offset == VIRTIO_PCI_COMMON_Q_AVAILHI);
		break;
	case VIRTIO_PCI_COMMON_Q_USEDLO:
	case VIRTIO_PCI_COMMON_Q_USEDHI:
		set_half(&q->state.used_gpa, value, offset == VIRTIO_PCI_COMMON_Q_USEDHI);
		break;
	}
}

static void clear_isr(struct virtio_pci *t)
{
	pthread_mutex_lock(&t->isr_lock);
	t->isr = 0;
	pci_intx(&t->pci, false);
	pthread_mutex_unlock(&t->isr_lock);
}

/* 2.4: a reset forgets what the driver programmed, the transport's part too. */
static void reset_registers(struct virtio_pci *t)
{
	t->device_feature_select = 0;
	t->driver_feature_select = 0;
	t->queue_select = 0;
	t->config_vector = VIRTIO_MSI_NO_VECTOR;
	for (unsigned int i = 0; i < t->device->queue_count; i++)
		t->queue_vector[i] = VIRTIO_MSI_NO_VECTOR;
	clear_isr(t);
}

static void write_common(struct virtio_pci *t, uint64_t offset, uint64_t value)
{
	switch (offset) {
	case VIRTIO_PCI_COMMON_DFSELECT:
		t->device_feature_select = (uint32_t)value;
		break;
	case VIRTIO_PCI_COMMON_GFSELECT:
		t->driver_feature_select = (uint32_t)value;
		break;
	case VIRTIO_PCI_COMMON_GF:
		accept_features(t, (uint32_t)value);
		break;
	case VIRTIO_PCI_COMMON_MSIX:
		t->config_vector = valid_vector(t, value);
		break;
	case VIRTIO_PCI_COMMON_STATUS:
		virtio_set_status(t->device, (uint8_t)value);
		if (!(uint8_t)value)
			reset_registers(t);
		break;
	case VIRTIO_PCI_COMMON_Q_SELECT:
		t->queue_select = (uint16_t)value;
		break;
	default:
		write_queue(t, offset, value);
	}
}

/* 4.1.4.5.1: reading clears it and takes the interrupt back. */
static uint64_t read_isr(struct virtio_pci *t)
{
	uint8_t isr;

	pthread_mutex_lock(&t->isr_lock);
	isr = t->isr;
	t->isr = 0;
	if (isr)
		pci_intx(&t->pci, false);
	pthread_mutex_unlock(&t->isr_lock);
	return isr;
}

static uint64_t read_config(const struct virtio_device *d, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	if (offset < d->config_bytes && size <= d->config_bytes - offset)
		memcpy(&value, (const char *)d->config + offset, size);
	return value;
}

static uint64_t read_registers(struct virtio_pci *t, uint64_t offset, unsigned int size)
{
	uint64_t value = 0;

	pthread_mutex_lock(&t->lock);
	if (offset < ISR_AT)
		value = read_common(t, offset - COMMON_AT, size);
	else if (offset == ISR_AT)
		value = read_isr(t);
	else if (offset >= CONFIG_AT && offset < NOTIFY_AT)
		value = read_config(t->device, offset - CONFIG_AT, size);
	pthread_mutex_unlock(&t->lock);
	return value;
}

static void write_registers(struct virtio_pci *t, uint64_t offset, uint64_t value)
{
	if (offset >= NOTIFY_AT) {
		/* What no ioeventfd caught: another width, or the configuration window. */
		uint64_t queue = (offset - NOTIFY_AT) / VIRTIO_PCI_NOTIFY_MULTIPLIER;

		if (queue < t->device->queue_count)
			virtio_kick_again(t->device, (unsigned int)queue);
		return;
	}
	pthread_mutex_lock(&t->lock);
	if (offset < ISR_AT)
		write_common(t, offset - COMMON_AT, value);
	else if (offset >= CONFIG_AT && t->device->ops->config_written)
		t->device->ops->config_written(t->device, offset - CONFIG_AT, (uint8_t)value);
	pthread_mutex_unlock(&t->lock);
}

static uint64_t bar_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	struct pci_device *p = r->owner;

	return read_registers(p->owner, offset, size);
}

static void bar_write(struct bus_range *r, uint64_t offset, uint64_t value, unsigned int size)
{
	struct pci_device *p = r->owner;

	(void)size; /* each register has one width; a driver that uses another gets nonsense */
	write_registers(p->owner, offset, value);
}

/* 4.1.4.9: the BAR through a window in configuration space, for firmware. */
static bool window_target(struct virtio_pci *t, uint32_t *offset, uint32_t *length)
{
	const uint8_t *cap = t->pci.config + t->window;

	memcpy(offset, cap + VIRTIO_PCI_CAP_OFFSET, 4);
	memcpy(length, cap + VIRTIO_PCI_CAP_LENGTH, 4);
	return cap[VIRTIO_PCI_CAP_BAR] == BAR_REGISTERS &&
	       (*length == 1 || *length == 2 || *length == 4) && *offset % *length == 0 &&
	       *offset <= BAR_BYTES - *length;
}

static bool window_data(const struct virtio_pci *t, unsigned int offset)
{
	unsigned int data = t->window + sizeof(struct virtio_pci_cap);

	return offset >= data && offset < data + 4;
}

static void config_reading(struct pci_device *p, unsigned int offset, unsigned int size)
{
	struct virtio_pci *t = p->owner;
	uint32_t at, length, value;

	(void)size;
	if (!window_data(t, offset) || !window_target(t, &at, &length))
		return;
	value = (uint32_t)read_registers(t, at, length);
	memcpy(p->config + t->window + sizeof(struct virtio_pci_cap), &value, 4);
}

static void config_written(struct pci_device *p, unsigned int offset, unsigned int size)
{
	struct virtio_pci *t = p->owner;
	uint32_t at, length;
	uint64_t value = 0;

	(void)size;
	if (!window_data(t, offset) || !window_target(t, &at, &length))
		return;
	memcpy(&value, p->config + t->window + sizeof(struct virtio_pci_cap), length);
	write_registers(t, at, value);
}

static void raise_interrupt(struct virtio_pci *t, uint16_t vector, uint8_t isr)
{
	if (pci_msix_enabled(&t->pci)) {
		if (vector != VIRTIO_MSI_NO_VECTOR)
			pci_msix_signal(&t->pci, vector);
		return;
	}
	pthread_mutex_lock(&t->isr_lock);
	t->isr |= isr;
	pci_intx(&t->pci, true);
	pthread_mutex_unlock(&t->isr_lock);
}

static void signal_queue(struct virtio_device *d, unsigned int queue)
{
	struct virtio_pci *t = d->transport_owner;

	raise_interrupt(t, t->queue_vector[queue], ISR_QUEUE);
}

static void signal_config(struct virtio_device *d)
{
	struct virtio_pci *t = d->transport_owner;

	raise_interrupt(t, t->config_vector, VIRTIO_PCI_ISR_CONFIG);
}

static int queue_fd(struct virtio_device *d, unsigned int queue)
{
	struct virtio_pci *t = d->transport_owner;
	uint16_t vector = t->queue_vector[queue];

	if (vector == VIRTIO_MSI_NO_VECTOR || !pci_msix_enabled(&t->pci))
		return -1;
	return pci_msix_fd(&t->pci, vector);
}

static const struct virtio_transport transport = {
	.signal_queue = signal_queue,
	.signal_config = signal_config,
	.queue_fd = queue_fd,
};

static const struct pci_ops pci_ops = {
	.config_written = config_written,
	.config_reading = config_reading,
};

/* 4.1.4: where in BAR 0 each structure lies. */
static const struct structure {
	uint8_t type;
	uint8_t bytes; /* of the capability */
	uint32_t offset, length;
} structures[] = {
	{VIRTIO_PCI_CAP_COMMON_CFG, sizeof(struct virtio_pci_cap), COMMON_AT,
	 sizeof(struct common)},
	{VIRTIO_PCI_CAP_ISR_CFG, sizeof(struct virtio_pci_cap), ISR_AT, 1},
	{VIRTIO_PCI_CAP_DEVICE_CFG, sizeof(struct virtio_pci_cap), CONFIG_AT, REGION_BYTES},
	{VIRTIO_PCI_CAP_NOTIFY_CFG, sizeof(struct virtio_pci_notify_cap), NOTIFY_AT,
	 REGION_BYTES},
	{VIRTIO_PCI_CAP_PCI_CFG, sizeof(struct virtio_pci_cfg_cap), 0, 0},
};

static int add_structure(struct virtio_pci *t, const struct structure *s)
{
	const uint32_t multiplier = VIRTIO_PCI_NOTIFY_MULTIPLIER;
	int at = pci_add_capability(&t->pci, PCI_CAP_ID_VNDR, s->bytes);
	uint8_t *cap = t->pci.config + at;

	if (at < 0)
		return -1;
	cap[VIRTIO_PCI_CAP_LEN] = s->bytes;
	cap[VIRTIO_PCI_CAP_CFG_TYPE] = s->type;
	cap[VIRTIO_PCI_CAP_BAR] = BAR_REGISTERS;
	memcpy(cap + VIRTIO_PCI_CAP_OFFSET, &s->offset, 4);
	memcpy(cap + VIRTIO_PCI_CAP_LENGTH, &s->length, 4);
	if (s->type == VIRTIO_PCI_CAP_NOTIFY_CFG)
		memcpy(cap + VIRTIO_PCI_NOTIFY_CAP_MULT, &multiplier, 4);
	if (s->type == VIRTIO_PCI_CAP_PCI_CFG) {
		uint8_t *writable = t->pci.writable + at;

		t->window = (unsigned int)at;
		writable[VIRTIO_PCI_CAP_BAR] = 0xff;
		memset(writable + VIRTIO_PCI_CAP_OFFSET, 0xff, 4 + 4 + 4);
	}
	return 0;
}

static int add_structures(struct virtio_pci *t)
{
	for (size_t i = 0; i < sizeof(structures) / sizeof(structures[0]); i++)
		if (add_structure(t, &structures[i]))
			return -1;
	return 0;
}

static int add_doorbells(struct virtio_pci *t)
{
	for (unsigned int i = 0; i < t->device->queue_count; i++)
		/* Of any size: KVM need not decode the guest's instruction then
		 * (kvm_fast_mmio). */
		if (pci_ioeventfd(&t->pci, BAR_REGISTERS, virtio_pci_doorbell(i), 0,
				  t->device->queue[i].kick_fd))
			return -1;
	return 0;
}

int virtio_pci_add(struct virtio_pci *t, struct virtio_device *d, struct machine *m,
		   uint32_t class_code)
{
	t->device = d;
	d->transport = &transport;
	d->transport_owner = t;
	pthread_mutex_init(&t->lock, NULL);
	pthread_mutex_init(&t->isr_lock, NULL);
	t->pci.name = d->name;
	t->pci.owner = t;
	t->pci.ops = &pci_ops;
	t->pci.id = (struct pci_id){
		.vendor = VENDOR_VIRTIO,
		.device = DEVICE_MODERN + d->id,
		.subsystem_vendor = VENDOR_VIRTIO,
		.subsystem = DEVICE_MODERN + d->id,
		.class_code = class_code,
		.revision = 1,
	};
	t->pci.bar[BAR_REGISTERS] = (struct pci_bar){.kind = PCI_BAR_MEM32,
						     .bytes = BAR_BYTES,
						     .read = bar_read,
						     .write = bar_write};
	t->config_vector = VIRTIO_MSI_NO_VECTOR;
	for (unsigned int i = 0; i < d->queue_count; i++)
		t->queue_vector[i] = VIRTIO_MSI_NO_VECTOR;
	if (pci_msix_init(&t->pci, BAR_MSIX, d->queue_count + 1) || add_structures(t) ||
	    pci_add(m, &t->pci) || add_doorbells(t))
		return err_add("%s", d->name);
	return 0;
}

void virtio_pci_status(struct virtio_pci *t, json_t *into)
{
	json_t *queues, *queue;
	size_t i;

	virtio_status(t->device, into);
	queues = json_object_get(into, "virtqueues");
	json_array_foreach (queues, i, queue) {
		uint16_t vector = t->queue_vector[i];

		json_object_set_new(queue, "vector",
				    vector == VIRTIO_MSI_NO_VECTOR ? json_null()
								   : json_integer(vector));
		json_object_set_new(queue, "doorbell_offset",
				    json_integer(virtio_pci_doorbell((unsigned int)i)));
	}
}
