/*
 * The virtio network device sends: every frame goes out as it was given, and the driver is told
 * of it when it must be, not more often.
 */
#include "tests/unit/vmm/cmocka.h"

#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "tests/unit/vmm/net_card.h"

static struct net_card c;

static size_t sent(uint8_t *out, size_t room)
{
	ssize_t n = recv(c.wire[0], out, room, MSG_DONTWAIT);

	return n < 0 ? 0 : (size_t)n;
}

/* Send a frame cut into pieces; the header's fields must come through untouched. */
static void transmit(size_t bytes, uint32_t piece)
{
	uint64_t gpa = driver_alloc(&c.driver, NET_HEADER_BYTES + bytes, 8);
	uint8_t *host = driver_host(&c.driver, gpa);
	size_t total = NET_HEADER_BYTES + bytes;
	uint16_t index = 0;

	memset(host, 0, NET_HEADER_BYTES);
	host[0] = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	for (size_t i = 0; i < bytes; i++)
		host[NET_HEADER_BYTES + i] = net_card_pattern(i);
	for (size_t at = 0; at < total; at += piece, index++) {
		uint32_t len = total - at < piece ? (uint32_t)(total - at) : piece;

		driver_describe(&c.dq[NET_TX], index, gpa + at, len,
				at + len < total ? VRING_DESC_F_NEXT : 0, index + 1);
	}
	driver_offer(&c.dq[NET_TX], 0);
}

static void test_transmit(void **state)
{
	const uint32_t pieces[] = {2000, 12, 13, 7};
	uint8_t out[2048];
	uint32_t id, len;

	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 0);
	for (size_t i = 0; i < 4; i++) {
		transmit(80, pieces[i]);
		net_card_kick(&c, NET_TX);
		assert_int_equal(sent(out, sizeof(out)), NET_HEADER_BYTES + 80);
		assert_int_equal(out[0], VIRTIO_NET_HDR_F_NEEDS_CSUM);
		for (size_t j = 0; j < 80; j++)
			assert_int_equal(out[NET_HEADER_BYTES + j], net_card_pattern(j));
		assert_true(driver_take(&c.dq[NET_TX], &id, &len));
		assert_int_equal(len, 0);
	}
	assert_int_equal(c.net.pair[0].tx_frames, 4);
	assert_int_equal(c.net.pair[0].tx_bytes, 4 * 80);
	net_card_free(&c);
}

/* What is no frame is dropped and given back, and breaks nothing. */
static void test_transmit_runt(void **state)
{
	uint32_t id, len;

	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 0);
	driver_describe(&c.dq[NET_TX], 0, 4096, NET_HEADER_BYTES, 0, 0);
	driver_offer(&c.dq[NET_TX], 0);
	driver_describe(&c.dq[NET_TX], 1, 4096, 100, VRING_DESC_F_WRITE, 0);
	driver_offer(&c.dq[NET_TX], 1);
	net_card_kick(&c, NET_TX);
	assert_true(driver_take(&c.dq[NET_TX], &id, &len));
	assert_true(driver_take(&c.dq[NET_TX], &id, &len));
	assert_int_equal(c.net.pair[0].tx_dropped, 2);
	assert_true(c.net.card.device.running);
	net_card_free(&c);
}

/* The tap is full: the frame stays the guest's until the tap takes it. */
static void test_transmit_blocked(void **state)
{
	uint8_t out[2048];
	unsigned int got = 0;
	uint32_t id, len;
	int given = 0;

	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 0);
	while (!c.net.pair[0].tx_blocked && given < 10000) {
		c.driver.next = 256 << 10;
		transmit(1000, 2000);
		net_card_kick(&c, NET_TX);
		while (driver_take(&c.dq[NET_TX], &id, &len))
			given++;
	}
	assert_int_equal(c.net.pair[0].tx_blocked, 1);
	assert_int_equal(c.net.pair[0].polled, EPOLLIN | EPOLLOUT);
	while (sent(out, sizeof(out)))
		got++;
	assert_int_equal(got, given);
	c.net.pair[0].tap.ready(&c.net.pair[0].tap, EPOLLOUT);
	assert_int_equal(sent(out, sizeof(out)), NET_HEADER_BYTES + 1000);
	assert_true(driver_take(&c.dq[NET_TX], &id, &len));
	assert_int_equal(c.net.pair[0].polled, EPOLLIN);
	assert_int_equal(c.net.pair[0].tx_dropped, 0);
	net_card_free(&c);
}

/* What the guest sends waits in its ring, which is not published: it fills up. */
static void test_transmit_limited(void **state)
{
	uint8_t frame[NET_HEADER_BYTES + 100];
	uint32_t id, len;

	(void)state;
	net_card_make(&c, 1);
	net_card_start(&c, 0);
	assert_int_equal(limits_set(&c.net.limits, "tx-bytes", 100), 0);
	for (uint16_t i = 0; i < 2; i++) {
		uint64_t gpa = driver_alloc(&c.driver, sizeof(frame), 8);

		driver_describe(&c.dq[NET_TX], i, gpa, sizeof(frame), 0, 0);
		driver_offer(&c.dq[NET_TX], i);
	}
	net_card_kick(&c, NET_TX);
	assert_true(driver_take(&c.dq[NET_TX], &id, &len));
	assert_false(driver_take(&c.dq[NET_TX], &id, &len));
	assert_int_equal(c.net.pair[0].tx_frames, 1);
	net_card_kick(&c, NET_TX);
	assert_int_equal(c.net.pair[0].tx_frames, 1);
	assert_int_equal(limits_set(&c.net.limits, "tx-bytes", 0), 0);
	c.net.limits.resume(c.net.limits.owner, LIMIT_OUT);
	assert_true(driver_take(&c.dq[NET_TX], &id, &len));
	assert_int_equal(c.net.pair[0].tx_frames, 2);
	net_card_free(&c);
}

/* Offer a frame to send, and kick. */
static void send_one(uint16_t index)
{
	uint64_t gpa = driver_alloc(&c.driver, NET_HEADER_BYTES + 100, 8);

	driver_describe(&c.dq[NET_TX], index, gpa, NET_HEADER_BYTES + 100, 0, 0);
	driver_offer(&c.dq[NET_TX], index);
	net_card_kick(&c, NET_TX);
}

static void take_sent(uint16_t frames)
{
	uint32_t id, len;

	for (uint16_t i = 0; i < frames; i++)
		assert_true(driver_take(&c.dq[NET_TX], &id, &len));
	driver_set_used_event(&c.dq[NET_TX], c.dq[NET_TX].next_used);
}

/* Two frames shortly after each other: how often they come is known from then on. */
static void start_sending(void)
{
	net_card_make(&c, 1);
	net_card_start(&c, 1ULL << VIRTIO_RING_F_EVENT_IDX);
	send_one(0);
	assert_int_equal(driver_queue_signals, 1); /* not known yet: at once */
	take_sent(1);
	send_one(1);
	take_sent(1);
	driver_queue_signals = 0;
	c.net.pair[0].sent.gap.usual_ns = 1000000;
}

/* Buffers come back at once, but a driver that finds them by itself is not interrupted. */
static void test_sent_spared(void **state)
{
	struct net_sent *s;

	(void)state;
	start_sending();
	s = &c.net.pair[0].sent;
	for (uint16_t i = 0; i < 8; i++) {
		send_one(i);
		assert_true(s->timer.due_ns > 0);
		s->gap.usual_ns = 1000000;
		take_sent(1);
	}
	assert_int_equal(driver_queue_signals, 0);
	assert_true(s->spared >= 7);
	assert_int_equal(s->waited, 0);
	net_card_free(&c);
}

/* One that does not come is interrupted, and the next time at once. */
static void test_sent_waited(void **state)
{
	struct net_sent *s;

	(void)state;
	start_sending();
	s = &c.net.pair[0].sent;
	send_one(2);
	send_one(3);
	assert_int_equal(driver_queue_signals, 0);
	loop_set_timer(c.loop, &s->timer, 0);
	s->timer.expired(&s->timer);
	assert_int_equal(driver_queue_signals, 1);
	assert_int_equal(s->waited, 1);
	take_sent(2);
	send_one(4);
	assert_int_equal(driver_queue_signals, 2);
	assert_int_equal(s->timer.due_ns, 0);
	net_card_free(&c);
}

/* However soon it would come: with a quarter of its ring back it is interrupted. */
static void test_sent_many(void **state)
{
	(void)state;
	start_sending();
	for (uint16_t i = 0; i < NET_CARD_RING / 4 - 1; i++)
		send_one(i);
	assert_int_equal(driver_queue_signals, 0);
	send_one(NET_CARD_RING / 4 - 1);
	assert_int_equal(driver_queue_signals, 1);
	assert_int_equal(c.net.pair[0].sent.timer.due_ns, 0);
	net_card_free(&c);
}

/* An interrupt that waits is not forgotten when the queue is taken away alone. */
static void test_sent_stopped(void **state)
{
	(void)state;
	start_sending();
	send_one(2);
	assert_int_equal(driver_queue_signals, 0);
	net_tx_stop(&c.net.pair[0]);
	assert_int_equal(driver_queue_signals, 1);
	assert_int_equal(c.net.pair[0].sent.timer.due_ns, 0);
	net_card_free(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transmit),
		cmocka_unit_test(test_transmit_runt),
		cmocka_unit_test(test_transmit_blocked),
		cmocka_unit_test(test_transmit_limited),
		cmocka_unit_test(test_sent_spared),
		cmocka_unit_test(test_sent_waited),
		cmocka_unit_test(test_sent_many),
		cmocka_unit_test(test_sent_stopped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
