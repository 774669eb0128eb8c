/* A guest's side of the virtio network device: see net_card.h. */
#include "tests/unit/vmm/cmocka.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/vmm/net_card.h"

const uint8_t net_card_address[ETH_ALEN] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

void net_card_make(struct net_card *c, unsigned int pairs)
{
	struct net_link *link = &c->net.card.link;
	int pair[2], size = 1 << 20;

	memset(c, 0, sizeof(*c));
	driver_init(&c->driver);
	trace_open(&c->trace, NULL);
	c->loop = loop_create("test");
	assert_non_null(c->loop);
	for (unsigned int i = 0; i < pairs; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair),
				 0);
		setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		c->wire[i] = pair[0];
		link->fd[i] = pair[1];
	}
	link->queues = pairs;
	link->filter_fd = -1;
	link->mtu = 1500;
	memcpy(link->mac, net_card_address, ETH_ALEN);
	strcpy(c->net.card.name, "test");
	assert_int_equal(net_tap_init(&c->net, c->loop, &c->driver.memory, &c->trace), 0);
	c->net.card.device.transport = &driver_transport;
	driver_queue_signals = driver_config_signals = 0;
}

void net_card_start(struct net_card *c, uint64_t features)
{
	struct virtio_device *d = &c->net.card.device;

	virtio_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	d->accepted = features | 1ULL << VIRTIO_F_VERSION_1;
	virtio_set_status(d, d->status | VIRTIO_CONFIG_S_FEATURES_OK);
	assert_true(d->status & VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned int i = 0; i < d->queue_count; i++) {
		driver_queue_init(&c->dq[i], &c->driver, &d->queue[i].ring, NET_CARD_RING);
		virtio_enable_queue(d, i);
		assert_true(d->queue[i].ring.state.enabled);
	}
	virtio_set_status(d, d->status | VIRTIO_CONFIG_S_DRIVER_OK);
	assert_true(d->running);
}

void net_card_free(struct net_card *c)
{
	net_tap_destroy(&c->net);
	loop_destroy(c->loop);
	for (unsigned int i = 0; i < c->net.card.pairs; i++)
		close(c->wire[i]);
	driver_destroy(&c->driver);
}

void net_card_kick(struct net_card *c, unsigned int queue)
{
	c->net.card.device.ops->kick(&c->net.card.device, queue);
}

uint8_t net_card_pattern(size_t i)
{
	return (uint8_t)(i * 31 + i / 256);
}

void net_card_arrive(struct net_card *c, size_t bytes)
{
	uint8_t *frame = calloc(1, NET_HEADER_BYTES + bytes);

	for (size_t i = 0; i < bytes; i++)
		frame[NET_HEADER_BYTES + i] = net_card_pattern(i);
	assert_int_equal(send(c->wire[0], frame, NET_HEADER_BYTES + bytes, 0),
			 NET_HEADER_BYTES + bytes);
	free(frame);
}

uint64_t net_card_offer(struct net_card *c, uint16_t index, uint32_t bytes)
{
	uint64_t gpa = driver_alloc(&c->driver, bytes, 8);

	driver_describe(&c->dq[NET_RX], index, gpa, bytes, VRING_DESC_F_WRITE, 0);
	driver_offer(&c->dq[NET_RX], index);
	return gpa;
}

/* What came in the used receive buffers, put together; returns the frame's bytes. */
static size_t collect(struct net_card *c, uint8_t *out, unsigned int *buffers)
{
	struct virtio_net_hdr_v1 header;
	uint32_t id, len;
	size_t n = 0;

	*buffers = 0;
	while (driver_take(&c->dq[NET_RX], &id, &len)) {
		memcpy(out + n, driver_host(&c->driver, c->dq[NET_RX].descriptors[id].addr),
		       len);
		n += len;
		(*buffers)++;
	}
	if (!n)
		return 0;
	memcpy(&header, out, sizeof(header));
	assert_int_equal(header.num_buffers, *buffers);
	return n - NET_HEADER_BYTES;
}

void net_card_expect(struct net_card *c, size_t bytes, unsigned int buffers)
{
	uint8_t *out = malloc(DRIVER_MEMORY);
	unsigned int used;

	assert_int_equal(collect(c, out, &used), bytes);
	assert_int_equal(used, buffers);
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(out[NET_HEADER_BYTES + i], net_card_pattern(i));
	free(out);
}
