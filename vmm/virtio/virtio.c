/* The life of a virtio device: status, features, queues (virtio 1.2, 2.1, 2.2, 3.1). */
#include "vmm/virtio/virtio.h"

#include <errno.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "vmm/virtio/counter.h"

#define RING_FEATURES                                                       \
	(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_RING_F_INDIRECT_DESC | \
	 1ULL << VIRTIO_RING_F_EVENT_IDX)

#define CHAINS_PER_TURN 64

static uint16_t default_size(const struct virtio_device *d, unsigned int queue)
{
	return d->queue_sizes ? d->queue_sizes[queue] : VIRTQUEUE_SIZE_MAX;
}

/* Each ring of the doorbell is an edge: nobody has to read its count back to zero. */
#define DOORBELL_EVENTS (EPOLLIN | EPOLLET)

/* The doorbell rang. */
static void kicked(struct loop_source *s, uint32_t events)
{
	struct virtio_queue *q = s->owner;

	(void)events;
	counter_add(&q->kicks, 1);
	if (q->device->running)
		q->device->ops->kick(q->device, q->index);
}

int virtio_init(struct virtio_device *d, struct loop *loop, const struct guest_memory *m)
{
	d->loop = loop;
	d->memory = m;
	d->offered |= RING_FEATURES;
	if (d->ops->stop_queue && d->ops->start_queue)
		d->offered |= 1ULL << VIRTIO_F_RING_RESET;
	for (unsigned int i = 0; i < d->queue_count; i++)
		d->queue[i].kick_fd = -1;
	for (unsigned int i = 0; i < d->queue_count; i++) {
		struct virtio_queue *q = &d->queue[i];

		q->device = d;
		q->index = i;
		virtqueue_reset(&q->ring, default_size(d, i));
		q->kick_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (q->kick_fd < 0)
			return err_errno("%s: no doorbell for queue %u", d->name, i);
		q->kick_source = (struct loop_source){q->kick_fd, kicked, q};
		if (loop_add(loop, &q->kick_source, DOORBELL_EVENTS))
			return err_add("%s: doorbell of queue %u", d->name, i);
	}
	return 0;
}

void virtio_destroy(struct virtio_device *d)
{
	for (unsigned int i = 0; i < d->queue_count; i++) {
		struct virtio_queue *q = &d->queue[i];

		if (q->kick_fd < 0)
			continue;
		if (!q->lent)
			loop_remove(d->loop, &q->kick_source);
		close(q->kick_fd);
		q->kick_fd = -1;
	}
}

/* On the I/O thread. */
static void start(void *arg)
{
	struct virtio_device *d = arg;

	if (d->running)
		return;
	for (unsigned int i = 0; i < d->queue_count; i++) {
		struct virtqueue *q = &d->queue[i].ring;

		q->event_idx = virtio_accepted(d, VIRTIO_RING_F_EVENT_IDX);
		q->indirect = virtio_accepted(d, VIRTIO_RING_F_INDIRECT_DESC);
	}
	d->running = true;
	d->ops->start(d);
}

/* On the I/O thread. */
static void reset(void *arg)
{
	struct virtio_device *d = arg;

	d->running = false;
	d->ops->stop(d);
	if (d->ops->reset)
		d->ops->reset(d);
	for (unsigned int i = 0; i < d->queue_count; i++)
		virtqueue_reset(&d->queue[i].ring, default_size(d, i));
	d->accepted = 0;
	counter_add(&d->resets, 1);
}

void virtio_set_status(struct virtio_device *d, uint8_t status)
{
	uint8_t old = d->status;

	if (!status) {
		loop_call(d->loop, reset, d);
		d->status = 0;
		return;
	}
	/* 3.1.1: FEATURES_OK stays only if we can live with what the driver chose. */
	if (status & ~old & VIRTIO_CONFIG_S_FEATURES_OK &&
	    (d->accepted & ~d->offered || !virtio_accepted(d, VIRTIO_F_VERSION_1)))
		status &= (uint8_t)~VIRTIO_CONFIG_S_FEATURES_OK;
	/* 2.1.1: a driver clears no bit but by a reset; NEEDS_RESET is ours. */
	d->status |= status & (uint8_t)~VIRTIO_CONFIG_S_NEEDS_RESET;
	if (status & ~old & VIRTIO_CONFIG_S_DRIVER_OK) {
		if (d->status & VIRTIO_CONFIG_S_FEATURES_OK)
			loop_call(d->loop, start, d);
		else
			virtio_break(d, "DRIVER_OK without FEATURES_OK");
	}
}

struct queue_call {
	struct virtio_device *device;
	unsigned int queue;
};

/* On the I/O thread. */
static void enable_queue(void *arg)
{
	struct virtio_device *d = ((struct queue_call *)arg)->device;
	unsigned int queue = ((struct queue_call *)arg)->queue;
	struct virtqueue *q = &d->queue[queue].ring;

	if (virtqueue_map(q, d->memory))
		virtio_break(d, q->broken);
	else if (d->running)
		d->ops->start_queue(d, queue);
}

void virtio_enable_queue(struct virtio_device *d, unsigned int queue)
{
	struct queue_call call = {d, queue};

	/* 4.1.4.3.2: enabled before DRIVER_OK, and once, unless a queue can be reset alone. */
	if (d->queue[queue].ring.state.enabled)
		return;
	if (!(d->status & VIRTIO_CONFIG_S_DRIVER_OK) || virtio_accepted(d, VIRTIO_F_RING_RESET))
		loop_call(d->loop, enable_queue, &call);
}

/* On the I/O thread. */
static void reset_queue(void *arg)
{
	struct virtio_device *d = ((struct queue_call *)arg)->device;
	unsigned int queue = ((struct queue_call *)arg)->queue;

	if (d->running)
		d->ops->stop_queue(d, queue);
	virtqueue_reset(&d->queue[queue].ring, default_size(d, queue));
}

void virtio_reset_queue(struct virtio_device *d, unsigned int queue)
{
	struct queue_call call = {d, queue};

	if (virtio_accepted(d, VIRTIO_F_RING_RESET))
		loop_call(d->loop, reset_queue, &call);
}

/* On the I/O thread. */
static void interrupt_changed(void *arg)
{
	struct queue_call *call = arg;

	if (call->device->running)
		call->device->ops->interrupt_changed(call->device, call->queue);
}

void virtio_interrupt_changed(struct virtio_device *d, unsigned int queue)
{
	struct queue_call call = {d, queue};

	if (d->ops->interrupt_changed && d->status & VIRTIO_CONFIG_S_DRIVER_OK)
		loop_call(d->loop, interrupt_changed, &call);
}

void virtio_lend_doorbell(struct virtio_device *d, unsigned int queue, bool lend)
{
	struct virtio_queue *q = &d->queue[queue];

	if (q->lent == lend)
		return;
	if (lend)
		loop_remove(d->loop, &q->kick_source);
	else
		loop_add(d->loop, &q->kick_source, DOORBELL_EVENTS);
	q->lent = lend;
}

void virtio_signal(struct virtio_device *d, unsigned int queue)
{
	if (virtqueue_wants_signal(&d->queue[queue].ring))
		d->transport->signal_queue(d, queue);
}

void virtio_publish(struct virtio_device *d, unsigned int queue)
{
	virtqueue_publish(&d->queue[queue].ring);
	virtio_signal(d, queue);
}

void virtio_config_changed(struct virtio_device *d)
{
	d->generation++;
	if (d->status & VIRTIO_CONFIG_S_DRIVER_OK)
		d->transport->signal_config(d);
}

void virtio_break(struct virtio_device *d, const char *why)
{
	d->running = false;
	if (d->status & VIRTIO_CONFIG_S_NEEDS_RESET)
		return;
	counter_add(&d->broken, 1);
	if (d->broken == 1) /* a guest must not be able to flood the log */
		fprintf(stderr,
			"strata-vmm: %s: the guest's driver broke a rule (%s); the device "
			"waits for its reset, later ones are only counted\n",
			d->name, why ? why : "queue already broken");
	d->status |= VIRTIO_CONFIG_S_NEEDS_RESET;
	if (d->status & VIRTIO_CONFIG_S_DRIVER_OK)
		d->transport->signal_config(d);
}

void virtio_kick_again(struct virtio_device *d, unsigned int queue)
{
	eventfd_write(d->queue[queue].kick_fd, 1);
}

void virtio_serve(struct virtio_device *d, unsigned int queue, struct virtqueue_chain *c,
		  virtio_serve_fn serve)
{
	struct virtqueue *q = &d->queue[queue].ring;

	virtqueue_kicks_off(q);
	for (int turns = 0; turns < CHAINS_PER_TURN;) {
		int popped = virtqueue_pop(q, c);

		if (popped < 0)
			virtio_break(d, q->broken);
		if (popped < 0 || (!popped && !virtqueue_kicks_on(q)))
			return;
		if (!popped)
			virtqueue_kicks_off(q);
		else if (!serve(d, queue, c))
			return;
		turns += popped;
	}
	virtio_kick_again(d, queue);
}

static json_t *queue_status(const struct virtio_queue *q)
{
	const struct virtqueue *r = &q->ring;
	int waiting = virtqueue_waiting(r);

	return json_pack("{s:i, s:i, s:b, s:b, s:o, s:I, s:I, s:I, s:I}", "index",
			 (int)q->index, "size", (int)r->state.size, "enabled",
			 (int)r->state.enabled, "broken", r->broken != NULL, "waiting",
			 waiting < 0 ? json_null() : json_integer(waiting), "kicks",
			 (json_int_t)counter_read(&q->kicks), "chains",
			 (json_int_t)counter_read(&r->chains), "signals",
			 (json_int_t)counter_read(&r->signals), "signals_suppressed",
			 (json_int_t)counter_read(&r->signals_suppressed));
}

void virtio_status(const struct virtio_device *d, json_t *into)
{
	json_t *queues = json_array();
	char text[24];

	for (unsigned int i = 0; i < d->queue_count; i++)
		json_array_append_new(queues, queue_status(&d->queue[i]));
	json_object_set_new(into, "virtio_id", json_integer(d->id));
	json_object_set_new(into, "driver_ok",
			    json_boolean(d->status & VIRTIO_CONFIG_S_DRIVER_OK));
	json_object_set_new(into, "needs_reset",
			    json_boolean(d->status & VIRTIO_CONFIG_S_NEEDS_RESET));
	snprintf(text, sizeof(text), "0x%llx", (unsigned long long)d->accepted);
	json_object_set_new(into, "features", json_string(text));
	json_object_set_new(into, "rules_broken",
			    json_integer((json_int_t)counter_read(&d->broken)));
	json_object_set_new(into, "resets", json_integer((json_int_t)counter_read(&d->resets)));
	json_object_set_new(into, "virtqueues", queues);
}
