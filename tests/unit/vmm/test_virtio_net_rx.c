/*
 * The virtio network device receives: every byte must arrive, whatever the guest's buffers look
 * like.
 */
#include "tests/unit/vmm/cmocka.h"

#include <sys/epoll.h>

#include "tests/unit/vmm/net_card.h"

static struct net_card c;

static void test_receive(void **state)
{
	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 0);
	net_card_offer(&c, 0, 2048);
	net_card_arrive(&c, 100);
	net_rx_ready(&c.net.pair[0]);
	net_card_expect(&c, 100, 1);
	assert_int_equal(driver_queue_signals, 1);
	assert_int_equal(c.net.pair[0].rx_frames, 1);
	assert_int_equal(c.net.pair[0].rx_bytes, 100);
	net_card_free(&c);
}

/* Header and data may be cut anywhere (2.7.4): a chain of small pieces. */
static void test_receive_scattered(void **state)
{
	uint64_t gpa;
	uint32_t id, len;

	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 0);
	gpa = driver_alloc(&c.driver, 4096, 8);
	driver_describe(&c.dq[NET_RX], 0, gpa, 5, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT, 1);
	driver_describe(&c.dq[NET_RX], 1, gpa + 5, 6, VRING_DESC_F_WRITE | VRING_DESC_F_NEXT,
			2);
	driver_describe(&c.dq[NET_RX], 2, gpa + 11, 2000, VRING_DESC_F_WRITE, 0);
	driver_offer(&c.dq[NET_RX], 0);
	net_card_arrive(&c, 300);
	net_rx_ready(&c.net.pair[0]);
	assert_true(driver_take(&c.dq[NET_RX], &id, &len));
	assert_int_equal(len, NET_HEADER_BYTES + 300);
	assert_int_equal(((uint8_t *)driver_host(&c.driver, gpa))[10], 1); /* num_buffers */
	for (size_t i = 0; i < 300; i++)
		assert_int_equal(((uint8_t *)driver_host(&c.driver, gpa))[NET_HEADER_BYTES + i],
				 net_card_pattern(i));
	net_card_free(&c);
}

static void test_receive_merged(void **state)
{
	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	for (uint16_t i = 0; i < 8; i++)
		net_card_offer(&c, i, 100);
	net_card_arrive(&c, 400);
	net_rx_ready(&c.net.pair[0]);
	net_card_expect(&c, 400, 5); /* 412 bytes in buffers of 100 */
	net_card_arrive(&c, 88);
	net_rx_ready(&c.net.pair[0]);
	net_card_expect(&c, 88, 1); /* exactly one */
	net_card_free(&c);
}

/* The frame is longer than the buffers there are: it waits for more, nothing is lost. */
static void test_receive_held(void **state)
{
	struct net_pair *p;

	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	p = &c.net.pair[0];
	net_card_offer(&c, 0, 100);
	net_card_offer(&c, 1, 100);
	net_card_arrive(&c, 900);
	net_card_arrive(&c, 50);
	net_rx_ready(p);
	net_card_expect(&c, 0, 0);
	assert_true(p->starved);
	assert_int_equal(p->polled, 0);
	for (uint16_t i = 2; i < 10; i++)
		net_card_offer(&c, i, 100);
	net_card_kick(&c, NET_RX);
	net_card_expect(&c, 900, 10);
	assert_true(p->starved); /* the second frame is still out there */
	net_card_offer(&c, 0, 100);
	net_card_kick(&c, NET_RX);
	net_card_expect(&c, 50, 1);
	assert_int_equal(p->rx_dropped, 0);
	net_card_free(&c);
}

/* Longer than all the buffers a ring can hold: dropped and counted, the next one comes. */
static void test_receive_too_long(void **state)
{
	struct net_pair *p;

	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	p = &c.net.pair[0];
	for (uint16_t i = 0; i < NET_CARD_RING; i++)
		net_card_offer(&c, i, 20);
	net_card_arrive(&c, 2000);
	net_card_arrive(&c, 50);
	net_rx_ready(p);
	net_card_expect(&c, 50, 4);
	assert_int_equal(p->rx_dropped, 1);
	net_card_free(&c);
}

static void test_receive_too_long_unmerged(void **state)
{
	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 0);
	net_card_offer(&c, 0, 200);
	net_card_arrive(&c, 200);
	net_card_arrive(&c, 188);
	net_rx_ready(&c.net.pair[0]);
	net_card_expect(&c, 188, 1);
	assert_int_equal(c.net.pair[0].rx_dropped, 1);
	net_card_free(&c);
}

/* 64 KiB segments, and a window that wraps and compacts, for many frames. */
static void test_receive_many(void **state)
{
	const size_t lengths[] = {60, 65000, 1500, 3000, 1, 20000, 1514};

	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 1ULL << VIRTIO_NET_F_MRG_RXBUF | 1ULL << VIRTIO_NET_F_GUEST_TSO4);
	for (uint16_t i = 0; i < NET_CARD_RING; i++)
		net_card_offer(&c, i, 6000);
	for (size_t i = 0; i < 5000; i++) {
		size_t bytes = lengths[i % 7];
		uint16_t used = c.dq[NET_RX].next_used;

		net_card_arrive(&c, bytes);
		net_rx_ready(&c.net.pair[0]);
		net_card_expect(&c, bytes,
				(unsigned int)((bytes + NET_HEADER_BYTES + 5999) / 6000));
		for (; used != c.dq[NET_RX].next_used; used++) /* offer them again */
			driver_offer(
				&c.dq[NET_RX],
				(uint16_t)c.dq[NET_RX].used->ring[used % NET_CARD_RING].id);
		net_card_kick(&c, NET_RX);
	}
	assert_int_equal(c.net.pair[0].rx_frames, 5000);
	assert_int_equal(c.net.pair[0].rx_dropped, 0);
	net_card_free(&c);
}

/* A receive buffer that cannot be written breaks the device, until it is reset. */
static void test_receive_broken(void **state)
{
	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 0);
	driver_describe(&c.dq[NET_RX], 0, 4096, 2048, 0, 0);
	driver_offer(&c.dq[NET_RX], 0);
	net_card_arrive(&c, 100);
	net_rx_ready(&c.net.pair[0]);
	assert_true(c.net.card.device.status & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(driver_config_signals, 1);
	assert_int_equal(c.net.pair[0].polled, 0); /* and does not spin */
	assert_int_equal(c.net.card.device.broken, 1);
	virtio_set_status(&c.net.card.device, 0);
	net_card_start(&c, 0);
	net_card_free(&c);
}

/* One frame a second, with none saved up: the second waits in the tap, and its turn comes. */
static void test_receive_limited(void **state)
{
	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 0);
	net_card_offer(&c, 0, 2048);
	net_card_offer(&c, 1, 2048);
	net_card_offer(&c, 2, 2048);
	assert_int_equal(limits_set(&c.net.limits, "rx-packets", 1), 0);
	net_card_arrive(&c, 100);
	net_card_arrive(&c, 200);
	net_rx_ready(&c.net.pair[0]);
	net_card_expect(&c, 100, 1);
	assert_int_equal(c.net.pair[0].polled, 0);
	assert_true(c.net.pair[0].limited[LIMIT_IN]);
	assert_int_equal(limits_set(&c.net.limits, "rx-packets", 0), 0);
	c.net.limits.resume(c.net.limits.owner, LIMIT_IN);
	net_card_expect(&c, 200, 1);
	assert_int_equal(c.net.pair[0].polled, EPOLLIN);
	net_card_free(&c);
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
		cmocka_unit_test(test_receive_broken),
		cmocka_unit_test(test_receive_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
