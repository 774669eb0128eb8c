/*
 * The virtio network device as such: features, resets, what its control queue is told, and the
 * loss of its tap. What moves frames is in test_virtio_net_rx.c and test_virtio_net_tx.c.
 */
#include "tests/unit/vmm/cmocka.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/unit/vmm/net_card.h"

static struct net_card c;

static void test_features(void **state)
{
	struct virtio_device *d = &c.net.card.device;

	(void)state;
	net_card_make(&c, 1);
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
	net_card_free(&c);
}

/* A driver that goes away gets its unused buffers back, and can start again. */
static void test_reset(void **state)
{
	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	for (uint16_t i = 0; i < 4; i++)
		net_card_offer(&c, i, 1000);
	net_card_arrive(&c, 10);
	net_rx_ready(&c.net.pair[0]);
	assert_int_equal(c.net.card.device.queue[NET_RX].ring.state.next_available, 4);
	c.net.card.device.ops->stop(&c.net.card.device); /* as for a pause */
	assert_int_equal(c.net.card.device.queue[NET_RX].ring.state.next_available, 1);
	assert_int_equal(c.net.pair[0].polled, 0);
	virtio_set_status(&c.net.card.device, 0);
	assert_int_equal(c.net.card.device.status, 0);
	assert_false(c.net.card.device.queue[NET_RX].ring.state.enabled);
	net_card_start(&c, 0);
	net_card_offer(&c, 0, 2048);
	net_card_arrive(&c, 100);
	net_rx_ready(&c.net.pair[0]);
	net_card_expect(&c, 100, 1);
	net_card_free(&c);
}

/* The driver takes the receive queue back while frames wait, and sets it up anew. */
static void test_queue_reset(void **state)
{
	struct virtio_device *d = &c.net.card.device;

	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 1ULL << VIRTIO_F_RING_RESET);
	net_card_offer(&c, 0, 2048);
	net_card_offer(&c, 1, 2048);
	net_card_arrive(&c, 100);
	net_rx_ready(&c.net.pair[0]);
	net_card_expect(&c, 100, 1);
	virtio_reset_queue(d, NET_RX);
	assert_false(d->queue[NET_RX].ring.state.enabled);
	assert_int_equal(c.net.pair[0].polled, 0);
	net_card_arrive(&c, 300);
	virtio_reset_queue(d, NET_TX);
	driver_queue_init(&c.dq[NET_RX], &c.driver, &d->queue[NET_RX].ring, NET_CARD_RING);
	virtio_enable_queue(d, NET_RX);
	assert_int_equal(c.net.pair[0].polled, EPOLLIN);
	net_card_offer(&c, 0, 2048);
	net_rx_ready(&c.net.pair[0]);
	net_card_expect(&c, 300, 1);
	assert_true(d->running);
	net_card_free(&c);
}

static uint8_t control(uint8_t class, uint8_t cmd, uint16_t value, uint32_t bytes)
{
	const uint8_t command[] = {class, cmd, (uint8_t)value, (uint8_t)(value >> 8)};
	uint64_t gpa = driver_alloc(&c.driver, 8, 8);
	uint32_t id, len;

	memcpy(driver_host(&c.driver, gpa), command, sizeof(command));
	((uint8_t *)driver_host(&c.driver, gpa))[4] = 0xff;
	driver_describe(&c.dq[NET_CTRL], 0, gpa, bytes, VRING_DESC_F_NEXT, 1);
	driver_describe(&c.dq[NET_CTRL], 1, gpa + 4, 1, VRING_DESC_F_WRITE, 0);
	driver_offer(&c.dq[NET_CTRL], 0);
	net_card_kick(&c, NET_CTRL);
	assert_true(driver_take(&c.dq[NET_CTRL], &id, &len));
	assert_int_equal(len, 1);
	return ((uint8_t *)driver_host(&c.driver, gpa))[4];
}

static void test_multi_queue(void **state)
{
	const uint8_t set = VIRTIO_NET_CTRL_MQ_VQ_PAIRS_SET;

	(void)state;
	net_card_make(&c, 2);
	assert_int_equal(c.net.card.config.max_virtqueue_pairs, 2);
	net_card_start(&c, 1ULL << VIRTIO_NET_F_CTRL_VQ | 1ULL << VIRTIO_NET_F_MQ);
	assert_int_equal(c.net.card.active_pairs, 1);
	assert_int_equal(c.net.pair[1].polled, 0);
	assert_int_equal(control(VIRTIO_NET_CTRL_MQ, set, 2, 4), VIRTIO_NET_OK);
	assert_int_equal(c.net.card.active_pairs, 2);
	assert_int_equal(c.net.pair[1].polled, EPOLLIN);
	assert_int_equal(control(VIRTIO_NET_CTRL_MQ, set, 3, 4), VIRTIO_NET_ERR);
	assert_int_equal(control(VIRTIO_NET_CTRL_MQ, set, 0, 4), VIRTIO_NET_ERR);
	assert_int_equal(control(VIRTIO_NET_CTRL_MQ, set, 1, 3), VIRTIO_NET_ERR); /* cut */
	assert_int_equal(control(VIRTIO_NET_CTRL_MAC, 0, 1, 4), VIRTIO_NET_ERR);
	assert_int_equal(c.net.card.active_pairs, 2);
	assert_int_equal(control(VIRTIO_NET_CTRL_MQ, set, 1, 4), VIRTIO_NET_OK);
	assert_int_equal(c.net.pair[1].polled, 0);
	assert_int_equal(c.net.card.control_commands, 6);
	assert_int_equal(c.net.card.control_refused, 4);
	net_card_free(&c);
}

static uint8_t command(const void *bytes, uint32_t count)
{
	uint64_t gpa = driver_alloc(&c.driver, count + 1, 8);
	uint32_t id, len;

	memcpy(driver_host(&c.driver, gpa), bytes, count);
	driver_describe(&c.dq[NET_CTRL_OF_ONE], 0, gpa, count, VRING_DESC_F_NEXT, 1);
	driver_describe(&c.dq[NET_CTRL_OF_ONE], 1, gpa + count, 1, VRING_DESC_F_WRITE, 0);
	driver_offer(&c.dq[NET_CTRL_OF_ONE], 0);
	net_card_kick(&c, NET_CTRL_OF_ONE);
	assert_true(driver_take(&c.dq[NET_CTRL_OF_ONE], &id, &len));
	return ((uint8_t *)driver_host(&c.driver, gpa))[count];
}

#define COMMAND(...) \
	command((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

/* What is acknowledged is done, or needs no doing. */
static void test_control_filters(void **state)
{
	enum { RX_MODE = VIRTIO_NET_CTRL_RX, MAC = VIRTIO_NET_CTRL_MAC };
	const uint8_t own[] = {0x52, 0x54, 0, 0xaa, 0xbb, 0xcc};

	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 1ULL << VIRTIO_NET_F_CTRL_VQ | 1ULL << VIRTIO_NET_F_CTRL_RX |
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
	assert_memory_equal(c.net.card.config.mac, net_card_address, ETH_ALEN);
	assert_int_equal(COMMAND(MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, own[0], own[1], own[2],
				 own[3], own[4], own[5]),
			 VIRTIO_NET_OK);
	assert_memory_equal(c.net.card.config.mac, own, ETH_ALEN);
	assert_int_equal(COMMAND(MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, 1, 0, 0, 0, 0, 0),
			 VIRTIO_NET_ERR);     /* a group's */
	c.net.card.link.fixed_address = true; /* a macvtap */
	assert_int_equal(COMMAND(MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, own[0], own[1], own[2],
				 own[3], own[4], own[5]),
			 VIRTIO_NET_ERR);
	assert_int_equal(COMMAND(RX_MODE, VIRTIO_NET_CTRL_RX_PROMISC, 0), VIRTIO_NET_ERR);
	virtio_set_status(&c.net.card.device, 0);
	assert_memory_equal(c.net.card.config.mac, net_card_address, ETH_ALEN);
	net_card_free(&c);
}

static void test_control_offloads(void **state)
{
	const uint8_t class = VIRTIO_NET_CTRL_GUEST_OFFLOADS;
	const uint8_t set = VIRTIO_NET_CTRL_GUEST_OFFLOADS_SET;

	(void)state;
	net_card_make(&c, 1);
	net_card_start(
		&c, 1ULL << VIRTIO_NET_F_CTRL_VQ | 1ULL << VIRTIO_NET_F_CTRL_GUEST_OFFLOADS |
			    1ULL << VIRTIO_NET_F_GUEST_CSUM | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	assert_int_equal(COMMAND(class, set, 0, 0, 0, 0, 0, 0, 0, 0), VIRTIO_NET_OK);
	assert_int_equal(COMMAND(class, set, 0x82, 0, 0, 0, 0, 0, 0, 0), VIRTIO_NET_OK);
	assert_int_equal(COMMAND(class, set, 0x82, 1, 0, 0, 0, 0, 0, 0), VIRTIO_NET_ERR);
	assert_int_equal(COMMAND(class, set, 0x82), VIRTIO_NET_ERR);
	assert_int_equal(net_tun_offloads(1ULL << VIRTIO_NET_F_GUEST_CSUM |
					  1ULL << VIRTIO_NET_F_GUEST_USO4),
			 0x01); /* a tap has both kinds of USO, or none */
	net_card_free(&c);
}

/* The tap goes away under us: the link goes down, and nothing spins. */
static void test_tap_gone(void **state)
{
	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 0);
	net_card_offer(&c, 0, 2048);
	shutdown(c.net.pair[0].fd, SHUT_RDWR);
	net_rx_ready(&c.net.pair[0]);
	assert_int_equal(c.net.card.config.status, 0);
	assert_int_equal(c.net.pair[0].polled, 0);
	assert_int_equal(driver_config_signals, 1);
	net_card_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_features),        cmocka_unit_test(test_reset),
		cmocka_unit_test(test_queue_reset),     cmocka_unit_test(test_multi_queue),
		cmocka_unit_test(test_control_filters), cmocka_unit_test(test_control_offloads),
		cmocka_unit_test(test_tap_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
