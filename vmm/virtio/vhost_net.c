/*
 * A virtio network card whose frames the host's kernel moves (vhost-net), on a tap or macvtap.
 *
 *     --net mode=vhost,tap=NAME[,mac=02:..][,queues=N]     or fd=N for an inherited tap
 *
 * Features, link and control queue are ours; each queue pair has a worker thread in the
 * kernel. The VMM sees no frame: there are no hop events of it, and no counters of frames.
 *
 * Status, beside what every virtio card tells: "vhost_workers", their thread ids.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/machine.h"
#include "vmm/net/tap.h"
#include "vmm/virtio/devices.h"
#include "vmm/virtio/net.h"
#include "vmm/virtio/vhost_kernel.h"

/* Nobody tells us that a tap was removed: how often to look. */
#define WATCH_S 1

struct vhost_net {
	struct virtio_net card;
	struct vhost_kernel kernel[NET_PAIRS_MAX];
	struct vhost_ring ring[2 * NET_PAIRS_MAX];
	unsigned int opened; /* kernels */
	int timer_fd;
	struct loop_source timer;
};

static struct vhost_net *of(struct virtio_net *n)
{
	return (struct vhost_net *)((char *)n - offsetof(struct vhost_net, card));
}

static int start(struct virtio_net *n)
{
	for (unsigned int i = 0; i < n->pairs; i++)
		if (vhost_start(&of(n)->kernel[i].vhost, &n->device))
			return -1;
	return 0;
}

static void stop(struct virtio_net *n)
{
	(void)n;
}

static int start_queue(struct virtio_net *n, unsigned int queue)
{
	struct vhost_ring *r = &of(n)->ring[queue];

	if (!vhost_ring_start(r) && !vhost_ring_run(r, true))
		return 0;
	vhost_ring_lost(r);
	return -1;
}

static void stop_queue(struct virtio_net *n, unsigned int queue)
{
	vhost_ring_stop(&of(n)->ring[queue]);
}

static void interrupt_changed(struct virtio_net *n, unsigned int queue)
{
	if (!vhost_ring_reroute(&of(n)->ring[queue]))
		return;
	err_print("strata-vmm");
	virtio_break(&n->device, "its interrupt could not be changed");
}

static void set_offloads(struct virtio_net *n, uint64_t guest_features)
{
	tap_set_offloads(n->link.fd[0], net_tun_offloads(guest_features));
}

static const struct net_backend backend = {
	.start = start,
	.stop = stop,
	.start_queue = start_queue,
	.stop_queue = stop_queue,
	.interrupt_changed = interrupt_changed,
	.set_offloads = set_offloads,
};

static void watch(struct loop_source *s, uint32_t events)
{
	struct vhost_net *v = s->owner;
	uint64_t times;

	(void)events;
	if (read(s->fd, &times, sizeof(times)) != sizeof(times) ||
	    tap_present(v->card.link.fd[0]))
		return;
	loop_remove(v->card.device.loop, s);
	net_tap_gone(&v->card);
}

static int start_watching(struct vhost_net *v, struct loop *loop)
{
	const struct itimerspec every = {{WATCH_S, 0}, {WATCH_S, 0}};

	v->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	v->timer = (struct loop_source){v->timer_fd, watch, v};
	if (v->timer_fd < 0 || timerfd_settime(v->timer_fd, 0, &every, NULL))
		return err_errno("%s: cannot make a timer", v->card.name);
	return loop_add(loop, &v->timer, EPOLLIN);
}

static int open_kernel(struct vhost_net *v)
{
	const struct net_link *link = &v->card.link;

	for (unsigned int i = 0; i < link->queues; i++) {
		struct vhost *side = &v->kernel[i].vhost;

		if (vhost_kernel_open(&v->kernel[i], link->fd[i]))
			return -1;
		v->opened++;
		for (unsigned int ring = 0; ring < 2; ring++)
			if (vhost_ring_init(&v->ring[2 * i + ring], side, ring, &v->card.device,
					    2 * i + ring))
				return -1;
	}
	return 0;
}

static int set_up(struct vhost_net *v, struct machine *m, const struct arguments *a)
{
	const uint64_t needed = VHOST_RING_FEATURES | 1ULL << VIRTIO_NET_F_MRG_RXBUF;
	struct virtio_net *n = &v->card;
	uint64_t pairs = 1, withheld;

	if (arguments_number(a, "queues", 1, NET_PAIRS_MAX, &pairs) ||
	    link_open(&n->link, a, (unsigned int)pairs))
		return -1;
	snprintf(n->name, sizeof(n->name), "vhost-net %s", n->link.tap);
	n->backend = &backend;
	n->device.name = n->name;
	if (open_kernel(v))
		return -1;
	withheld = needed & ~v->kernel[0].vhost.features;
	withheld |= net_withheld_by_tap(n->link.fd[0]);
	if (net_init(n, (unsigned int)pairs, withheld, m->io, &m->memory) || net_add(n, m))
		return -1;
	return start_watching(v, m->io);
}

static int create(struct device *d, const struct arguments *a)
{
	struct vhost_net *v = calloc(1, sizeof(*v));

	if (!v)
		return err_errno("net");
	v->timer_fd = -1;
	d->state = v;
	if (set_up(v, d->machine, a))
		return -1;
	d->pci = &v->card.transport.pci;
	return 0;
}

static void destroy(struct device *d)
{
	struct vhost_net *v = d->state;

	if (v->timer_fd >= 0) {
		loop_remove(d->machine->io, &v->timer);
		close(v->timer_fd);
	}
	net_destroy(&v->card);
	for (unsigned int i = 0; i < 2 * NET_PAIRS_MAX; i++)
		vhost_ring_destroy(&v->ring[i]);
	for (unsigned int i = 0; i < v->opened; i++)
		vhost_kernel_close(&v->kernel[i]);
	free(v);
}

static void status(struct device *d, json_t *into)
{
	struct vhost_net *v = d->state;
	json_t *workers = json_array();

	net_status(&v->card, into);
	link_status(&v->card.link, into);
	for (unsigned int i = 0; i < v->opened; i++)
		if (v->kernel[i].worker)
			json_array_append_new(workers, json_integer(v->kernel[i].worker));
	json_object_set_new(into, "vhost_workers", workers);
}

static const struct argument arguments[] = {
	LINK_ARGUMENTS,
	{"queues", "N", false, "queue pairs (default: 1)"},
	{NULL, NULL, false, NULL},
};

const struct device_type device_net_vhost = {
	.name = "net",
	.mode = "vhost",
	.help = "a network card that the host's kernel serves, on a tap",
	.arguments = arguments,
	.many = true,
	.check = link_check,
	.create = create,
	.destroy = destroy,
	.status = status,
	.no_limits =
		"the host's kernel moves its frames, past us: limit the tap instead (strata vm set VM "
		"tap.rx-rate=10M tap.tx-rate=10M), or use mode=virtio",
};
