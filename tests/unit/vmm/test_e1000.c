/* The 82540EM apart from its rings: registers, EEPROM, PHY, interrupts, filters. */
#include "tests/unit/vmm/cmocka.h"

#include <string.h>

#include "tests/unit/vmm/card.h"
#include "tests/unit/vmm/fake_pci.h"
#include "vmm/e1000/filter.h"

static struct card c;

static int set_up(void **state)
{
	(void)state;
	fake_pci_reset();
	card_make(&c);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	card_free(&c);
	return 0;
}

/* ---- EEPROM ---- */

static uint16_t read_by_eerd(unsigned int word)
{
	card_set(&c, REG_EERD, 1 | word << 8);
	assert_true(card_get(&c, REG_EERD) & 1u << 4);
	return (uint16_t)(card_get(&c, REG_EERD) >> 16);
}

static void test_checksum(void **state)
{
	uint16_t sum = 0;

	(void)state;
	for (unsigned int i = 0; i < EEPROM_WORDS; i++)
		sum = (uint16_t)(sum + read_by_eerd(i));
	assert_int_equal(sum, EEPROM_CHECKSUM);
	assert_int_equal(read_by_eerd(0), 0x5452);
	assert_int_equal(read_by_eerd(2), 0x5634);
}

enum { SK = 1, CS = 2, DI = 4, DO = 8, REQ = 0x40, GNT = 0x80 };

static void clock_out(unsigned int bits, unsigned int count)
{
	while (count--) {
		uint32_t data = REQ | CS | (bits >> count & 1 ? DI : 0);

		card_set(&c, REG_EECD, data);
		card_set(&c, REG_EECD, data | SK);
		card_set(&c, REG_EECD, data);
	}
}

static uint16_t clock_in(void)
{
	uint16_t value = 0;

	for (int i = 0; i < 16; i++) {
		card_set(&c, REG_EECD, REQ | CS | SK);
		value = (uint16_t)(value << 1 | !!(card_get(&c, REG_EECD) & DO));
		card_set(&c, REG_EECD, REQ | CS);
	}
	return value;
}

static void test_microwire(void **state)
{
	(void)state;
	card_set(&c, REG_EECD, REQ);
	assert_true(card_get(&c, REG_EECD) & GNT);
	for (unsigned int i = 0; i < EEPROM_WORDS; i++) {
		card_set(&c, REG_EECD, REQ | CS);
		clock_out(6, 3); /* start, read */
		clock_out(i, 6);
		assert_false(card_get(&c, REG_EECD) & DO);
		assert_int_equal(clock_in(), read_by_eerd(i));
		/* Without a new command the next word follows. */
		assert_int_equal(clock_in(), read_by_eerd((i + 1) % EEPROM_WORDS));
		card_set(&c, REG_EECD, REQ);
	}
}

static void test_no_writing(void **state)
{
	uint16_t before = read_by_eerd(1);

	(void)state;
	card_set(&c, REG_EECD, REQ | CS);
	clock_out(5, 3); /* start, write */
	clock_out(1, 6);
	clock_out(0xdead, 16);
	card_set(&c, REG_EECD, REQ);
	card_set(&c, REG_EECD, REQ | CS);
	assert_true(card_get(&c, REG_EECD) & DO); /* "ready" */
	assert_int_equal(read_by_eerd(1), before);
}

/* ---- registers ---- */

static void test_power_on(void **state)
{
	(void)state;
	assert_int_equal(card_get(&c, REG_RA), 0x12005452);
	assert_int_equal(card_get(&c, REG_RA + 4), RAH_AV | 0x5634);
	assert_int_equal(card_get(&c, REG_VET), 0x8100);
	assert_int_equal(card_get(&c, REG_RCTL), 0);
	assert_false(card_get(&c, REG_STATUS) & STATUS_LU);
	card_set(&c, REG_CTRL, CTRL_SLU);
	assert_true(card_get(&c, REG_STATUS) & STATUS_LU);
	assert_int_equal(card_get(&c, REG_CTRL_DUP), CTRL_SLU);
}

static void test_reset_by_io(void **state)
{
	(void)state;
	card_set(&c, REG_RA, 0);
	card_set(&c, REG_RCTL, RCTL_EN);
	card_set(&c, REG_ITR, 1000);
	card_set(&c, REG_IMS, INT_LSC);
	card_set(&c, REG_ICS, INT_LSC);
	assert_true(fake_pci.intx_level);
	e1000_io_write(&c.e, 0, REG_CTRL, 4);
	assert_int_equal(e1000_io_read(&c.e, 0, 4), REG_CTRL);
	e1000_io_write(&c.e, 4, e1000_io_read(&c.e, 4, 4) | CTRL_RST, 4);
	assert_false(fake_pci.intx_level);
	assert_int_equal(card_get(&c, REG_IMS), 0);
	assert_int_equal(card_get(&c, REG_ICR), 0);
	assert_int_equal(card_get(&c, REG_ITR), 0);
	assert_int_equal(c.e.irq.interval_ns, 0);
	assert_int_equal(card_get(&c, REG_RCTL), 0);
	assert_int_equal(card_get(&c, REG_RA), 0x12005452);
	assert_int_equal(c.e.resets, 1);
}

static void test_odd_accesses(void **state)
{
	(void)state;
	e1000_write(&c.e, REG_RDBAL, 0x1122334455667700, 8);
	assert_int_equal(card_get(&c, REG_RDBAL), 0x55667700);
	assert_int_equal(card_get(&c, REG_RDBAH), 0x11223344);
	assert_int_equal(e1000_read(&c.e, REG_RDBAL, 8), 0x1122334455667700);
	e1000_write(&c.e, REG_RDBAL, 0, 2);
	e1000_write(&c.e, REG_RDBAL + 1, 0, 4);
	assert_int_equal(e1000_read(&c.e, REG_RDBAL, 1), 0);
	assert_int_equal(c.e.odd_accesses, 3);
	assert_int_equal(card_get(&c, REG_RDBAL), 0x55667700);
	/* Where nothing is, beyond the registers, and at the BAR's very end. */
	for (unsigned int reg = 0; reg < 128 << 10; reg += 4) {
		card_set(&c, reg, 0x5a5a5a5a & ~CTRL_RST);
		card_get(&c, reg);
	}
	assert_int_equal(card_get(&c, 0x1fffc), 0);
	assert_int_equal(e1000_read(&c.e, 0x1fffc, 8), 0);
	assert_int_equal(e1000_io_read(&c.e, 8, 4), 0);
}

static uint32_t mdic(uint32_t command, unsigned int phy, unsigned int reg)
{
	card_set(&c, REG_MDIC, command | phy << MDIC_PHY_SHIFT | reg << MDIC_REG_SHIFT);
	assert_true(card_get(&c, REG_MDIC) & MDIC_READY);
	return card_get(&c, REG_MDIC);
}

static void test_phy(void **state)
{
	(void)state;
	assert_int_equal(mdic(MDIC_READ, 1, 2) & 0xffff, 0x0141);
	assert_int_equal(mdic(MDIC_READ, 1, 3) & 0xffff, 0x0c20);
	assert_int_equal(mdic(MDIC_READ, 1, 1) & 0x24, 0x24); /* link, negotiated */
	assert_true(mdic(MDIC_READ, 0, 1) & MDIC_ERROR);
	mdic(MDIC_WRITE | 0x1234, 1, 4);
	mdic(MDIC_WRITE | 0x1234, 1, 2); /* the identifier stays */
	assert_int_equal(mdic(MDIC_READ, 1, 4) & 0xffff, 0x1234);
	assert_int_equal(mdic(MDIC_READ, 1, 2) & 0xffff, 0x0141);
	assert_int_equal(card_get(&c, REG_ICR), 0);
	mdic(MDIC_WRITE | 0x1200, 1, 0); /* negotiate anew */
	assert_int_equal(card_get(&c, REG_ICR), INT_LSC);
	mdic(MDIC_WRITE | 0x8000, 1, 0); /* reset */
	assert_int_equal(mdic(MDIC_READ, 1, 4) & 0xffff, 0x01e1);
	mdic(MDIC_READ | MDIC_INT, 1, 1);
	assert_true(card_get(&c, REG_ICR) & INT_MDAC);
}

static void test_tap_gone(void **state)
{
	(void)state;
	card_set(&c, REG_CTRL, CTRL_SLU);
	card_set(&c, REG_IMS, INT_LSC);
	e1000_tap_gone(&c.e);
	assert_true(fake_pci.intx_level);
	assert_false(card_get(&c, REG_STATUS) & STATUS_LU);
	assert_false(mdic(MDIC_READ, 1, 1) & 4);
	assert_false(mdic(MDIC_READ, 1, 17) & 0x400);
}

/* ---- interrupts ---- */

static void test_mask(void **state)
{
	(void)state;
	card_set(&c, REG_ICS, INT_TXQE | INT_RXT0);
	assert_false(fake_pci.intx_level);
	card_set(&c, REG_IMS, INT_RXT0);
	assert_true(fake_pci.intx_level);
	card_set(&c, REG_IMC, INT_RXT0);
	assert_false(fake_pci.intx_level);
	card_set(&c, REG_IMS, INT_TXQE);
	assert_int_equal(card_get(&c, REG_IMS), INT_TXQE);
	assert_true(fake_pci.intx_level);
	card_set(&c, REG_ICR, INT_TXQE); /* ones clear */
	assert_false(fake_pci.intx_level);
	assert_int_equal(card_get(&c, REG_ICR), INT_RXT0);
	assert_int_equal(card_get(&c, REG_ICR), 0);
	card_set(&c, REG_ICS, INT_TXQE);
	assert_true(fake_pci.intx_level);
	assert_int_equal(card_get(&c, REG_ICR), INT_TXQE);
	assert_false(fake_pci.intx_level);
	assert_int_equal(c.e.irq.raised, 3);
}

static struct interrupts fresh(void)
{
	struct interrupts i = {0};

	interrupts_init(&i);
	i.enabled = INT_RXT0 | INT_TXDW | INT_LSC;
	return i;
}

static void test_throttle(void **state)
{
	struct interrupts i = fresh();

	(void)state;
	i.interval_ns = 1000;
	i.causes = INT_RXT0;
	assert_int_equal(interrupts_step(&i, 5000), 0);
	assert_true(i.asserted);
	/* Within the interval: when it ends, and not before. */
	interrupts_take(&i);
	i.causes = INT_RXT0;
	assert_int_equal(interrupts_step(&i, 5200), 0); /* still asserted: nothing to do */
	interrupts_take(&i);
	interrupts_step(&i, 5250);
	assert_false(i.asserted);
	i.causes = INT_RXT0;
	assert_int_equal(interrupts_step(&i, 5300), 6000);
	assert_false(i.asserted);
	assert_int_equal(interrupts_step(&i, 5999), 6000);
	assert_int_equal(i.throttles, 1);
	assert_int_equal(interrupts_step(&i, 6000), 0);
	assert_true(i.asserted);
	/* One that comes late is not put off. */
	interrupts_take(&i);
	interrupts_step(&i, 6001);
	i.causes = INT_LSC;
	assert_int_equal(interrupts_step(&i, 7000), 0);
	assert_true(i.asserted);
	assert_int_equal(i.raised, 3);
	assert_int_equal(i.throttles, 1);
	/* What is masked waits for nobody. */
	interrupts_take(&i);
	interrupts_step(&i, 7001);
	i.causes = INT_TXQE;
	assert_int_equal(interrupts_step(&i, 7002), 0);
}

static void test_delay(void **state)
{
	struct interrupts i = fresh();

	(void)state;
	i.tx.packet_ns = 100;
	i.tx.absolute_ns = 250;
	interrupts_event(&i, &i.tx, 1000);
	assert_int_equal(interrupts_step(&i, 1000), 1100);
	interrupts_event(&i, &i.tx, 1090); /* one more: wait on */
	assert_int_equal(interrupts_step(&i, 1100), 1190);
	assert_false(i.asserted);
	interrupts_event(&i, &i.tx, 1180); /* ... but not for ever */
	assert_int_equal(interrupts_step(&i, 1180), 1250);
	assert_int_equal(interrupts_step(&i, 1250), 0);
	assert_true(i.asserted);
	assert_int_equal(interrupts_take(&i), INT_TXDW);
	/* Another interrupt takes what waits along. */
	interrupts_step(&i, 1300);
	interrupts_event(&i, &i.tx, 1400);
	i.causes |= INT_LSC;
	assert_int_equal(interrupts_step(&i, 1401), 1500);
	assert_int_equal(interrupts_take(&i), INT_TXDW | INT_LSC);
	assert_int_equal(interrupts_step(&i, 1402), 0);
	/* No delay is none. */
	interrupts_event(&i, &i.rx, 1500);
	assert_int_equal(i.causes, INT_RXT0);
}

static void test_delay_registers(void **state)
{
	(void)state;
	card_set(&c, REG_TIDV, 8);
	card_set(&c, REG_TADV, 32);
	card_set(&c, REG_ITR, 195);
	assert_int_equal(c.e.irq.tx.packet_ns, 8192);
	assert_int_equal(c.e.irq.tx.absolute_ns, 32768);
	assert_int_equal(c.e.irq.interval_ns, 49920);
	card_set(&c, REG_RDTR, 0xffff);
	card_set(&c, REG_IMS, INT_RXT0);
	irq_event(&c.e, &c.e.irq.rx, 0);
	assert_false(fake_pci.intx_level);
	assert_int_not_equal(c.e.timer_at, 0);
	card_set(&c, REG_RDTR, DELAY_FPD | 0xffff);
	assert_true(fake_pci.intx_level);
	assert_int_equal(card_get(&c, REG_RDTR), 0xffff);
}

/* ---- filters ---- */

static const uint8_t own[] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56};
static const uint8_t other[] = {0x52, 0x54, 0x00, 0x12, 0x34, 0x57};
static const uint8_t group[] = {0x01, 0x00, 0x5e, 0x00, 0x0a, 0xbc};
static const uint8_t everybody[] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static enum filter_verdict judge(uint32_t rctl, const uint8_t *to, int vlan)
{
	uint8_t frame[64] = {0};

	card_set(&c, REG_RCTL, rctl);
	memcpy(frame, to, 6);
	if (vlan >= 0) {
		frame[12] = 0x81;
		frame[14] = (uint8_t)(vlan >> 8);
		frame[15] = (uint8_t)vlan;
	}
	return filter_frame(c.e.reg, frame, sizeof(frame));
}

static void test_addresses(void **state)
{
	(void)state;
	assert_int_equal(judge(0, own, -1), FILTER_EXACT);
	assert_int_equal(judge(0, other, -1), FILTER_DROP);
	assert_int_equal(judge(RCTL_MPE, other, -1), FILTER_DROP);
	assert_int_equal(judge(RCTL_UPE, other, -1), FILTER_EXACT);
	assert_int_equal(judge(RCTL_UPE, group, -1), FILTER_DROP);
	assert_int_equal(judge(RCTL_MPE, group, -1), FILTER_EXACT);
	assert_int_equal(judge(0, everybody, -1), FILTER_DROP);
	assert_int_equal(judge(RCTL_BAM, everybody, -1), FILTER_EXACT);
	/* Another address, in the last entry; valid, of the destination. */
	card_set(&c, REG_RA + 15 * 8, 0x12005452);
	card_set(&c, REG_RA + 15 * 8 + 4, 0x5734);
	assert_int_equal(judge(0, other, -1), FILTER_DROP);
	card_set(&c, REG_RA + 15 * 8 + 4, RAH_AV | 1u << 16 | 0x5734);
	assert_int_equal(judge(0, other, -1), FILTER_DROP);
	card_set(&c, REG_RA + 15 * 8 + 4, RAH_AV | 0x5734);
	assert_int_equal(judge(0, other, -1), FILTER_EXACT);
	card_set(&c, REG_RA + 4, 0);
	assert_int_equal(judge(0, own, -1), FILTER_DROP);
}

static void test_multicast_hash(void **state)
{
	/* Of the last two bytes, bc0a read the other way round, twelve bits. */
	static const unsigned int hash[] = {0xbc0, 0x781, 0xf02, 0xc0a};

	(void)state;
	for (uint32_t mo = 0; mo < 4; mo++) {
		assert_int_equal(judge(mo << RCTL_MO_SHIFT, group, -1), FILTER_DROP);
		card_set(&c, REG_MTA + hash[mo] / 32 * 4, 1u << hash[mo] % 32);
		assert_int_equal(judge(mo << RCTL_MO_SHIFT, group, -1), FILTER_HASHED);
		card_set(&c, REG_MTA + hash[mo] / 32 * 4, 0);
	}
}

static void test_vlans(void **state)
{
	(void)state;
	assert_int_equal(judge(0, own, 100), FILTER_EXACT);
	assert_int_equal(judge(RCTL_VFE, own, 100), FILTER_DROP);
	card_set(&c, REG_VFTA + 100 / 32 * 4, 1u << 100 % 32);
	assert_int_equal(judge(RCTL_VFE, own, 100), FILTER_EXACT);
	assert_int_equal(judge(RCTL_VFE, own, 7 << 13 | 100), FILTER_EXACT); /* priority */
	assert_int_equal(judge(RCTL_VFE, own, 101), FILTER_DROP);
	assert_int_equal(judge(RCTL_VFE, other, 100), FILTER_DROP);
	assert_int_equal(judge(RCTL_VFE, own, -1), FILTER_EXACT);
	assert_int_equal(judge(RCTL_VFE | RCTL_CFIEN, own, 1 << 12 | 100), FILTER_DROP);
	assert_int_equal(judge(RCTL_VFE | RCTL_CFIEN | RCTL_CFI, own, 1 << 12 | 100),
			 FILTER_EXACT);
	card_set(&c, REG_VET, 0x88a8);
	assert_int_equal(judge(RCTL_VFE, own, 101), FILTER_EXACT); /* no tag of this type */
}

/* ---- statistics ---- */

static void test_statistics(void **state)
{
	struct statistics *s = &c.e.statistics;

	(void)state;
	statistics_received(s, own, 64, true);
	statistics_received(s, everybody, 1522, true);
	statistics_received(s, group, 65, true);
	statistics_received(s, other, 100, false);
	statistics_sent(s, own, 1518, 3);
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x74), 3); /* GPRC */
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x74), 0);
	assert_int_equal(card_get(&c, REG_STATISTICS + 0xd0), 4); /* TPR */
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x78), 1); /* BPRC */
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x7c), 1); /* MPRC */
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x5c), 1); /* PRC64 */
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x60), 1); /* PRC127 */
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x70), 1); /* PRC1522 */
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x80), 3); /* GPTC */
	/* 64 bits: the upper half clears. */
	s->count[STAT_GORC] += 5ULL << 32;
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x88), 64 + 1522 + 65);
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x88), 64 + 1522 + 65);
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x8c), 5);
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x88), 0);
	/* 32 bits stop at their end. */
	s->count[STAT_GPTC] += 5ULL << 32;
	assert_int_equal(card_get(&c, REG_STATISTICS + 0x80), UINT32_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_checksum),   TEST(test_microwire),      TEST(test_no_writing),
		TEST(test_power_on),   TEST(test_reset_by_io),    TEST(test_odd_accesses),
		TEST(test_phy),        TEST(test_tap_gone),       TEST(test_mask),
		TEST(test_throttle),   TEST(test_delay),          TEST(test_delay_registers),
		TEST(test_addresses),  TEST(test_multicast_hash), TEST(test_vlans),
		TEST(test_statistics),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
