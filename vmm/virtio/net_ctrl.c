/* virtio-net, the control queue: how many queue pairs the driver uses (virtio 1.2, 5.1.6.5). */
#include <sys/epoll.h>

#include "vmm/virtio/iov.h"
#include "vmm/virtio/net.h"
#include "vmm/net/tap.h"

struct command {
	struct virtio_net_ctrl_hdr header;
	uint8_t body[sizeof(struct virtio_net_ctrl_mq)];
};

void net_set_active_pairs(struct virtio_net *n, unsigned int pairs)
{
	for (unsigned int i = 0; i < n->pairs; i++) {
		bool was = i < n->active_pairs, is = i < pairs;

		if (was == is)
			continue;
		if (is) {
			tap_attach_queue(n->pair[i].fd, true);
			net_rx_start(&n->pair[i]);
		} else {
			net_rx_stop(&n->pair[i]);
			net_poll(&n->pair[i], EPOLLOUT, false);
			tap_attach_queue(n->pair[i].fd, false);
		}
	}
	n->active_pairs = pairs;
}

static uint8_t obey(struct virtio_net *n, const struct virtqueue_chain *c)
{
	struct command command = {0};
	size_t bytes = iov_copy_from(c->iov, c->readable, 0, &command, sizeof(command));
	unsigned int pairs = (unsigned int)command.body[0] | (unsigned int)command.body[1] << 8;

	if (bytes < sizeof(command) || command.header.class != VIRTIO_NET_CTRL_MQ ||
	    command.header.cmd != VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET ||
	    !virtio_accepted(&n->device, VIRTIO_NET_F_MQ) || !pairs || pairs > n->pairs)
		return VIRTIO_NET_ERR;
	net_set_active_pairs(n, pairs);
	return VIRTIO_NET_OK;
}

static bool take_command(struct virtio_device *d, unsigned int queue, struct virtqueue_chain *c)
{
	struct virtio_net *n = d->owner;
	uint8_t ack;

	if (!c->writable_bytes) {
		virtio_break(d, "control command without room for its answer");
		return false;
	}
	ack = obey(n, c);
	iov_copy_to(chain_writable(c), c->writable, 0, &ack, sizeof(ack));
	virtqueue_push(&d->queue[queue].ring, c->head, sizeof(ack));
	virtio_publish(d, queue);
	counter_add(&n->control_commands, 1);
	if (ack != VIRTIO_NET_OK)
		counter_add(&n->control_refused, 1);
	return true;
}

void net_control(struct virtio_net *n, unsigned int queue)
{
	struct virtqueue_chain c;

	virtio_serve(&n->device, queue, &c, take_command);
}
