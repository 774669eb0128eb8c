/*
 * The ACPI tables: RSDP, XSDT, FADT, FACS, MADT, a DSDT compiled from dsdt.asl, and an SSDT
 * with the numbers that are known only now. Written front to back into guest memory, checksums
 * last.
 */
#include "vmm/acpi.h"

#include <stddef.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/boot.h"
#include "vmm/dsdt.hex"
#include "vmm/kvm.h"

#define LAPIC_ADDRESS  0xfee00000
#define IOAPIC_ADDRESS 0xfec00000

#define FADT_WBINVD          (1U << 0)
#define FADT_PROC_C1         (1U << 2)
#define FADT_NO_SLEEP_BUTTON (1U << 5)
#define FADT_TIMER_32BIT     (1U << 8)
#define FADT_RESET_REGISTER  (1U << 10)
#define BOOT_ARCH_LEGACY     (1U << 0)
#define BOOT_ARCH_NO_VGA     (1U << 2)
#define BOOT_ARCH_NO_ASPM    (1U << 4)

struct header {
	char signature[4];
	uint32_t length;
	uint8_t revision, checksum;
	char oem[6], oem_table[8];
	uint32_t oem_revision;
	char creator[4];
	uint32_t creator_revision;
} __attribute__((packed));

struct rsdp {
	char signature[8];
	uint8_t checksum;
	char oem[6];
	uint8_t revision;
	uint32_t rsdt, length;
	uint64_t xsdt;
	uint8_t extended_checksum, reserved[3];
} __attribute__((packed));

struct address {
	uint8_t space, bits, offset, access;
	uint64_t address;
} __attribute__((packed));

struct fadt {
	struct header header;
	uint32_t facs, dsdt;
	uint8_t reserved, profile;
	uint16_t sci;
	uint32_t smi_command;
	uint8_t enable, disable, s4bios, pstate;
	uint32_t pm1a_event, pm1b_event, pm1a_control, pm1b_control, pm2_control, pm_timer,
		gpe0, gpe1;
	uint8_t pm1_event_length, pm1_control_length, pm2_control_length, pm_timer_length,
		gpe0_length, gpe1_length, gpe1_base, cstate;
	uint16_t c2_latency, c3_latency, flush_size, flush_stride;
	uint8_t duty_offset, duty_width, day_alarm, month_alarm, century;
	uint16_t boot_arch;
	uint8_t reserved2;
	uint32_t flags;
	struct address reset;
	uint8_t reset_value;
	uint16_t arm_boot_arch;
	uint8_t minor;
	uint64_t x_facs, x_dsdt;
	struct address x_pm1a_event, x_pm1b_event, x_pm1a_control, x_pm1b_control,
		x_pm2_control, x_pm_timer, x_gpe0, x_gpe1, sleep_control, sleep_status;
	uint64_t hypervisor;
} __attribute__((packed));

_Static_assert(sizeof(struct fadt) == 276, "FADT of ACPI 6.4, 5.2.9");

struct facs {
	char signature[4];
	uint32_t length, hardware, waking, lock, flags;
	uint64_t x_waking;
	uint8_t version, reserved[31];
} __attribute__((packed));

/* Where the next table goes. */
struct writer {
	const struct guest_memory *memory;
	uint64_t at;
	uint64_t tables[8]; /* for the XSDT */
	unsigned int count;
};

static uint8_t checksum(const void *bytes, size_t size)
{
	const uint8_t *p = bytes;
	uint8_t sum = 0;

	while (size--)
		sum += *p++;
	return (uint8_t)-sum;
}

static void fill_header(struct header *h, const char *signature, size_t length,
			uint8_t revision)
{
	memcpy(h->signature, signature, 4);
	h->length = (uint32_t)length;
	h->revision = revision;
	h->checksum = 0;
	memcpy(h->oem, "STRATA", 6);
	memcpy(h->oem_table, "STRATAVM", 8);
	h->oem_revision = 1;
	memcpy(h->creator, "STRA", 4);
	h->creator_revision = 1;
}

/* Returns where it was put, or 0. */
static uint64_t put(struct writer *w, const void *bytes, size_t size)
{
	uint64_t at = (w->at + 63) & ~63ULL;

	if (at + size > BOOT_ACPI_END || guest_write(w->memory, at, bytes, size)) {
		err_set("the ACPI tables do not fit below 1 MiB");
		return 0;
	}
	w->at = at + size;
	return at;
}

/* A table that begins with a header, listed in the XSDT. */
static uint64_t put_table(struct writer *w, void *table, size_t size)
{
	struct header *h = table;
	uint64_t at;

	h->checksum = checksum(table, size);
	at = put(w, table, size);
	w->tables[w->count++] = at;
	return at;
}

static struct address port(uint64_t address, unsigned int bytes)
{
	return (struct address){.space = 1,
				.bits = (uint8_t)(8 * bytes),
				.access = bytes == 4 ? 3 : (uint8_t)bytes,
				.address = address};
}

static uint64_t put_fadt(struct writer *w, uint64_t facs, uint64_t dsdt)
{
	struct fadt f = {
		.facs = (uint32_t)facs,
		.dsdt = (uint32_t)dsdt,
		.sci = ACPI_SCI_GSI,
		.pm1a_event = ACPI_PM1_EVENT,
		.pm1a_control = ACPI_PM1_CONTROL,
		.pm_timer = ACPI_PM_TIMER,
		.pm1_event_length = 4,
		.pm1_control_length = 2,
		.pm_timer_length = 4,
		.c2_latency = 0xffff, /* no C2, no C3 */
		.c3_latency = 0xffff,
		/* No bit for an i8042: Linux then does not look for one. */
		.boot_arch = BOOT_ARCH_LEGACY | BOOT_ARCH_NO_VGA | BOOT_ARCH_NO_ASPM,
		.flags = FADT_WBINVD | FADT_PROC_C1 | FADT_NO_SLEEP_BUTTON | FADT_TIMER_32BIT |
			 FADT_RESET_REGISTER,
		.reset = port(ACPI_RESET, 1),
		.reset_value = ACPI_RESET_VALUE,
		.minor = 4,
		.x_pm1a_event = port(ACPI_PM1_EVENT, 4),
		.x_pm1a_control = port(ACPI_PM1_CONTROL, 2),
		.x_pm_timer = port(ACPI_PM_TIMER, 4),
	};

	f.x_pm1a_event.access = 2;
	fill_header(&f.header, "FACP", sizeof(f), 6);
	return put_table(w, &f, sizeof(f));
}

static size_t add(uint8_t *to, size_t at, const void *bytes, size_t size)
{
	memcpy(to + at, bytes, size);
	return at + size;
}

#define ADD(...) \
	at = add(t, at, (const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))
#define LE32(v) \
	(uint8_t)(v), (uint8_t)((v) >> 8), (uint8_t)((v) >> 16), (uint8_t)((uint32_t)(v) >> 24)

static uint64_t put_madt(struct writer *w, int cpus)
{
	uint8_t t[4096];
	size_t at = sizeof(struct header);

	ADD(LE32(LAPIC_ADDRESS), LE32(1)); /* 1: there is a PIC as well */
	for (int i = 0; i < cpus; i++)
		ADD(0, 8, (uint8_t)i, (uint8_t)i, LE32(1));
	ADD(1, 12, 0, 0, LE32(IOAPIC_ADDRESS), LE32(0));
	ADD(2, 10, 0, 0, LE32(2), 0, 0);                          /* the timer is on pin 2 */
	ADD(2, 10, 0, ACPI_SCI_GSI, LE32(ACPI_SCI_GSI), 0x0d, 0); /* level, active high */
	ADD(4, 6, 0xff, 0, 0, 1);                                 /* NMI on LINT1 of all */
	fill_header((struct header *)t, "APIC", at, 4);
	return put_table(w, t, at);
}

static size_t add_name(uint8_t *t, size_t at, const char *name, uint64_t value)
{
	ADD(0x08); /* NameOp */
	at = add(t, at, name, 4);
	ADD(0x0e); /* QWordPrefix */
	return add(t, at, &value, sizeof(value));
}

static uint64_t put_ssdt(struct writer *w, uint64_t start, uint64_t bytes)
{
	uint8_t t[128];
	size_t at = sizeof(struct header);

	at = add_name(t, at, "P64B", start);
	at = add_name(t, at, "P64L", bytes);
	fill_header((struct header *)t, "SSDT", at, 2);
	return put_table(w, t, at);
}

static uint64_t put_xsdt(struct writer *w)
{
	uint8_t t[sizeof(struct header) + sizeof(w->tables)];
	size_t at = sizeof(struct header);

	at = add(t, at, w->tables, w->count * sizeof(w->tables[0]));
	fill_header((struct header *)t, "XSDT", at, 1);
	((struct header *)t)->checksum = checksum(t, at);
	return put(w, t, at);
}

static int put_rsdp(const struct guest_memory *m, uint64_t xsdt)
{
	struct rsdp r = {.revision = 2, .length = sizeof(r), .xsdt = xsdt};

	memcpy(r.signature, "RSD PTR ", 8);
	memcpy(r.oem, "STRATA", 6);
	r.checksum = checksum(&r, offsetof(struct rsdp, length));
	r.extended_checksum = checksum(&r, sizeof(r));
	return guest_write(m, BOOT_ACPI, &r, sizeof(r));
}

int acpi_write(const struct guest_memory *m, int cpus, uint64_t mem64_start,
	       uint64_t mem64_bytes)
{
	struct writer w = {.memory = m, .at = BOOT_ACPI + sizeof(struct rsdp)};
	struct facs f = {.length = sizeof(f), .version = 2};
	uint64_t facs, dsdt, xsdt;

	memcpy(f.signature, "FACS", 4);
	facs = put(&w, &f, sizeof(f));
	dsdt = put(&w, dsdt_aml_code, sizeof(dsdt_aml_code));
	if (!facs || !dsdt || !put_fadt(&w, facs, dsdt) || !put_madt(&w, cpus) ||
	    !put_ssdt(&w, mem64_start, mem64_bytes))
		return -1;
	xsdt = put_xsdt(&w);
	return xsdt ? put_rsdp(m, xsdt) : -1;
}
