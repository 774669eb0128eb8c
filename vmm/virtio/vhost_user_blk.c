/*
 * A virtio disk that another process serves (vhost-user): qemu-storage-daemon, SPDK.
 *
 *     --disk mode=vhost-user,socket=PATH[,server][,queues=N]
 *
 * Capacity, features and limits are the back end's. When it goes, requests that it had taken
 * are neither done nor undone for certain: the device waits for its reset, and works again once
 * the driver has reset it and the back end is back.
 *
 * Status, beside what every virtio device tells: "capacity_bytes", "readonly", "socket",
 * "connected", "reconnects".
 */
#include <linux/virtio_blk.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/virtio/devices.h"
#include "vmm/virtio/pci.h"
#include "vmm/virtio/vhost_user_port.h"

#define CLASS_STORAGE 0x018000
#define SECTOR_BYTES  512
#define QUEUES_MAX    16
#define CONFIG_BYTES  offsetof(struct virtio_blk_config, max_secure_erase_sectors)

#define BIT(feature) (1ULL << VIRTIO_BLK_F_##feature)

/* What needs nothing of us but to be passed on. */
#define FEATURES                                                                  \
	(BIT(SIZE_MAX) | BIT(SEG_MAX) | BIT(GEOMETRY) | BIT(RO) | BIT(BLK_SIZE) | \
	 BIT(TOPOLOGY) | BIT(MQ) | BIT(FLUSH) | BIT(DISCARD) | BIT(WRITE_ZEROES))

struct vhost_user_blk {
	struct virtio_device device;
	struct virtio_pci transport;
	struct vhost_user_port port;
	struct virtio_blk_config config;
	char name[128];
	struct vhost_ring ring[QUEUES_MAX];
	unsigned int rings; /* made */
};

static int hand_over(struct vhost_user_blk *b)
{
	if (vhost_start(&b->port.user.vhost, &b->device))
		return -1;
	for (unsigned int i = 0; i < b->rings; i++)
		if (b->device.queue[i].ring.state.enabled && vhost_ring_start(&b->ring[i]))
			return -1;
	for (unsigned int i = 0; i < b->rings; i++)
		if (vhost_ring_run(&b->ring[i], true))
			return -1;
	return 0;
}

static void start(struct virtio_device *d)
{
	struct vhost_user_blk *b = d->owner;

	if (!b->port.connected)
		virtio_break(d, "its back end is not there");
	else if (hand_over(b))
		vhost_user_port_drop(&b->port);
}

static void take_back(struct vhost_user_blk *b)
{
	for (unsigned int i = 0; i < b->rings; i++) {
		if (b->port.user.failed)
			vhost_ring_lost(&b->ring[i]);
		else
			vhost_ring_stop(&b->ring[i]);
	}
}

static void stop(struct virtio_device *d)
{
	take_back(d->owner);
}

/* The doorbells are the back end's while the device runs. */
static void kick(struct virtio_device *d, unsigned int queue)
{
	(void)d;
	(void)queue;
}

static void interrupt_changed(struct virtio_device *d, unsigned int queue)
{
	struct vhost_user_blk *b = d->owner;

	if (vhost_ring_reroute(&b->ring[queue]))
		vhost_user_port_drop(&b->port);
}

static const struct virtio_ops ops = {
	.start = start,
	.stop = stop,
	.kick = kick,
	.interrupt_changed = interrupt_changed,
};

static void down(struct vhost_user_port *p)
{
	struct vhost_user_blk *b = p->owner;
	bool was_running = b->device.running;

	for (unsigned int i = 0; i < b->rings; i++)
		vhost_ring_lost(&b->ring[i]);
	if (was_running)
		virtio_break(&b->device,
			     "its back end has gone, with requests that it had taken");
}

static int read_config(struct vhost_user_blk *b)
{
	if (vhost_user_get_config(&b->port.user, &b->config, CONFIG_BYTES))
		return err_add("%s", b->name);
	b->config.num_queues = (uint16_t)b->rings;
	return 0;
}

static int up(struct vhost_user_port *p)
{
	struct vhost_user_blk *b = p->owner;

	if (b->device.offered & FEATURES & ~p->user.vhost.features)
		return err_set(
			"%s: the back end that came back lacks features that were offered",
			p->name);
	return read_config(b);
}

static int choose_queues(struct vhost_user_blk *b, const struct arguments *a)
{
	unsigned int most = b->port.user.queues ? b->port.user.queues : 1;
	uint64_t queues = 1;

	if (arguments_number(a, "queues", 1, QUEUES_MAX, &queues))
		return -1;
	if (queues > most)
		return err_set("%s: the back end has %u queues, not %u", b->name, most,
			       (unsigned int)queues);
	for (; b->rings < queues; b->rings++)
		if (vhost_ring_init(&b->ring[b->rings], &b->port.user.vhost, b->rings,
				    &b->device, b->rings))
			return -1;
	return 0;
}

static int init_device(struct vhost_user_blk *b, struct machine *m)
{
	const uint64_t theirs = b->port.user.vhost.features;
	struct virtio_device *d = &b->device;

	d->id = VIRTIO_ID_BLOCK;
	d->ops = &ops;
	d->owner = b;
	d->offered = FEATURES;
	d->queue_count = b->rings;
	d->config = &b->config;
	d->config_bytes = CONFIG_BYTES;
	if (virtio_init(d, b->port.loop, &m->memory))
		return -1;
	d->offered &= theirs & ~(b->rings > 1 ? 0 : BIT(MQ));
	return virtio_pci_add(&b->transport, d, m, CLASS_STORAGE);
}

static int set_up(struct vhost_user_blk *b, struct machine *m, const struct arguments *a)
{
	const char *path = arguments_get(a, "socket", "");

	snprintf(b->name, sizeof(b->name), "vhost-user %s", path);
	b->device.name = b->name;
	b->port.name = b->name;
	b->port.wanted_protocol = 1ULL << VHOST_USER_PROTOCOL_MQ |
				  1ULL << VHOST_USER_PROTOCOL_REPLY_ACK |
				  1ULL << VHOST_USER_PROTOCOL_CONFIG;
	b->port.owner = b;
	b->port.up = up;
	b->port.down = down;
	if (vhost_user_port_open(&b->port, path, arguments_has(a, "server")) ||
	    choose_queues(b, a) || read_config(b) || init_device(b, m))
		return -1;
	return vhost_user_port_start(&b->port);
}

static int create(struct device *d, const struct arguments *a)
{
	struct vhost_user_blk *b = calloc(1, sizeof(*b));

	if (!b)
		return err_errno("disk");
	d->state = b;
	if (set_up(b, d->machine, a))
		return -1;
	d->pci = &b->transport.pci;
	return 0;
}

static void destroy(struct device *d)
{
	struct vhost_user_blk *b = d->state;

	vhost_user_port_stop(&b->port);
	take_back(b);
	virtio_destroy(&b->device);
	for (unsigned int i = 0; i < b->rings; i++)
		vhost_ring_destroy(&b->ring[i]);
	vhost_user_port_close(&b->port);
	free(b);
}

static void status(struct device *d, json_t *into)
{
	struct vhost_user_blk *b = d->state;

	virtio_pci_status(&b->transport, into);
	json_object_set_new(into, "capacity_bytes",
			    json_integer((json_int_t)(b->config.capacity * SECTOR_BYTES)));
	json_object_set_new(into, "readonly", json_boolean(b->device.offered & BIT(RO)));
	vhost_user_port_status(&b->port, into);
}

static const struct argument arguments[] = {
	{"socket", "PATH", true, "where the back end listens, or is listened for"},
	{"server", NULL, false, "listen there for the back end"},
	{"queues", "N", false, "1 to 16 (1)"},
	{NULL, NULL, false, NULL},
};

const struct device_type device_disk_vhost_user = {
	.name = "disk",
	.mode = "vhost-user",
	.help = "a disk that another process serves, over its socket",
	.arguments = arguments,
	.many = true,
	.shared_memory = true,
	.check = vhost_user_port_check,
	.create = create,
	.destroy = destroy,
	.status = status,
	.no_limits = "another process moves its requests, past us: that process has to limit "
		     "them, or use mode=virtio",
};
