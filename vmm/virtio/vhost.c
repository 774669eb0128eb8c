/* Rings handed over to a vhost back end, and taken back. */
#include "vmm/virtio/vhost.h"

#include <linux/vhost.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"

static struct virtqueue *virtqueue_of(const struct vhost_ring *r)
{
	return &r->device->queue[r->queue].ring;
}

static bool drain(int fd)
{
	eventfd_t n;

	return !eventfd_read(fd, &n);
}

/* INTx, or no interrupt at all: only we can know which. */
static void called(struct loop_source *s, uint32_t events)
{
	struct vhost_ring *r = s->owner;

	(void)events;
	if (drain(r->call_fd))
		r->device->transport->signal_queue(r->device, r->queue);
}

static void failed(struct loop_source *s, uint32_t events)
{
	struct vhost_ring *r = s->owner;

	(void)events;
	if (!drain(r->error_fd))
		return;
	virtio_break(r->device, "whoever works its rings cannot follow one");
	r->device->ops->stop(r->device);
}

int vhost_ring_init(struct vhost_ring *r, struct vhost *v, unsigned int ring,
		    struct virtio_device *d, unsigned int queue)
{
	*r = (struct vhost_ring){.vhost = v, .device = d, .queue = queue, .ring = ring};
	r->call_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->error_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	r->call = (struct loop_source){r->call_fd, called, r};
	r->error = (struct loop_source){r->error_fd, failed, r};
	if (r->call_fd < 0 || r->error_fd < 0)
		return err_errno("%s: cannot make eventfds for queue %u", d->name, queue);
	return 0;
}

void vhost_ring_destroy(struct vhost_ring *r)
{
	if (!r->vhost)
		return;
	vhost_ring_stop(r);
	close(r->call_fd);
	close(r->error_fd);
	r->vhost = NULL;
}

int vhost_start(struct vhost *v, const struct virtio_device *d)
{
	if (v->ops->set_features(v, d->accepted & v->features) ||
	    v->ops->set_memory(v, d->memory))
		return err_add("%s", d->name);
	return 0;
}

static void relay(struct vhost_ring *r, bool on)
{
	if (r->relayed == on)
		return;
	r->relayed = on;
	if (on)
		loop_add(r->device->loop, &r->call, EPOLLIN);
	else
		loop_remove(r->device->loop, &r->call);
}

static int route(struct vhost_ring *r)
{
	int fd = r->device->transport->queue_fd(r->device, r->queue);
	struct vhost_vring_file file = {.index = r->ring, .fd = fd >= 0 ? fd : r->call_fd};

	relay(r, fd < 0);
	return r->vhost->ops->set_call(r->vhost, &file);
}

int vhost_ring_reroute(struct vhost_ring *r)
{
	return r->started ? route(r) : 0;
}

static uint64_t user(const void *host)
{
	return (uint64_t)(uintptr_t)host;
}

static int configure(struct vhost_ring *r)
{
	const struct vhost_ops *ops = r->vhost->ops;
	const struct virtqueue *q = virtqueue_of(r);
	struct vhost_vring_state size = {r->ring, q->state.size};
	struct vhost_vring_state base = {r->ring, q->state.next_available};
	struct vhost_vring_file kick = {r->ring, r->device->queue[r->queue].kick_fd};
	struct vhost_vring_file error = {r->ring, r->error_fd};
	struct vhost_vring_addr addresses = {
		.index = r->ring,
		.desc_user_addr = user(q->descriptors),
		.avail_user_addr = user(q->available),
		.used_user_addr = user(q->used),
	};

	return ops->set_size(r->vhost, &size) || ops->set_base(r->vhost, &base) ||
			       ops->set_addresses(r->vhost, &addresses) ||
			       ops->set_error(r->vhost, &error) || route(r) ||
			       ops->set_kick(r->vhost, &kick)
		       ? -1
		       : 0;
}

/* Nobody else touches the ring any more. */
static void reclaim(struct vhost_ring *r)
{
	relay(r, false);
	loop_remove(r->device->loop, &r->error);
	virtio_lend_doorbell(r->device, r->queue, false);
	r->started = false;
}

int vhost_ring_start(struct vhost_ring *r)
{
	if (r->started)
		return 0;
	r->started = true;
	virtio_lend_doorbell(r->device, r->queue, true);
	loop_add(r->device->loop, &r->error, EPOLLIN);
	if (configure(r)) {
		reclaim(r);
		return err_add("%s: queue %u", r->device->name, r->queue);
	}
	return 0;
}

int vhost_ring_run(struct vhost_ring *r, bool run)
{
	if (!r->started)
		return 0;
	if (r->vhost->ops->run(r->vhost, r->ring, run))
		return err_add("%s: queue %u", r->device->name, r->queue);
	/* What lies in the ring already was announced to us, if at all. */
	if (run)
		virtio_kick_again(r->device, r->queue);
	return 0;
}

void vhost_ring_stop(struct vhost_ring *r)
{
	struct vhost_vring_state base = {.index = r->ring};

	if (!r->started)
		return;
	if (r->vhost->ops->run(r->vhost, r->ring, false) ||
	    r->vhost->ops->get_base(r->vhost, &base)) {
		err_print("strata-vmm");
		vhost_ring_lost(r);
		return;
	}
	reclaim(r);
	virtqueue_resume(virtqueue_of(r), (uint16_t)base.num);
}

void vhost_ring_lost(struct vhost_ring *r)
{
	if (!r->started)
		return;
	reclaim(r);
	virtqueue_resume(virtqueue_of(r), virtqueue_used(virtqueue_of(r)));
}
