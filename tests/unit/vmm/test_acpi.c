/* ACPI tables: found from the RSDP as a guest finds them, each with the right checksum and
 * content. */
#include "tests/unit/vmm/cmocka.h"

#include <string.h>

#include "vmm/acpi.h"
#include "vmm/boot.h"

static struct guest_memory memory;

static uint8_t sum(const uint8_t *p, size_t n)
{
	uint8_t s = 0;

	while (n--)
		s += *p++;
	return s;
}

static uint32_t get32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static uint64_t get64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* A table at that address, checked for its checksum. */
static const uint8_t *table(uint64_t at, const char *signature)
{
	const uint8_t *t = guest_ptr(&memory, at, 36);

	assert_non_null(t);
	assert_memory_equal(t, signature, 4);
	assert_non_null(guest_ptr(&memory, at, get32(t + 4)));
	assert_int_equal(sum(t, get32(t + 4)), 0);
	assert_true(at >= BOOT_ACPI && at + get32(t + 4) <= BOOT_ACPI_END);
	return t;
}

static const uint8_t *listed(unsigned int index, const char *signature)
{
	const uint8_t *rsdp = guest_ptr(&memory, BOOT_ACPI, 36);
	const uint8_t *xsdt = table(get64(rsdp + 24), "XSDT");

	assert_true(36 + 8 * (index + 1) <= get32(xsdt + 4));
	return table(get64(xsdt + 36 + 8 * index), signature);
}

static int set_up(void **state)
{
	(void)state;
	if (guest_memory_create(&memory, 2 << 20, false))
		return -1;
	return acpi_write(&memory, 3, 0x800000000, 0x100000000);
}

static int tear_down(void **state)
{
	(void)state;
	guest_memory_destroy(&memory);
	return 0;
}

static void rsdp_is_right(void **state)
{
	const uint8_t *r = guest_ptr(&memory, BOOT_ACPI, 36);

	(void)state;
	assert_memory_equal(r, "RSD PTR ", 8);
	assert_int_equal(r[15], 2);
	assert_int_equal(sum(r, 20), 0);
	assert_int_equal(sum(r, 36), 0);
}

static void fadt_points_to_dsdt_and_facs(void **state)
{
	const uint8_t *f = listed(0, "FACP");
	const uint8_t *facs = guest_ptr(&memory, get32(f + 36), 64);

	(void)state;
	assert_int_equal(get32(f + 4), 276);
	assert_non_null(facs);
	assert_memory_equal(facs, "FACS", 4);
	assert_int_equal(get32(f + 36) % 64, 0); /* ACPI 6.4, 5.2.10 */
	table(get32(f + 40), "DSDT");
	assert_int_equal(get32(f + 56), ACPI_PM1_EVENT);
	assert_int_equal(get32(f + 64), ACPI_PM1_CONTROL);
	assert_int_equal(get32(f + 76), ACPI_PM_TIMER);
	assert_int_equal(get64(f + 116 + 4), ACPI_RESET);
	assert_int_equal(f[128], ACPI_RESET_VALUE);
	assert_int_equal(get32(f + 112) & 1 << 4, 0); /* a fixed power button */
	assert_int_equal(f[109] & 2, 0);              /* no i8042 */
}

static void madt_lists_every_processor(void **state)
{
	const uint8_t *m = listed(1, "APIC");
	unsigned int cpus = 0, ioapics = 0, overrides = 0, at = 44;

	(void)state;
	while (at < get32(m + 4)) {
		const uint8_t *e = m + at;

		if (e[0] == 0) {
			assert_int_equal(e[3], cpus); /* APIC id */
			assert_int_equal(get32(e + 4), 1);
			cpus++;
		}
		ioapics += e[0] == 1;
		if (e[0] == 2 && e[3] == 0)
			assert_int_equal(get32(e + 4), 2);
		overrides += e[0] == 2;
		assert_true(e[1] >= 2);
		at += e[1];
	}
	assert_int_equal(at, get32(m + 4));
	assert_int_equal(cpus, 3);
	assert_int_equal(ioapics, 1);
	assert_int_equal(overrides, 2);
}

static void ssdt_has_the_high_window(void **state)
{
	const uint8_t *s = listed(2, "SSDT");

	(void)state;
	assert_int_equal(get32(s + 4), 36 + 2 * 14);
	assert_memory_equal(s + 37, "P64B", 4);
	assert_true(get64(s + 42) == 0x800000000);
	assert_memory_equal(s + 51, "P64L", 4);
	assert_true(get64(s + 56) == 0x100000000);
}

static void most_processors_fit(void **state)
{
	(void)state;
	assert_int_equal(acpi_write(&memory, 64, 0x800000000, 0x100000000), 0);
	listed(1, "APIC");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rsdp_is_right),
		cmocka_unit_test(fadt_points_to_dsdt_and_facs),
		cmocka_unit_test(madt_lists_every_processor),
		cmocka_unit_test(ssdt_has_the_high_window),
		cmocka_unit_test(most_processors_fit),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
