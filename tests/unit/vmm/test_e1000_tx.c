/* The 82540EM sends: descriptors in, frames and what they ask of the host out. */
#include "tests/unit/vmm/cmocka.h"

#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/unit/vmm/card.h"
#include "tests/unit/vmm/fake_pci.h"
#include "tests/unit/vmm/frames.h"

#define WHOLE   (TXD_EOP | TXD_IFCS | TXD_RS)
#define DATA    (TXD_DEXT | TXD_DTYP_DATA)
#define CONTEXT (TXD_DEXT | TXD_RS)

/* Where things are in a frame without tag and options. */
enum { IP = 14, TCP = 34, TCP_SUM = 50, TCP6 = 54, TCP6_SUM = 70 };

static struct card c;
static struct virtio_net_hdr_v1 header;
static uint8_t out[70000];

static int set_up(void **state)
{
	(void)state;
	fake_pci_reset();
	card_make(&c);
	card_start(&c);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	card_free(&c);
	return 0;
}

static int sent(void)
{
	return card_sent(&c, &header, out, sizeof(out));
}

static uint64_t place(const struct frame *f)
{
	return card_place(&c, f->bytes, f->len);
}

static struct frame plain(size_t payload)
{
	struct frame f = {.len = 0};

	frame_segment(&f, 1000, 80, 1, payload);
	return f;
}

/* A segment of so many bytes, as a driver hands it over for segmentation: no lengths. */
static uint64_t large(bool ipv6, size_t payload)
{
	static const uint8_t zero[2];
	uint8_t bytes[14 + 40 + 32 + 9000] = {0};
	struct frame f = {.len = 0};
	size_t headers;

	frame_ethernet(&f, ipv6 ? 0x86dd : 0x0800, 0);
	if (ipv6)
		frame_ipv6(&f, 6, 0);
	else
		frame_ipv4(&f, 6, 0);
	frame_tcp(&f, 1000, 80, 1, 0x18, 0);
	headers = f.len;
	memcpy(bytes, f.bytes, f.len);
	memcpy(bytes + IP + (ipv6 ? 4 : 2), zero, 2);
	/* The pseudo header's sum, without length: anything will do. */
	bytes[ipv6 ? TCP6_SUM : TCP_SUM] = 0xff;
	bytes[(ipv6 ? TCP6_SUM : TCP_SUM) + 1] = 0xf0;
	for (size_t i = 0; i < payload; i++)
		bytes[headers + i] = (uint8_t)(i * 31 + i / 256);
	return card_place(&c, bytes, headers + payload);
}

static void put_context(bool ipv6, uint32_t flags, unsigned int head, unsigned int mss)
{
	uint64_t l4 = ipv6 ? TCP6 : TCP, sum = ipv6 ? TCP6_SUM : TCP_SUM;

	card_put(&c, IP | (IP + 10) << 8 | (TCP - 1) << 16 | l4 << 32 | sum << 40,
		 CONTEXT | TXD_CONTEXT_TCP | (ipv6 ? 0 : TXD_CONTEXT_IP) | flags,
		 mss << 16 | head << 8);
}

static void test_legacy(void **state)
{
	struct frame f = plain(100);

	(void)state;
	card_set(&c, REG_IMS, INT_TXDW);
	card_put(&c, place(&f), WHOLE | (uint32_t)f.len, 0);
	card_kick(&c);
	assert_int_equal(sent(), f.len);
	assert_memory_equal(out, f.bytes, f.len);
	assert_int_equal(header.flags | header.gso_type, 0);
	assert_int_equal(c.tx[0].upper & TXD_DD, TXD_DD);
	assert_int_equal(card_get(&c, REG_TDH), 1);
	assert_true(fake_pci.intx_level);
	assert_int_equal(card_get(&c, REG_ICR), INT_TXDW | INT_TXQE);
	assert_int_equal(c.e.kicks, 2); /* the first set up the ring */
	assert_int_equal(c.e.tx.frames, 1);
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x80), 1);
}

/* In pieces, one of them empty, over the ring's end, many times; only the last reports. */
static void test_pieces(void **state)
{
	struct frame f = plain(100);
	uint64_t at = place(&f);

	(void)state;
	for (int round = 0; round < 3 * CARD_RING; round++) {
		card_put(&c, at, 10, 0);
		card_put(&c, 0, 0, 0);
		card_put(&c, at + 10, DATA | WHOLE | ((uint32_t)f.len - 10), 0);
		card_kick(&c);
		assert_int_equal(sent(), f.len);
		assert_memory_equal(out, f.bytes, f.len);
		assert_int_equal(card_get(&c, REG_TDH), c.tx_tail);
	}
	assert_int_equal(c.e.tx.descriptors, 9 * CARD_RING);
	assert_int_equal(c.e.tx.bad_descriptors, 0);
}

/* A burst is left to the loop, and what follows it does not overtake. */
static void test_burst(void **state)
{
	struct frame f = plain(100);
	uint64_t at = place(&f);

	(void)state;
	for (int i = 0; i < 8; i++)
		card_put(&c, at, WHOLE | ((uint32_t)f.len - (uint32_t)i), 0);
	card_kick(&c);
	assert_int_equal(sent(), -1);
	assert_true(c.e.tx.owed);
	card_turn(&c);
	assert_false(c.e.tx.owed);
	for (int i = 0; i < 8; i++)
		assert_int_equal(sent(), f.len - (size_t)i);
	for (int i = 0; i < 8; i++)
		card_put(&c, at, WHOLE | ((uint32_t)f.len - (uint32_t)i), 0);
	card_kick(&c);
	card_put(&c, at, WHOLE | 60, 0);
	card_kick(&c);
	for (int i = 0; i < 8; i++)
		assert_int_equal(sent(), f.len - (size_t)i);
	assert_int_equal(sent(), 60);
	card_turn(&c);
	assert_int_equal(sent(), -1);
}

/* A limit of the card's own: what waits stays in the ring, not done. */
static void test_limited(void **state)
{
	struct frame f = plain(100);
	uint64_t at = place(&f);

	(void)state;
	assert_int_equal(limits_set(&c.e.limits, "tx-packets", 1), 0);
	card_put(&c, at, WHOLE | (uint32_t)f.len, 0);
	card_put(&c, at, WHOLE | 60, 0);
	card_kick(&c);
	assert_int_equal(sent(), f.len);
	assert_int_equal(sent(), -1);
	assert_int_equal(c.tx[1].upper & TXD_DD, 0);
	assert_int_equal(limits_set(&c.e.limits, "tx-packets", 0), 0);
	c.e.limits.resume(&c.e, LIMIT_OUT);
	assert_int_equal(sent(), 60);
	assert_int_equal(c.tx[1].upper & TXD_DD, TXD_DD);
}

static void test_report_if_asked(void **state)
{
	struct frame f = plain(10);

	(void)state;
	card_put(&c, place(&f), (WHOLE & ~TXD_RS) | (uint32_t)f.len, 0);
	card_kick(&c);
	assert_int_equal(sent(), f.len);
	assert_int_equal(c.tx[0].upper, 0);
	assert_false(card_get(&c, REG_ICR) & INT_TXDW);
}

static void test_delayed_report(void **state)
{
	struct frame f = plain(10);

	(void)state;
	card_set(&c, REG_TIDV, 0xffff);
	card_set(&c, REG_IMS, INT_TXDW);
	card_put(&c, place(&f), WHOLE | TXD_IDE | (uint32_t)f.len, 0);
	card_kick(&c);
	assert_true(c.tx[0].upper & TXD_DD);
	assert_false(fake_pci.intx_level);
	/* One that does not want the delay takes the other along. */
	card_put(&c, place(&f), WHOLE | (uint32_t)f.len, 0);
	card_kick(&c);
	assert_true(fake_pci.intx_level);
}

static void test_unfinished(void **state)
{
	struct frame f = plain(100);
	uint64_t at = place(&f);

	(void)state;
	card_put(&c, at, 20, 0);
	card_kick(&c);
	assert_int_equal(sent(), -1);
	assert_int_equal(card_get(&c, REG_TDH), 0);
	card_put(&c, at + 20, WHOLE | ((uint32_t)f.len - 20), 0);
	card_kick(&c);
	assert_int_equal(sent(), f.len);
	assert_int_equal(card_get(&c, REG_TDH), 2);
}

static void test_padding(void **state)
{
	static const uint8_t zeros[60];
	struct frame f = {.len = 0};

	(void)state;
	frame_ethernet(&f, 0x0806, 0);
	card_put(&c, place(&f), WHOLE | (uint32_t)f.len, 0);
	card_kick(&c);
	assert_int_equal(sent(), 14);
	card_set(&c, REG_TCTL, TCTL_EN | TCTL_PSP);
	card_put(&c, place(&f), WHOLE | (uint32_t)f.len, 0);
	card_kick(&c);
	assert_int_equal(sent(), 60);
	assert_memory_equal(out + 14, zeros, 46);
}

/* ---- offloads ---- */

static void test_checksum(void **state)
{
	struct frame f = plain(100);

	(void)state;
	put_context(false, 0, 0, 0);
	card_put(&c, place(&f), WHOLE | DATA | (uint32_t)f.len, TXD_TXSM);
	card_kick(&c);
	assert_int_equal(sent(), f.len);
	assert_int_equal(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(header.csum_start, TCP);
	assert_int_equal(header.csum_offset, 16);
	assert_int_equal(header.gso_type, 0);
	assert_memory_equal(out, f.bytes, f.len);
	assert_true(c.tx[0].upper & TXD_DD);
	assert_int_equal(c.e.tx.checksums, 1);
	/* The legacy way. */
	card_put(&c, place(&f), WHOLE | TXD_IC | TCP_SUM << TXD_CSO_SHIFT | (uint32_t)f.len,
		 TCP << TXD_CSS_SHIFT);
	card_kick(&c);
	assert_int_equal(sent(), f.len);
	assert_int_equal(header.csum_start, TCP);
	assert_int_equal(header.csum_offset, 16);
}

static void assert_ip_checksum(void)
{
	uint32_t sum = 0;

	for (int i = 0; i < 20; i += 2)
		sum += (uint32_t)(out[IP + i] << 8 | out[IP + i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal((sum & 0xffff) + (sum >> 16), 0xffff);
}

static void test_ip_checksum(void **state)
{
	struct frame f = plain(100);

	(void)state;
	put_context(false, 0, 0, 0);
	card_put(&c, place(&f), WHOLE | DATA | (uint32_t)f.len, TXD_IXSM);
	card_kick(&c);
	assert_int_equal(sent(), f.len);
	assert_ip_checksum();
	assert_memory_equal(out + TCP, f.bytes + TCP, f.len - TCP);
}

static void test_segments(void **state)
{
	const size_t bytes = 14 + 20 + 32 + 5000;
	uint64_t at = large(false, 5000);

	(void)state;
	put_context(false, TXD_TSE, 14 + 20 + 32, 1448);
	card_put(&c, at, DATA | TXD_TSE | 66, TXD_IXSM | TXD_TXSM);
	card_put(&c, at + 66, WHOLE | DATA | TXD_TSE | 5000, 0);
	card_kick(&c);
	assert_int_equal(sent(), bytes);
	assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV4);
	assert_int_equal(header.gso_size, 1448);
	assert_int_equal(header.hdr_len, 66);
	assert_int_equal(header.csum_start, TCP);
	assert_int_equal(header.csum_offset, 16);
	assert_int_equal(out[IP + 2] << 8 | out[IP + 3], bytes - IP);
	assert_ip_checksum();
	/* ff f0, and the TCP length, end-around. */
	assert_int_equal(out[TCP_SUM] << 8 | out[TCP_SUM + 1], 0xfff0 + 5032 - 0xffff);
	assert_memory_equal(out + 66, driver_host(&c.driver, at + 66), 5000);
	assert_int_equal(c.e.tx.segmented_frames, 1);
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x80), 4);
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x90), 5000 + 4 * (66 + 4));
}

static void test_segments_ipv6(void **state)
{
	const size_t bytes = 14 + 40 + 32 + 5000;

	(void)state;
	put_context(true, TXD_TSE, 14 + 40 + 32, 1428);
	card_put(&c, large(true, 5000), WHOLE | DATA | TXD_TSE | (uint32_t)bytes, TXD_TXSM);
	card_kick(&c);
	assert_int_equal(sent(), bytes);
	assert_int_equal(header.gso_type, VIRTIO_NET_HDR_GSO_TCPV6);
	assert_int_equal(header.csum_start, TCP6);
	assert_int_equal(out[IP + 4] << 8 | out[IP + 5], 32 + 5000);
	assert_int_equal(out[TCP6_SUM] << 8 | out[TCP6_SUM + 1], 0xfff0 + 5032 - 0xffff);
}

/* What fits into one segment is none, but its headers are filled in all the same. */
static void test_one_segment(void **state)
{
	(void)state;
	put_context(false, TXD_TSE, 66, 1448);
	card_put(&c, large(false, 1448), WHOLE | DATA | TXD_TSE | (66 + 1448),
		 TXD_IXSM | TXD_TXSM);
	card_kick(&c);
	assert_int_equal(sent(), 66 + 1448);
	assert_int_equal(header.gso_type, 0);
	assert_int_equal(header.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
	assert_int_equal(out[IP + 2] << 8 | out[IP + 3], 52 + 1448);
}

static void test_tag(void **state)
{
	static const uint8_t tag[] = {0x81, 0x00, 0x60, 0x64};
	struct frame f = plain(100);

	(void)state;
	/* Without CTRL.VME it asks in vain. */
	card_put(&c, place(&f), WHOLE | TXD_VLE | (uint32_t)f.len,
		 0x6064u << TXD_SPECIAL_SHIFT);
	card_kick(&c);
	assert_int_equal(sent(), f.len);
	card_set(&c, REG_CTRL, CTRL_SLU | CTRL_VME);
	card_put(&c, place(&f), WHOLE | TXD_VLE | (uint32_t)f.len,
		 0x6064u << TXD_SPECIAL_SHIFT);
	card_kick(&c);
	assert_int_equal(sent(), f.len + 4);
	assert_memory_equal(out, f.bytes, 12);
	assert_memory_equal(out + 12, tag, 4);
	assert_memory_equal(out + 16, f.bytes + 12, f.len - 12);
	assert_int_equal(c.e.tx.tagged, 1);
}

static void test_tagged_segments(void **state)
{
	const uint32_t bytes = 66 + 5000, special = 0x0064u << TXD_SPECIAL_SHIFT;

	(void)state;
	card_set(&c, REG_CTRL, CTRL_SLU | CTRL_VME);
	put_context(false, TXD_TSE, 66, 1448);
	card_put(&c, large(false, 5000), WHOLE | DATA | TXD_TSE | TXD_VLE | bytes,
		 TXD_IXSM | TXD_TXSM | special);
	card_kick(&c);
	assert_int_equal(sent(), bytes + 4);
	assert_int_equal(header.csum_start, TCP + 4);
	assert_int_equal(header.hdr_len, 66 + 4);
	assert_int_equal(out[12] << 8 | out[13], 0x8100);
	assert_int_equal(out[IP + 4 + 2] << 8 | out[IP + 4 + 3], bytes - IP);
}

/* ---- what makes no sense ---- */

static void assert_bad(unsigned int count)
{
	card_kick(&c);
	card_turn(&c);
	assert_int_equal(sent(), -1);
	assert_int_equal(c.e.tx.bad_descriptors, count);
	assert_int_equal(card_get(&c, REG_TDH), c.tx_tail);
}

static void test_nonsense(void **state)
{
	struct frame f = plain(100);
	uint64_t at = place(&f);
	uint32_t bytes = (uint32_t)f.len;

	(void)state;
	card_put(&c, DRIVER_MEMORY - 10, WHOLE | bytes, 0); /* over the end of memory */
	assert_bad(1);
	card_put(&c, UINT64_MAX - 10, WHOLE | bytes, 0);
	assert_bad(2);
	card_put(&c, at, WHOLE | 13, 0); /* less than a header */
	assert_bad(3);
	card_put(&c, at, WHOLE, 0); /* nothing at all */
	assert_bad(4);
	card_put(&c, 0, WHOLE | DATA | 0xfffff, 0); /* longer than any frame */
	assert_bad(5);
	card_put(&c, at, WHOLE | TXD_DEXT | 3u << 20 | bytes, 0); /* a type of descriptor */
	assert_bad(6);
	card_put(&c, at, 20, 0); /* a context within a frame */
	put_context(false, 0, 0, 0);
	card_put(&c, at + 20, WHOLE | (bytes - 20), 0);
	assert_bad(7);
	/* The ring goes on. */
	card_put(&c, at, WHOLE | bytes, 0);
	card_kick(&c);
	assert_int_equal(sent(), bytes);
}

static void put_sum(unsigned int start, unsigned int offset, unsigned int end)
{
	card_put(&c, (uint64_t)start << 32 | (uint64_t)offset << 40 | (uint64_t)end << 48,
		 CONTEXT, 0);
}

static void test_senseless_checksums(void **state)
{
	struct frame f = plain(100);
	uint32_t lower = WHOLE | DATA | (uint32_t)f.len;
	uint64_t at = place(&f);

	(void)state;
	put_sum(TCP, TCP - 2, 0); /* the sum before what is summed */
	card_put(&c, at, lower, TXD_TXSM);
	assert_bad(1);
	put_sum(TCP, TCP_SUM, 60); /* a part only */
	card_put(&c, at, lower, TXD_TXSM);
	assert_bad(2);
	put_sum(0, 0, 0); /* IP: from 0 to 0 is a byte, and it is no header */
	card_put(&c, at, WHOLE | DATA | 14, TXD_TXSM | TXD_IXSM);
	card_kick(&c);
	put_sum(200, 216, 0); /* beyond the frame */
	card_put(&c, at, lower, TXD_TXSM);
	card_kick(&c);
	assert_int_equal(c.e.tx.bad_descriptors, 3);
	card_put(&c, 10 | 255 << 8 | 0xffffu << 16, CONTEXT, 0);
	card_put(&c, at, lower, TXD_IXSM);
	card_kick(&c);
	assert_int_equal(c.e.tx.bad_descriptors, 4);
}

static void test_senseless_segments(void **state)
{
	const uint32_t lower = WHOLE | DATA | TXD_TSE | (66 + 5000);
	uint64_t at = large(false, 5000);
	unsigned int bad = 0;

	(void)state;
	/* Segments of nothing; no header; a header longer than the frame; one that ends within
	 * TCP's checksum. */
	static const struct {
		unsigned int header, mss, bytes;
	} rows[] = {{66, 0, 5066}, {0, 1448, 5066}, {66, 1448, 66}, {51, 1448, 5066}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		put_context(false, TXD_TSE, rows[i].header, rows[i].mss);
		card_put(&c, at, WHOLE | DATA | TXD_TSE | rows[i].bytes, TXD_TXSM | TXD_IXSM);
		assert_bad(++bad);
	}
	/* Not TCP. */
	card_put(&c, 0, CONTEXT | TXD_TSE, 1448u << 16 | 66 << 8);
	card_put(&c, at, lower, TXD_TXSM);
	assert_bad(++bad);
	/* Longer than IP can be. */
	put_context(false, TXD_TSE, 66, 1448);
	card_put(&c, 0, WHOLE | DATA | TXD_TSE | (65536 + 14), TXD_TXSM);
	assert_bad(++bad);
}

static void test_endless_frame(void **state)
{
	struct frame f = plain(100);
	uint64_t at = place(&f);

	(void)state;
	for (int i = 0; i < CARD_RING - 1; i++)
		card_put(&c, at, 20, 0);
	assert_bad(1);
	card_put(&c, at, WHOLE | (uint32_t)f.len, 0);
	card_kick(&c);
	assert_int_equal(sent(), f.len);
}

/* ---- rings that are none ---- */

static void test_bad_rings(void **state)
{
	struct frame f = plain(100);

	(void)state;
	card_put(&c, place(&f), WHOLE | (uint32_t)f.len, 0);
	/* A tail beyond the ring. */
	card_set(&c, REG_TDT, CARD_RING);
	card_set(&c, REG_TDT, 0xffff);
	assert_int_equal(sent(), -1);
	assert_int_equal(c.e.bad_tails, 2);
	/* A head beyond it. */
	card_set(&c, REG_TDH, CARD_RING + 3);
	card_set(&c, REG_TDT, 1);
	assert_int_equal(sent(), -1);
	card_set(&c, REG_TDH, 0);
	/* No length; a length that is not a multiple of 128; outside memory; at its end. */
	card_set(&c, REG_TDLEN, 0);
	card_set(&c, REG_TDT, 1);
	assert_int_equal(sent(), -1);
	card_set(&c, REG_TDLEN, 127);
	assert_int_equal(card_get(&c, REG_TDLEN), 0);
	card_set(&c, REG_TDLEN, 0xfffff);
	card_set(&c, REG_TDBAL, DRIVER_MEMORY - 128);
	card_set(&c, REG_TDT, 1);
	assert_int_equal(sent(), -1);
	card_set(&c, REG_TDBAH, 0xffffffff);
	card_set(&c, REG_TDT, 1);
	assert_int_equal(sent(), -1);
	/* And a good one, at an odd address, which is rounded down. */
	card_set(&c, REG_TDBAH, 0);
	card_set(&c, REG_TDBAL, (uint32_t)c.tx_gpa | 7);
	card_set(&c, REG_TDLEN, CARD_RING * 16);
	card_set(&c, REG_TDT, 1);
	assert_int_equal(sent(), f.len);
}

static void test_disabled(void **state)
{
	struct frame f = plain(100);

	(void)state;
	card_set(&c, REG_TCTL, 0);
	card_put(&c, place(&f), WHOLE | (uint32_t)f.len, 0);
	card_kick(&c);
	assert_int_equal(sent(), -1);
	card_set(&c, REG_TCTL, TCTL_EN);
	assert_int_equal(sent(), f.len);
}

/* The tap takes no more: what is in the ring waits, and goes when there is room. */
static void test_blocked(void **state)
{
	struct frame f = plain(1000);
	uint64_t at = place(&f);
	unsigned int put = 0, got = 0;

	(void)state;
	while (!c.e.tx.blocks) {
		card_put(&c, at, WHOLE | (uint32_t)f.len, 0);
		card_kick(&c);
		put++;
	}
	assert_true(c.e.tx.blocked);
	assert_int_equal(card_get(&c, REG_TDH), (c.tx_tail + CARD_RING - 1) % CARD_RING);
	card_turn(&c);
	assert_int_equal(c.e.rx.polled, EPOLLIN | EPOLLOUT);
	while (sent() >= 0)
		got++;
	assert_int_equal(got, put - 1);
	card_turn(&c);
	assert_int_equal(sent(), f.len);
	assert_false(c.e.tx.blocked);
	assert_int_equal(c.e.rx.polled, EPOLLIN);
}

static void test_reset_while_blocked(void **state)
{
	struct frame f = plain(1000);
	uint64_t at = place(&f);

	(void)state;
	while (!c.e.tx.blocks) {
		card_put(&c, at, WHOLE | (uint32_t)f.len, 0);
		card_kick(&c);
	}
	card_set(&c, REG_CTRL, CTRL_RST);
	while (sent() >= 0)
		;
	card_turn(&c);
	assert_int_equal(sent(), -1);
	card_start(&c);
	card_put(&c, at, WHOLE | (uint32_t)f.len, 0);
	card_kick(&c);
	assert_int_equal(sent(), f.len);
}

/* Nobody at the other end: frames are lost, as on a wire that is cut. */
static void test_no_host(void **state)
{
	struct frame f = plain(100);

	(void)state;
	close(c.wire);
	c.wire = -1;
	card_put(&c, place(&f), WHOLE | (uint32_t)f.len, 0);
	card_kick(&c);
	assert_int_equal(c.e.tx.dropped, 1);
	assert_true(c.tx[0].upper & TXD_DD);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_legacy),
		TEST(test_pieces),
		TEST(test_burst),
		TEST(test_report_if_asked),
		TEST(test_limited),
		TEST(test_delayed_report),
		TEST(test_unfinished),
		TEST(test_padding),
		TEST(test_checksum),
		TEST(test_ip_checksum),
		TEST(test_segments),
		TEST(test_segments_ipv6),
		TEST(test_one_segment),
		TEST(test_tag),
		TEST(test_tagged_segments),
		TEST(test_nonsense),
		TEST(test_senseless_checksums),
		TEST(test_senseless_segments),
		TEST(test_endless_frame),
		TEST(test_bad_rings),
		TEST(test_disabled),
		TEST(test_blocked),
		TEST(test_reset_while_blocked),
		TEST(test_no_host),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
