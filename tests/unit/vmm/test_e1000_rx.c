/* The 82540EM receives: every frame that is for it arrives whole, whatever the ring looks like.
 */
#include "tests/unit/vmm/cmocka.h"

#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/unit/vmm/card.h"
#include "tests/unit/vmm/fake_pci.h"

static struct card c;
static uint8_t frame[17000];

static int set_up(void **state)
{
	(void)state;
	fake_pci_reset();
	card_make(&c);
	card_start(&c);
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 31 + i / 256);
	memcpy(frame, c.e.link.mac, 6);
	frame[12] = 0x08;
	frame[13] = 0x00;
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	card_free(&c);
	return 0;
}

static void arrive(size_t bytes)
{
	card_arrive(&c, 0, frame, bytes);
}

/* Descriptor index is done, the last of a frame, and holds so many bytes of it from offset on.
 */
static void assert_part(unsigned int index, size_t offset, size_t bytes, size_t length)
{
	const struct rx_descriptor *d = &c.rx[index];

	assert_true(d->status & RXD_DD);
	assert_int_equal(d->length, length);
	assert_int_equal(d->errors, 0);
	assert_memory_equal(driver_host(&c.driver, c.buffers_gpa + index * CARD_BUFFER),
			    frame + offset, bytes);
}

static void test_one(void **state)
{
	(void)state;
	card_set(&c, REG_IMS, INT_RXT0);
	card_offer(&c, 8);
	arrive(1000);
	assert_part(0, 0, 1000, 1004);
	assert_int_equal(c.rx[0].status, RXD_DD | RXD_EOP | RXD_IXSM);
	assert_int_equal(card_get(&c, REG_RDH), 1);
	assert_int_equal(c.rx[1].status, 0);
	assert_true(fake_pci.intx_level);
	assert_int_equal(card_get(&c, REG_ICR), INT_RXT0);
	assert_int_equal(c.e.rx.frames, 1);
	assert_int_equal(c.e.rx.bytes, 1000);
	/* Without its check sequence. */
	card_set(&c, REG_RCTL, RCTL_EN | RCTL_SECRC);
	arrive(1000);
	assert_part(1, 0, 1000, 1000);
}

static void test_short(void **state)
{
	static const uint8_t zeros[46];

	(void)state;
	card_offer(&c, 1);
	arrive(14);
	assert_part(0, 0, 14, 64);
	assert_memory_equal(driver_host(&c.driver, c.buffers_gpa + 14), zeros, 46);
}

static void test_many(void **state)
{
	(void)state;
	for (unsigned int i = 0; i < 10 * CARD_RING; i++) {
		unsigned int index = i % CARD_RING;

		c.rx[index] =
			(struct rx_descriptor){.address = c.buffers_gpa + index * CARD_BUFFER};
		card_set(&c, REG_RDT, (index + 1) % CARD_RING);
		frame[100] = (uint8_t)i;
		arrive(60 + i);
		assert_part(index, 0, 60 + i, 64 + i);
	}
	assert_int_equal(c.e.rx.starvations, 0);
}

/* A checksum that the host has looked at, if the driver wants to know. */
static void test_checksum(void **state)
{
	(void)state;
	card_offer(&c, 4);
	card_arrive(&c, VIRTIO_NET_HDR_F_DATA_VALID, frame, 100);
	assert_int_equal(c.rx[0].status, RXD_DD | RXD_EOP | RXD_IXSM);
	card_set(&c, REG_RXCSUM, RXCSUM_TUOFL);
	card_arrive(&c, VIRTIO_NET_HDR_F_DATA_VALID, frame, 100);
	assert_int_equal(c.rx[1].status, RXD_DD | RXD_EOP | RXD_TCPCS);
	arrive(100);
	assert_int_equal(c.rx[2].status, RXD_DD | RXD_EOP | RXD_IXSM);
}

static void test_filtered(void **state)
{
	(void)state;
	card_offer(&c, 4);
	frame[0] = 0x33; /* a group that nobody asked for */
	arrive(100);
	assert_int_equal(c.e.rx.filtered, 1);
	card_set(&c, REG_MTA + ((frame[4] >> 4 | frame[5] << 4) & 0xfff) / 32 * 4, UINT32_MAX);
	arrive(100);
	assert_part(0, 0, 100, 104);
	assert_true(c.rx[0].status & RXD_PIF);
}

static void test_long(void **state)
{
	(void)state;
	card_offer(&c, 8);
	arrive(1519);
	assert_int_equal(c.e.rx.dropped, 1);
	assert_int_equal(card_get(&c, REG_STATISTICS + 0xac), 1);
	card_set(&c, REG_RCTL, RCTL_EN | RCTL_LPE);
	arrive(9014);
	for (unsigned int i = 0; i < 4; i++) {
		assert_part(i, i * 2048, 2048, 2048);
		assert_int_equal(c.rx[i].status, RXD_DD);
	}
	assert_part(4, 8192, 9014 - 8192, 9018 - 8192);
	assert_true(c.rx[4].status & RXD_EOP);
	arrive(16381);
	assert_int_equal(c.e.rx.dropped, 2);
}

static void test_buffer_sizes(void **state)
{
	static const struct {
		uint32_t rctl;
		size_t bytes;
	} rows[] = {
		{1u << RCTL_BSIZE_SHIFT, 1024},
		{2u << RCTL_BSIZE_SHIFT, 512},
		{3u << RCTL_BSIZE_SHIFT, 256},
		{3u << RCTL_BSIZE_SHIFT | RCTL_BSEX, 4096},
	};

	(void)state;
	card_offer(&c, CARD_RING - 1);
	for (unsigned int i = 0; i < 4; i++) {
		unsigned int head = card_get(&c, REG_RDH);

		card_set(&c, REG_RCTL, RCTL_EN | rows[i].rctl);
		arrive(1100);
		assert_int_equal(c.rx[head].length,
				 rows[i].bytes < 1104 ? rows[i].bytes : 1104);
	}
}

/* No descriptors: the tap is left alone until the tail moves, and nothing is lost. */
static void test_starved(void **state)
{
	(void)state;
	arrive(100);
	assert_true(c.e.rx.starved);
	assert_int_equal(c.e.rx.polled, 0);
	assert_int_equal(card_get(&c, REG_ICR), INT_RXO);
	frame[50] = 1;
	arrive(200);
	card_offer(&c, 1);
	card_turn(&c);
	frame[50] = (uint8_t)(50 * 31);
	assert_part(0, 0, 100, 104);
	assert_true(c.e.rx.starved);
	c.rx[1].address = c.buffers_gpa + CARD_BUFFER;
	card_set(&c, REG_RDT, 2);
	card_turn(&c);
	frame[50] = 1;
	assert_part(1, 0, 200, 204);
	assert_int_equal(c.e.rx.polled, EPOLLIN);
	assert_int_equal(c.e.rx.starvations, 2);
	assert_int_equal(card_get(&c, REG_STATISTICS + 0xa0), 2);
}

/* A limit of the card's own: the second frame waits in the tap. */
static void test_limited(void **state)
{
	(void)state;
	assert_int_equal(limits_set(&c.e.limits, "rx-packets", 1), 0);
	card_offer(&c, 2);
	arrive(100);
	assert_part(0, 0, 100, 104);
	arrive(200);
	assert_int_equal(c.rx[1].status, 0);
	assert_true(c.e.rx.limited);
	assert_int_equal(c.e.rx.polled, 0);
	assert_int_equal(limits_set(&c.e.limits, "rx-packets", 0), 0);
	c.e.limits.resume(&c.e, LIMIT_IN);
	assert_part(1, 0, 200, 204);
	assert_int_equal(c.e.rx.polled, EPOLLIN);
}

/* A frame of five buffers, when there are three. */
static void test_starved_in_part(void **state)
{
	(void)state;
	card_set(&c, REG_RCTL, RCTL_EN | RCTL_LPE);
	card_offer(&c, 3);
	arrive(9014);
	assert_int_equal(c.rx[0].status, 0);
	card_offer(&c, 4); /* still not */
	card_turn(&c);
	assert_int_equal(c.rx[0].status, 0);
	card_offer(&c, 5);
	card_turn(&c);
	assert_part(0, 0, 2048, 2048);
	assert_part(4, 8192, 9014 - 8192, 9018 - 8192);
	assert_int_equal(c.e.rx.starvations, 1);
}

/* A frame that no ring of this length can hold is lost, and does not stand in others' way. */
static void test_longer_than_the_ring(void **state)
{
	(void)state;
	card_set(&c, REG_RCTL, RCTL_EN | RCTL_LPE | 3u << RCTL_BSIZE_SHIFT);
	card_offer(&c, CARD_RING - 1);
	arrive(CARD_RING * 256);
	assert_int_equal(c.e.rx.dropped, 1);
	arrive(100);
	assert_part(0, 0, 100, 104);
}

/* Receiving is switched off between a frame's reading and its delivery. */
static void test_switched_off(void **state)
{
	(void)state;
	arrive(100);
	assert_true(c.e.rx.held);
	card_offer(&c, 4);
	card_set(&c, REG_RCTL, 0);
	card_turn(&c);
	assert_int_equal(c.rx[0].status, 0);
	assert_int_equal(c.e.rx.dropped, 1);
}

static void test_threshold(void **state)
{
	(void)state;
	card_offer(&c, 9); /* half of sixteen is eight */
	arrive(100);
	assert_int_equal(card_get(&c, REG_ICR), INT_RXT0 | INT_RXDMT0);
	arrive(100);
	assert_int_equal(card_get(&c, REG_ICR), INT_RXT0);
	card_set(&c, REG_RCTL, RCTL_EN | 2 << RCTL_RDMTS_SHIFT); /* an eighth is two */
	for (int i = 0; i < 4; i++)
		arrive(100);
	assert_int_equal(card_get(&c, REG_ICR), INT_RXT0);
	arrive(100);
	assert_int_equal(card_get(&c, REG_ICR), INT_RXT0 | INT_RXDMT0);
}

static void test_tag(void **state)
{
	(void)state;
	card_offer(&c, 4);
	frame[12] = 0x81;
	frame[13] = 0x00;
	frame[14] = 0x60;
	frame[15] = 0x64;
	arrive(100);
	assert_part(0, 0, 100, 104);
	assert_false(c.rx[0].status & RXD_VP);
	card_set(&c, REG_CTRL, CTRL_SLU | CTRL_VME);
	arrive(100);
	assert_true(c.rx[1].status & RXD_VP);
	assert_int_equal(c.rx[1].special, 0x6064);
	assert_int_equal(c.rx[1].length, 100);
	assert_memory_equal(driver_host(&c.driver, c.buffers_gpa + CARD_BUFFER), frame, 12);
	assert_memory_equal(driver_host(&c.driver, c.buffers_gpa + CARD_BUFFER + 12),
			    frame + 16, 84);
	/* One that had to wait is stripped once. */
	card_set(&c, REG_RDT, 2);
	arrive(100);
	card_offer(&c, 4);
	card_turn(&c);
	assert_int_equal(c.rx[2].length, 100);
	assert_int_equal(c.rx[2].special, 0x6064);
}

static void test_bad_buffer(void **state)
{
	(void)state;
	card_offer(&c, 4);
	c.rx[0].address = DRIVER_MEMORY - 50;
	c.rx[1].address = UINT64_MAX;
	arrive(100);
	arrive(100);
	arrive(100);
	assert_int_equal(c.rx[0].errors, RXD_ERROR_RXE);
	assert_int_equal(c.rx[1].errors, RXD_ERROR_RXE);
	assert_true(c.rx[1].status & RXD_DD);
	assert_part(2, 0, 100, 104);
	assert_int_equal(c.e.rx.bad_descriptors, 2);
}

static void test_bad_rings(void **state)
{
	(void)state;
	card_offer(&c, 4);
	card_set(&c, REG_RDT, CARD_RING); /* beyond the ring */
	arrive(100);
	assert_int_equal(c.rx[0].status, 0);
	assert_true(c.e.rx.starved);
	assert_int_equal(c.e.bad_tails, 1);
	card_set(&c, REG_RDBAH, 1); /* outside memory */
	card_set(&c, REG_RDT, 4);
	card_turn(&c);
	assert_int_equal(c.rx[0].status, 0);
	card_set(&c, REG_RDLEN, 0);
	card_turn(&c);
	card_set(&c, REG_RDBAH, 0);
	card_set(&c, REG_RDLEN, CARD_RING * 16);
	card_turn(&c);
	assert_part(0, 0, 100, 104);
}

/* The driver moves its ring while frames come. */
static void test_reprogrammed(void **state)
{
	uint64_t other = driver_alloc(&c.driver, CARD_RING * 16, 16);
	struct rx_descriptor *ring = driver_host(&c.driver, other);

	(void)state;
	card_offer(&c, 4);
	arrive(100);
	ring[1].address = c.buffers_gpa + 5 * CARD_BUFFER;
	card_set(&c, REG_RDBAL, (uint32_t)other);
	arrive(200);
	assert_int_equal(c.rx[1].status, 0);
	assert_true(ring[1].status & RXD_DD);
	assert_memory_equal(driver_host(&c.driver, c.buffers_gpa + 5 * CARD_BUFFER), frame,
			    200);
}

static void test_disabled(void **state)
{
	(void)state;
	card_offer(&c, 4);
	card_set(&c, REG_RCTL, 0);
	card_turn(&c);
	assert_int_equal(c.e.rx.polled, 0);
	arrive(100);
	assert_int_equal(c.rx[0].status, 0);
	card_set(&c, REG_RCTL, RCTL_EN);
	card_turn(&c);
	card_turn(&c);
	assert_part(0, 0, 100, 104);
}

/* The card is reset while a frame waits for descriptors: that one is lost, the next is not. */
static void test_reset(void **state)
{
	(void)state;
	arrive(100);
	assert_true(c.e.rx.held);
	card_set(&c, REG_CTRL, CTRL_RST);
	card_turn(&c);
	assert_int_equal(c.e.rx.dropped, 1);
	card_start(&c);
	card_offer(&c, 4);
	card_turn(&c);
	arrive(200);
	assert_part(0, 0, 200, 204);
}

static void test_tap_gone(void **state)
{
	(void)state;
	card_set(&c, REG_IMS, INT_LSC);
	close(c.wire);
	c.wire = -1;
	card_turn(&c);
	assert_true(fake_pci.intx_level);
	assert_int_equal(c.e.rx.polled, 0);
	assert_false(card_get(&c, REG_STATUS) & STATUS_LU);
	card_offer(&c, 4);
	card_set(&c, REG_RCTL, RCTL_EN);
	card_turn(&c);
	assert_int_equal(c.e.rx.polled, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one),
		TEST(test_short),
		TEST(test_many),
		TEST(test_checksum),
		TEST(test_filtered),
		TEST(test_long),
		TEST(test_buffer_sizes),
		TEST(test_starved),
		TEST(test_limited),
		TEST(test_starved_in_part),
		TEST(test_longer_than_the_ring),
		TEST(test_switched_off),
		TEST(test_threshold),
		TEST(test_tag),
		TEST(test_bad_buffer),
		TEST(test_bad_rings),
		TEST(test_reprogrammed),
		TEST(test_disabled),
		TEST(test_reset),
		TEST(test_tap_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
