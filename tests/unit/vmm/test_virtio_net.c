/*
 * The network device over a socket pair in place of a tap, with a driver in place of a
 * guest: every byte must arrive, whatever the buffers look like.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/vmm/driver.h"
#include "vmm/virtio/net_tap.h"

#define SIZE   16
#define HEADER NET_HEADER_BYTES

static const uint8_t ADDRESS[ETH_ALEN] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

enum { RX, TX, RX2, TX2, CTRL, QUEUES };

struct fixture {
	struct driver driver;
	struct driver_queue dq[QUEUES];
	struct loop *loop;
	struct trace trace;
	struct net_tap net;
	int wire[2]; /* our ends of the socket pairs */
};

static struct fixture f;

static void make(unsigned int pairs)
{
	struct net_link *link = &f.net.card.link;
	int pair[2], size = 1 << 20;

	memset(&f, 0, sizeof(f));
	driver_init(&f.driver);
	trace_open(&f.trace, NULL);
	f.loop = loop_create("test");
	assert_non_null(f.loop);
	for (unsigned int i = 0; i < pairs; i++) {
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair),
				 0);
		setsockopt(pair[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
		f.wire[i] = pair[0];
		link->fd[i] = pair[1];
	}
	link->queues = pairs;
	link->filter_fd = -1;
	link->mtu = 1500;
	memcpy(link->mac, ADDRESS, ETH_ALEN);
	strcpy(f.net.card.name, "test");
	assert_int_equal(net_tap_init(&f.net, f.loop, &f.driver.memory, &f.trace), 0);
	f.net.card.device.transport = &driver_transport;
	driver_queue_signals = driver_config_signals = 0;
}

static void start(uint64_t features)
{
	struct virtio_device *d = &f.net.card.device;

	virtio_set_status(d, VIRTIO_CONFIG_S_ACKNOWLEDGE | VIRTIO_CONFIG_S_DRIVER);
	d->accepted = features | 1ULL << VIRTIO_F_VERSION_1;
	virtio_set_status(d, d->status | VIRTIO_CONFIG_S_FEATURES_OK);
	assert_true(d->status & VIRTIO_CONFIG_S_FEATURES_OK);
	for (unsigned int i = 0; i < d->queue_count; i++) {
		driver_queue_init(&f.dq[i], &f.driver, &d->queue[i].ring, SIZE);
		virtio_enable_queue(d, i);
		assert_true(d->queue[i].ring.state.enabled);
	}
	virtio_set_status(d, d->status | VIRTIO_CONFIG_S_DRIVER_OK);
	assert_true(d->running);
}

static void finish(void)
{
	net_tap_destroy(&f.net);
	loop_destroy(f.loop);
	for (unsigned int i = 0; i < f.net.card.pairs; i++)
		close(f.wire[i]);
	driver_destroy(&f.driver);
}

static void kick(unsigned int queue)
{
	f.net.card.device.ops->kick(&f.net.card.device, queue);
}

static uint8_t pattern(size_t i)
{
	return (uint8_t)(i * 31 + i / 256);
}

/* A frame of so many bytes arrives on the wire. */
static void arrive(size_t bytes)
{
	uint8_t *frame = calloc(1, HEADER + bytes);

	for (size_t i = 0; i < bytes; i++)
		frame[HEADER + i] = pattern(i);
	assert_int_equal(send(f.wire[0], frame, HEADER + bytes, 0), HEADER + bytes);
	free(frame);
}

/* Offer a receive buffer made of one descriptor. */
static uint64_t offer_buffer(uint16_t index, uint32_t bytes)
{
	uint64_t gpa = driver_alloc(&f.driver, bytes, 8);

	driver_describe(&f.dq[RX], index, gpa, bytes, VRING_DESC_F_WRITE, 0);
	driver_offer(&f.dq[RX], index);
	return gpa;
}

/* What came in the used receive buffers, put together; returns the frame's bytes. */
static size_t collect(uint8_t *out, unsigned int *buffers)
{
	struct virtio_net_hdr_v1 header;
	uint32_t id, len;
	size_t n = 0;

	*buffers = 0;
	while (driver_take(&f.dq[RX], &id, &len)) {
		memcpy(out + n, driver_host(&f.driver, f.dq[RX].descriptors[id].addr), len);
		n += len;
		(*buffers)++;
	}
	if (!n)
		return 0;
	memcpy(&header, out, sizeof(header));
	assert_int_equal(header.num_buffers, *buffers);
	return n - HEADER;
}

static void assert_frame(size_t bytes, unsigned int buffers)
{
	uint8_t *out = malloc(DRIVER_MEMORY);
	unsigned int used;

	assert_int_equal(collect(out, &used), bytes);
	assert_int_equal(used, buffers);
	for (size_t i = 0; i < bytes; i++)
		assert_int_equal(out[HEADER + i], pattern(i));
	free(out);
}

static void test_receive(void **state)
{
	(void)state;
	make(1);
	start(0);
	offer_buffer(0, 2048);
	arrive(100);
	net_rx_ready(&f.net.pair[0]);
	assert_frame(100, 1);
	assert_int_equal(driver_queue_signals, 1);
	assert_int_equal(f.net.pair[0].rx_frames, 1);
	assert_int_equal(f.net.pair[0].rx_bytes, 100);
	finish();
}

/* Header and data may be cut anywhere (2.7.4): a chain of small pieces. */
static void test_receive_scattered(void **state)
{
	uint64_t gpa;
	uint32_t id, len;

	(void)state;
	make(1);
	start(0);
	gpa = driver_alloc(&f.driver, 4096, 8);
	driver_describe(&f.dq[RX], 0, gpa, 5, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
	driver_describe(&f.dq[RX], 1, gpa + 5, 6, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 2);
	driver_describe(&f.dq[RX], 2, gpa + 11, 2000, VRING_DESC_F_WRITE, 0);
	driver_offer(&f.dq[RX], 0);
	arrive(300);
	net_rx_ready(&f.net.pair[0]);
	assert_true(driver_take(&f.dq[RX], &id, &len));
	assert_int_equal(len, HEADER + 300);
	assert_int_equal(((uint8_t *)driver_host(&f.driver, gpa))[10], 1); /* num_buffers */
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(((uint8_t *)driver_host(&f.driver, gpa))[HEADER + i],
				 pattern(i));
	finish();
}

static void test_receive_merged(void **state)
{
	(void)state;
	make(1);
	start(1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	for (uint16_t i = 0; i < 8; i++)
		offer_buffer(i, 100);
	arrive(400);
	net_rx_ready(&f.net.pair[0]);
	assert_frame(400, 5); /* 412 bytes in buffers of 100 */
	arrive(88);
	net_rx_ready(&f.net.pair[0]);
	assert_frame(88, 1); /* exactly one */
	finish();
}

/* The frame is longer than the buffers there are: it waits for more, nothing is lost. */
static void test_receive_held(void **state)
{
	struct net_pair *p;

	(void)state;
	make(1);
	start(1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	p = &f.net.pair[0];
	offer_buffer(0, 100);
	offer_buffer(1, 100);
	arrive(900);
	arrive(50);
	net_rx_ready(p);
	assert_frame(0, 0);
	assert_true(p->starved);
	assert_int_equal(p->polled, 0);
	for (uint16_t i = 2; i < 10; i++)
		offer_buffer(i, 100);
	kick(RX);
	assert_frame(900, 10);
	assert_true(p->starved); /* the second frame is still out there */
	offer_buffer(0, 100);
	kick(RX);
	assert_frame(50, 1);
	assert_int_equal(p->rx_dropped, 0);
	finish();
}

/* Longer than all the buffers a ring can hold: dropped and counted, the next one comes. */
static void test_receive_too_long(void **state)
{
	struct net_pair *p;

	(void)state;
	make(1);
	start(1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	p = &f.net.pair[0];
	for (uint16_t i = 0; i < SIZE; i++)
		offer_buffer(i, 20);
	arrive(2000);
	arrive(50);
	net_rx_ready(p);
	assert_frame(50, 4);
	assert_int_equal(p->rx_dropped, 1);
	finish();
}

static void test_receive_too_long_unmerged(void **state)
{
	(void)state;
	make(1);
	start(0);
	offer_buffer(0, 200);
	arrive(200);
	arrive(188);
	net_rx_ready(&f.net.pair[0]);
	assert_frame(188, 1);
	assert_int_equal(f.net.pair[0].rx_dropped, 1);
	finish();
}

/* 64 KiB segments, and a window that wraps and compacts, for many frames. */
static void test_receive_many(void **state)
{
	const size_t lengths[] = {60, 65000, 1500, 3000, 1, 20000, 1514};

	(void)state;
	make(1);
	start(1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	for (uint16_t i = 0; i < SIZE; i++)
		offer_buffer(i, 6000);
	for (size_t i = 0; i < 5000; i++) {
		size_t bytes = lengths[i % 7];
		uint16_t used = f.dq[RX].next_used;

		arrive(bytes);
		net_rx_ready(&f.net.pair[0]);
		assert_frame(bytes, (unsigned int)((bytes + HEADER + 5999) / 6000));
		for (; used != f.dq[RX].next_used; used++) /* offer them again */
			driver_offer(&f.dq[RX], (uint16_t)f.dq[RX].used->ring[used % SIZE].id);
		kick(RX);
	}
	assert_int_equal(f.net.pair[0].rx_frames, 5000);
	assert_int_equal(f.net.pair[0].rx_dropped, 0);
	finish();
}

/* A driver that goes away gets its unused buffers back, and can start again. */
static void test_reset(void **state)
{
	(void)state;
	make(1);
	start(1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	for (uint16_t i = 0; i < 4; i++)
		offer_buffer(i, 1000);
	arrive(10);
	net_rx_ready(&f.net.pair[0]);
	assert_int_equal(f.net.card.device.queue[RX].ring.state.next_available, 4);
	f.net.card.device.ops->stop(&f.net.card.device); /* as for a pause */
	assert_int_equal(f.net.card.device.queue[RX].ring.state.next_available, 1);
	assert_int_equal(f.net.pair[0].polled, 0);
	virtio_set_status(&f.net.card.device, 0);
	assert_int_equal(f.net.card.device.status, 0);
	assert_false(f.net.card.device.queue[RX].ring.state.enabled);
	start(0);
	offer_buffer(0, 2048);
	arrive(100);
	net_rx_ready(&f.net.pair[0]);
	assert_frame(100, 1);
	finish();
}

/* A receive buffer that cannot be written breaks the device, until it is reset. */
static void test_receive_broken(void **state)
{
	(void)state;
	make(1);
	start(0);
	driver_describe(&f.dq[RX], 0, 4096, 2048, 0, 0);
	driver_offer(&f.dq[RX], 0);
	arrive(100);
	net_rx_ready(&f.net.pair[0]);
	assert_true(f.net.card.device.status & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(driver_config_signals, 1);
	assert_int_equal(f.net.pair[0].polled, 0); /* and does not spin */
	assert_int_equal(f.net.card.device.broken, 1);
	virtio_set_status(&f.net.card.device, 0);
	start(0);
	finish();
}

static size_t sent(uint8_t *out, size_t room)
{
	ssize_t n = recv(f.wire[0], out, room, MSG_DONTWAIT);

	return n < 0 ? 0 : (size_t)n;
}

/* Send a frame cut into pieces; the header's fields must come through untouched. */
static void transmit(size_t bytes, uint32_t piece)
{
	uint64_t gpa = driver_alloc(&f.driver, HEADER + bytes, 8);
	uint8_t *host = driver_host(&f.driver, gpa);
	size_t total = HEADER + bytes;
	uint16_t index = 0;

	memset(host, 0, HEADER);
	host[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	for (size_t i = 0; i < bytes; i++)
		host[HEADER + i] = pattern(i);
	for (size_t at = 0; at < total; at += piece, index++) {
		uint32_t len = total - at < piece ? (uint32_t)(total - at) : piece;

		driver_describe(&f.dq[TX], index, gpa + at, len,
				at + len < total ? VRING_DESC_F_NEXT : 0, index + 1);
	}
	driver_offer(&f.dq[TX], 0);
}

static void test_transmit(void **state)
{
	const uint32_t pieces[] = {2000, 12, 13, 7};
	uint8_t out[2048];
	uint32_t id, len;

	(void)state;
	make(1);
	start(0);
	for (size_t i = 0; i < 4; i++) {
		transmit(80, pieces[i]);
		kick(TX);
		assert_int_equal(sent(out, sizeof(out)), HEADER + 80);
		assert_int_equal(out[0], VIRTIO_NET_HDR_F_NEEDS_CSUM);
		for (size_t j = 0; j < 80; j++)
			assert_int_equal(out[HEADER + j], pattern(j));
		assert_true(driver_take(&f.dq[TX], &id, &len));
		assert_int_equal(len, 0);
	}
	assert_int_equal(f.net.pair[0].tx_frames, 4);
	assert_int_equal(f.net.pair[0].tx_bytes, 4 * 80);
	finish();
}

/* What is no frame is dropped and given back, and breaks nothing. */
static void test_transmit_runt(void **state)
{
	uint32_t id, len;

	(void)state;
	make(1);
	start(0);
	driver_describe(&f.dq[TX], 0, 4096, HEADER, 0, 0);
	driver_offer(&f.dq[TX], 0);
	driver_describe(&f.dq[TX], 1, 4096, 100, VRING_DESC_F_WRITE, 0);
	driver_offer(&f.dq[TX], 1);
	kick(TX);
	assert_true(driver_take(&f.dq[TX], &id, &len));
	assert_true(driver_take(&f.dq[TX], &id, &len));
	assert_int_equal(f.net.pair[0].tx_dropped, 2);
	assert_true(f.net.card.device.running);
	finish();
}

/* The tap is full: the frame stays the guest's until the tap takes it. */
static void test_transmit_blocked(void **state)
{
	uint8_t out[2048];
	unsigned int got = 0;
	uint32_t id, len;
	int given = 0;

	(void)state;
	make(1);
	start(0);
	while (!f.net.pair[0].tx_blocked && given < 10000) {
		f.driver.next = 256 << 10;
		transmit(1000, 2000);
		kick(TX);
		while (driver_take(&f.dq[TX], &id, &len))
			given++;
	}
	assert_int_equal(f.net.pair[0].tx_blocked, 1);
	assert_int_equal(f.net.pair[0].polled, EPOLLIN | EPOLLOUT);
	while (sent(out, sizeof(out)))
		got++;
	assert_int_equal(got, given);
	f.net.pair[0].tap.ready(&f.net.pair[0].tap, EPOLLOUT);
	assert_int_equal(sent(out, sizeof(out)), HEADER + 1000);
	assert_true(driver_take(&f.dq[TX], &id, &len));
	assert_int_equal(f.net.pair[0].polled, EPOLLIN);
	assert_int_equal(f.net.pair[0].tx_dropped, 0);
	finish();
}

static uint8_t control(uint8_t class, uint8_t cmd, uint16_t value, uint32_t bytes)
{
	const uint8_t command[] = {class, cmd, (uint8_t)value, (uint8_t)(value >> 8)};
	uint64_t gpa = driver_alloc(&f.driver, 8, 8);
	uint32_t id, len;

	memcpy(driver_host(&f.driver, gpa), command, sizeof(command));
	((uint8_t *)driver_host(&f.driver, gpa))[4] = 0xff;
	driver_describe(&f.dq[CTRL], 0, gpa, bytes, VRING_DESC_F_NEXT, 1);
	driver_describe(&f.dq[CTRL], 1, gpa + 4, 1, VRING_DESC_F_WRITE, 0);
	driver_offer(&f.dq[CTRL], 0);
	kick(CTRL);
	assert_true(driver_take(&f.dq[CTRL], &id, &len));
	assert_int_equal(len, 1);
	return ((uint8_t *)driver_host(&f.driver, gpa))[4];
}

static void test_multi_queue(void **state)
{
	const uint8_t set = VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET;

	(void)state;
	make(2);
	assert_int_equal(f.net.card.config.max_virtqueue_pairs, 2);
	start(1ULL << VIRTIO_NET_F_CTRL_VQ | 1ULL << VIRTIO_NET_F_MQ);
	assert_int_equal(f.net.card.active_pairs, 1);
	assert_int_equal(f.net.pair[1].polled, 0);
	assert_int_equal(control(VIRTIO_NET_CTRL_MQ, set, 2, 4), VIRTIO_NET_OK);
	assert_int_equal(f.net.card.active_pairs, 2);
	assert_int_equal(f.net.pair[1].polled, EPOLLIN);
	assert_int_equal(control(VIRTIO_NET_CTRL_MQ, set, 3, 4), VIRTIO_NET_ERR);
	assert_int_equal(control(VIRTIO_NET_CTRL_MQ, set, 0, 4), VIRTIO_NET_ERR);
	assert_int_equal(control(VIRTIO_NET_CTRL_MQ, set, 1, 3), VIRTIO_NET_ERR); /* cut */
	assert_int_equal(control(VIRTIO_NET_CTRL_MAC, 0, 1, 4), VIRTIO_NET_ERR);
	assert_int_equal(f.net.card.active_pairs, 2);
	assert_int_equal(control(VIRTIO_NET_CTRL_MQ, set, 1, 4), VIRTIO_NET_OK);
	assert_int_equal(f.net.pair[1].polled, 0);
	assert_int_equal(f.net.card.control_commands, 6);
	assert_int_equal(f.net.card.control_refused, 4);
	finish();
}

static uint8_t command(const void *bytes, uint32_t count)
{
	uint64_t gpa = driver_alloc(&f.driver, count + 1, 8);
	uint32_t id, len;

	memcpy(driver_host(&f.driver, gpa), bytes, count);
	driver_describe(&f.dq[2], 0, gpa, count, VRING_DESC_F_NEXT, 1);
	driver_describe(&f.dq[2], 1, gpa + count, 1, VRING_DESC_F_WRITE, 0);
	driver_offer(&f.dq[2], 0);
	kick(2); /* of one pair, the control queue */
	assert_true(driver_take(&f.dq[2], &id, &len));
	return ((uint8_t *)driver_host(&f.driver, gpa))[count];
}

#define COMMAND(...) \
	command((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* What is acknowledged is done, or needs no doing. */
static void test_control_filters(void **state)
{
	enum { RX_MODE = VIRTIO_NET_CTRL_RX, MAC = VIRTIO_NET_CTRL_MAC };
	const uint8_t own[] = {0x52, 0x54, 0, 0xaa, 0xbb, 0xcc};

	(void)state;
	make(1);
	start(1ULL << VIRTIO_NET_F_CTRL_VQ | 1ULL << VIRTIO_NET_F_CTRL_RX |
	      1ULL << VIRTIO_NET_F_CTRL_MAC_ADDR);
	assert_int_equal(COMMAND(RX_MODE, VIRTIO_NET_CTRL_RX_PROMISC, 1), VIRTIO_NET_OK);
	assert_int_equal(COMMAND(RX_MODE, VIRTIO_NET_CTRL_RX_ALLMULTI, 0), VIRTIO_NET_OK);
	assert_int_equal(COMMAND(RX_MODE, VIRTIO_NET_CTRL_RX_NOBCAST, 1), VIRTIO_NET_ERR);
	assert_int_equal(COMMAND(RX_MODE, VIRTIO_NET_CTRL_RX_PROMISC), VIRTIO_NET_ERR);
	assert_int_equal(COMMAND(MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 0, 0, 0, 0, 1, 0, 0, 0, 1,
				 0, 0x5e, 0, 0, 1),
			 VIRTIO_NET_OK);
	assert_int_equal(COMMAND(MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 0, 0, 0, 0, 2, 0, 0, 0, 1,
				 0, 0x5e, 0, 0, 1),
			 VIRTIO_NET_ERR); /* cut short */
	assert_int_equal(
		COMMAND(MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0),
		VIRTIO_NET_ERR);
	assert_memory_equal(f.net.card.config.mac, ADDRESS, ETH_ALEN);
	assert_int_equal(COMMAND(MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, own[0], own[1], own[2],
				 own[3], own[4], own[5]),
			 VIRTIO_NET_OK);
	assert_memory_equal(f.net.card.config.mac, own, ETH_ALEN);
	assert_int_equal(COMMAND(MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 1, 0, 0, 0, 0, 0),
			 VIRTIO_NET_ERR);     /* a group's */
	f.net.card.link.fixed_address = true; /* a macvtap */
	assert_int_equal(COMMAND(MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, own[0], own[1], own[2],
				 own[3], own[4], own[5]),
			 VIRTIO_NET_ERR);
	assert_int_equal(COMMAND(RX_MODE, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_ERR);
	virtio_set_status(&f.net.card.device, 0);
	assert_memory_equal(f.net.card.config.mac, ADDRESS, ETH_ALEN);
	finish();
}

static void test_control_offloads(void **state)
{
	const uint8_t class = VIRTIO_NET_CTRL_GUEST_OFFLOADS;
	const uint8_t set = VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET;

	(void)state;
	make(1);
	start(1ULL << VIRTIO_NET_F_CTRL_VQ | 1ULL << VIRTIO_NET_F_CTRL_GUEST_OFFLOADS |
	      1ULL << VIRTIO_NET_F_GUEST_CSUM | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	assert_int_equal(COMMAND(class, set, 0, 0, 0, 0, 0, 0, 0, 0), VIRTIO_NET_OK);
	assert_int_equal(COMMAND(class, set, 0x82, 0, 0, 0, 0, 0, 0, 0), VIRTIO_NET_OK);
	assert_int_equal(COMMAND(class, set, 0x82, 1, 0, 0, 0, 0, 0, 0), VIRTIO_NET_ERR);
	assert_int_equal(COMMAND(class, set, 0x82), VIRTIO_NET_ERR);
	assert_int_equal(net_tun_offloads(1ULL << VIRTIO_NET_F_GUEST_CSUM |
					  1ULL << VIRTIO_NET_F_GUEST_USO4),
			 0x01); /* a tap has both kinds of USO, or none */
	finish();
}

/* The driver takes the receive queue back while frames wait, and sets it up anew. */
static void test_queue_reset(void **state)
{
	struct virtio_device *d = &f.net.card.device;

	(void)state;
	make(1);
	start(1ULL << VIRTIO_F_RING_RESET);
	offer_buffer(0, 2048);
	offer_buffer(1, 2048);
	arrive(100);
	net_rx_ready(&f.net.pair[0]);
	assert_frame(100, 1);
	virtio_reset_queue(d, RX);
	assert_false(d->queue[RX].ring.state.enabled);
	assert_int_equal(f.net.pair[0].polled, 0);
	arrive(300);
	virtio_reset_queue(d, TX);
	driver_queue_init(&f.dq[RX], &f.driver, &d->queue[RX].ring, SIZE);
	virtio_enable_queue(d, RX);
	assert_int_equal(f.net.pair[0].polled, EPOLLIN);
	offer_buffer(0, 2048);
	net_rx_ready(&f.net.pair[0]);
	assert_frame(300, 1);
	assert_true(d->running);
	finish();
}

static void test_features(void **state)
{
	struct virtio_device *d = &f.net.card.device;

	(void)state;
	make(1);
	assert_false(d->offered >> VIRTIO_NET_F_MQ & 1);
	d->accepted = d->offered & ~(1ULL << VIRTIO_F_VERSION_1); /* a legacy driver */
	virtio_set_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	assert_false(d->status & VIRTIO_CONFIG_S_FEATURES_OK);
	d->accepted = d->offered | 1ULL << 45; /* what was not offered */
	virtio_set_status(d, VIRTIO_CONFIG_S_FEATURES_OK);
	assert_false(d->status & VIRTIO_CONFIG_S_FEATURES_OK);
	virtio_set_status(d, VIRTIO_CONFIG_S_DRIVER_OK);
	assert_false(d->running);
	assert_true(d->status & VIRTIO_CONFIG_S_NEEDS_RESET);
	finish();
}

/* The tap goes away under us: the link goes down, and nothing spins. */
static void test_tap_gone(void **state)
{
	(void)state;
	make(1);
	start(0);
	offer_buffer(0, 2048);
	shutdown(f.net.pair[0].fd, SHUT_RDWR);
	net_rx_ready(&f.net.pair[0]);
	assert_int_equal(f.net.card.config.status, 0);
	assert_int_equal(f.net.pair[0].polled, 0);
	assert_int_equal(driver_config_signals, 1);
	finish();
}

/* One frame a second, with none saved up: the second waits in the tap, and its turn comes. */
static void test_receive_limited(void **state)
{
	(void)state;
	make(1);
	start(0);
	offer_buffer(0, 2048);
	offer_buffer(1, 2048);
	offer_buffer(2, 2048);
	assert_int_equal(limits_set(&f.net.limits, "rx-packets", 1), 0);
	arrive(100);
	arrive(200);
	net_rx_ready(&f.net.pair[0]);
	assert_frame(100, 1);
	assert_int_equal(f.net.pair[0].polled, 0);
	assert_true(f.net.pair[0].limited[LIMIT_IN]);
	assert_int_equal(limits_set(&f.net.limits, "rx-packets", 0), 0);
	f.net.limits.resume(f.net.limits.owner, LIMIT_IN);
	assert_frame(200, 1);
	assert_int_equal(f.net.pair[0].polled, EPOLLIN);
	finish();
}

/* What the guest sends waits in its ring, which is not published: it fills up. */
static void test_transmit_limited(void **state)
{
	uint8_t frame[HEADER + 100];
	uint32_t id, len;

	(void)state;
	make(1);
	start(0);
	assert_int_equal(limits_set(&f.net.limits, "tx-bytes", 100), 0);
	for (uint16_t i = 0; i < 2; i++) {
		uint64_t gpa = driver_alloc(&f.driver, sizeof(frame), 8);

		driver_describe(&f.dq[TX], i, gpa, sizeof(frame), 0, 0);
		driver_offer(&f.dq[TX], i);
	}
	kick(TX);
	assert_true(driver_take(&f.dq[TX], &id, &len));
	assert_false(driver_take(&f.dq[TX], &id, &len));
	assert_int_equal(f.net.pair[0].tx_frames, 1);
	kick(TX);
	assert_int_equal(f.net.pair[0].tx_frames, 1);
	assert_int_equal(limits_set(&f.net.limits, "tx-bytes", 0), 0);
	f.net.limits.resume(f.net.limits.owner, LIMIT_OUT);
	assert_true(driver_take(&f.dq[TX], &id, &len));
	assert_int_equal(f.net.pair[0].tx_frames, 2);
	finish();
}

/* Offer a frame to send, and kick. */
static void send_one(uint16_t index)
{
	uint64_t gpa = driver_alloc(&f.driver, HEADER + 100, 8);

	driver_describe(&f.dq[TX], index, gpa, HEADER + 100, 0, 0);
	driver_offer(&f.dq[TX], index);
	kick(TX);
}

static void take_sent(uint16_t frames)
{
	uint32_t id, len;

	for (uint16_t i = 0; i < frames; i++)
		assert_true(driver_take(&f.dq[TX], &id, &len));
	driver_set_used_event(&f.dq[TX], f.dq[TX].next_used);
}

/* Two frames shortly after each other: how often they come is known from then on. */
static void start_sending(void)
{
	make(1);
	start(1ULL << VIRTIO_RING_F_EVENT_IDX);
	send_one(0);
	assert_int_equal(driver_queue_signals, 1); /* not known yet: at once */
	take_sent(1);
	send_one(1);
	take_sent(1);
	driver_queue_signals = 0;
	f.net.pair[0].sent.gap.usual_ns = 1000000;
}

/* Buffers come back at once, but a driver that finds them by itself is not interrupted. */
static void test_sent_spared(void **state)
{
	struct net_sent *s;

	(void)state;
	start_sending();
	s = &f.net.pair[0].sent;
	for (uint16_t i = 0; i < 8; i++) {
		send_one(i);
		assert_true(s->timer.due_ns > 0);
		s->gap.usual_ns = 1000000;
		take_sent(1);
	}
	assert_int_equal(driver_queue_signals, 0);
	assert_true(s->spared >= 7);
	assert_int_equal(s->waited, 0);
	finish();
}

/* One that does not come is interrupted, and the next time at once. */
static void test_sent_waited(void **state)
{
	struct net_sent *s;

	(void)state;
	start_sending();
	s = &f.net.pair[0].sent;
	send_one(2);
	send_one(3);
	assert_int_equal(driver_queue_signals, 0);
	loop_set_timer(f.loop, &s->timer, 0);
	s->timer.expired(&s->timer);
	assert_int_equal(driver_queue_signals, 1);
	assert_int_equal(s->waited, 1);
	take_sent(2);
	send_one(4);
	assert_int_equal(driver_queue_signals, 2);
	assert_int_equal(s->timer.due_ns, 0);
	finish();
}

/* However soon it would come: with a quarter of its ring back it is interrupted. */
static void test_sent_many(void **state)
{
	(void)state;
	start_sending();
	for (uint16_t i = 0; i < SIZE / 4 - 1; i++)
		send_one(i);
	assert_int_equal(driver_queue_signals, 0);
	send_one(SIZE / 4 - 1);
	assert_int_equal(driver_queue_signals, 1);
	assert_int_equal(f.net.pair[0].sent.timer.due_ns, 0);
	finish();
}

/* An interrupt that waits is not forgotten when the queue is taken away alone. */
static void test_sent_stopped(void **state)
{
	(void)state;
	start_sending();
	send_one(2);
	assert_int_equal(driver_queue_signals, 0);
	net_tx_stop(&f.net.pair[0]);
	assert_int_equal(driver_queue_signals, 1);
	assert_int_equal(f.net.pair[0].sent.timer.due_ns, 0);
	finish();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_receive),
		cmocka_unit_test(test_receive_scattered),
		cmocka_unit_test(test_receive_merged),
		cmocka_unit_test(test_receive_held),
		cmocka_unit_test(test_receive_too_long),
		cmocka_unit_test(test_receive_too_long_unmerged),
		cmocka_unit_test(test_receive_many),
		cmocka_unit_test(test_reset),
		cmocka_unit_test(test_receive_broken),
		cmocka_unit_test(test_receive_limited),
		cmocka_unit_test(test_transmit_limited),
		cmocka_unit_test(test_transmit),
		cmocka_unit_test(test_sent_spared),
		cmocka_unit_test(test_sent_waited),
		cmocka_unit_test(test_sent_many),
		cmocka_unit_test(test_sent_stopped),
		cmocka_unit_test(test_transmit_runt),
		cmocka_unit_test(test_transmit_blocked),
		cmocka_unit_test(test_multi_queue),
		cmocka_unit_test(test_control_filters),
		cmocka_unit_test(test_control_offloads),
		cmocka_unit_test(test_queue_reset),
		cmocka_unit_test(test_features),
		cmocka_unit_test(test_tap_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
