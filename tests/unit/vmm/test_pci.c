/* PCI as a guest sees it: configuration ports, sizing and moving BARs, MSI-X, INTx. */
#include "tests/unit/vmm/cmocka.h"

#include <linux/pci_regs.h>
#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "tests/unit/vmm/fake_kvm.h"
#include "vmm/pci_bus.h"

#define VECTORS 3
#define BELL_FD 77

struct fixture {
	struct machine m;
	struct pci_device d;
	char shared[65536];
	unsigned int config_writes;
};

static uint64_t bar_read(struct bus_range *r, uint64_t offset, unsigned int size)
{
	(void)r;
	(void)size;
	return 0xb0 + offset;
}

static void config_written(struct pci_device *d, unsigned int offset, unsigned int size)
{
	(void)offset;
	(void)size;
	((struct fixture *)d->owner)->config_writes++;
}

static const struct pci_ops ops = {.config_written = config_written};

static int set_up(void **state)
{
	static struct fixture f;

	memset(&f, 0, sizeof(f));
	fake_machine(&f.m, 64 << 20);
	f.d.name = "test";
	f.d.id = (struct pci_id){.vendor = 0x1234, .device = 0x5678, .class_code = 0x020000};
	f.d.ops = &ops;
	f.d.owner = &f;
	f.d.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEM32, .bytes = 4096, .read = bar_read};
	f.d.bar[2] = (struct pci_bar){.kind = PCI_BAR_IO, .bytes = 32, .read = bar_read};
	f.d.bar[3] = (struct pci_bar){
		.kind = PCI_BAR_MEM64_PREFETCH, .bytes = sizeof(f.shared), .ram = f.shared};
	assert_int_equal(pci_msix_init(&f.d, 1, VECTORS), 0);
	assert_int_equal(pci_add(&f.m, &f.d), 0);
	assert_int_equal(pci_ioeventfd(&f.d, 0, 0x100, 4, BELL_FD), 0);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	pci_remove(&f->d);
	fake_machine_destroy(&f->m);
	return 0;
}

static void address(struct fixture *f, unsigned int slot, unsigned int offset)
{
	bus_write(f->m.ports, 0xcf8, 1U << 31 | slot << 11 | (offset & 0xfc), 4);
}

static uint32_t get(struct fixture *f, unsigned int offset, unsigned int size)
{
	address(f, 1, offset);
	return (uint32_t)bus_read(f->m.ports, 0xcfc + offset % 4, size);
}

static void put(struct fixture *f, unsigned int offset, unsigned int size, uint32_t value)
{
	address(f, 1, offset);
	bus_write(f->m.ports, 0xcfc + offset % 4, value, size);
}

static unsigned int bar(unsigned int n)
{
	return PCI_BASE_ADDRESS_0 + 4 * n;
}

static void configuration_is_there(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(get(f, PCI_VENDOR_ID, 4), 0x56781234);
	assert_int_equal(get(f, PCI_CLASS_DEVICE, 2), 0x0200);
	assert_int_equal(get(f, PCI_CLASS_DEVICE + 1, 1), 0x02);
	assert_int_equal(get(f, PCI_INTERRUPT_PIN, 1), 1);
	put(f, PCI_VENDOR_ID, 4, 0);
	assert_int_equal(get(f, PCI_VENDOR_ID, 2), 0x1234);
	address(f, 0, 0);
	assert_int_equal(bus_read(f->m.ports, 0xcfc, 4), 0x00081b36);
	address(f, 2, 0);
	assert_int_equal(bus_read(f->m.ports, 0xcfc, 4), 0xffffffff);
	bus_write(f->m.ports, 0xcf8, 1U << 31 | 1 << 16 | 1 << 11, 4); /* another bus */
	assert_int_equal(bus_read(f->m.ports, 0xcfc, 4), 0xffffffff);
	bus_write(f->m.ports, 0xcf8, 1 << 11, 4); /* not enabled */
	assert_int_equal(bus_read(f->m.ports, 0xcfc, 4), 0xffffffff);
	/* Bytes of the address port are other registers. */
	bus_write(f->m.ports, 0xcf8, 0x80000800, 4);
	bus_write(f->m.ports, 0xcf9, 0x02, 1);
	assert_int_equal(bus_read(f->m.ports, 0xcf8, 4), 0x80000800);
	assert_int_equal(fake_kvm.end, MACHINE_RUNNING);
	bus_write(f->m.ports, 0xcf9, 0x06, 1);
	assert_int_equal(fake_kvm.end, MACHINE_REBOOT);
}

static void bars_are_sized(void **state)
{
	struct fixture *f = *state;

	put(f, bar(0), 4, 0xffffffff);
	assert_int_equal(get(f, bar(0), 4), 0xfffff000);
	put(f, bar(2), 4, 0xffffffff);
	assert_int_equal(get(f, bar(2), 4), 0xffffffe1);
	put(f, bar(3), 4, 0xffffffff);
	put(f, bar(4), 4, 0xffffffff);
	assert_int_equal(get(f, bar(3), 4), 0xffff000c);
	assert_int_equal(get(f, bar(4), 4), 0xffffffff);
	put(f, bar(5), 4, 0xffffffff);
	assert_int_equal(get(f, bar(5), 4), 0);
	put(f, PCI_ROM_ADDRESS, 4, 0xffffffff);
	assert_int_equal(get(f, PCI_ROM_ADDRESS, 4), 0);
}

static const uint64_t *bell(void)
{
	for (int i = 0; i < FAKE_DOORBELLS; i++)
		if (fake_kvm.doorbell[i].used)
			return &fake_kvm.doorbell[i].addr;
	return NULL;
}

static void bars_are_mapped_and_moved(void **state)
{
	struct fixture *f = *state;
	uint64_t old = get(f, bar(0), 4) & ~0xfU;

	assert_int_equal(bus_read(f->m.mmio, old + 4, 1), 0xff); /* not decoding yet */
	assert_null(bell());
	put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	assert_int_equal(bus_read(f->m.mmio, old + 4, 1), 0xb4);
	assert_int_equal(*bell(), old + 0x100);
	assert_true(f->d.mapped[3]);
	assert_false(f->d.mapped[2]);

	put(f, bar(0), 4, 0xd0000000);
	assert_int_equal(bus_read(f->m.mmio, old + 4, 1), 0xff);
	assert_int_equal(bus_read(f->m.mmio, 0xd0000004, 1), 0xb4);
	assert_int_equal(*bell(), 0xd0000100);
	put(f, PCI_COMMAND, 2, PCI_COMMAND_IO);
	assert_null(bell());
	assert_int_equal(bus_read(f->m.ports, (get(f, bar(2), 4) & ~3U) + 1, 1), 0xb1);
}

static void bars_stay_where_they_may_be(void **state)
{
	struct fixture *f = *state;

	put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	put(f, bar(0), 4, 0x00100000); /* over memory */
	assert_false(f->d.mapped[0]);
	put(f, bar(0), 4, 0xfec00000); /* over the IOAPIC */
	assert_false(f->d.mapped[0]);
	put(f, bar(0), 4, 0xd0000000);
	assert_true(f->d.mapped[0]);
	put(f, bar(3), 4, 0xd0000000); /* over BAR 0 */
	put(f, bar(4), 4, 0);
	assert_false(f->d.mapped[3]);
	put(f, bar(3), 4, 0xe0000000);
	assert_true(f->d.mapped[3]);
	assert_int_equal(fake_kvm.slot[f->d.memory_slot[3]].gpa, 0xe0000000);
	assert_ptr_equal(fake_kvm.slot[f->d.memory_slot[3]].host, f->shared);
	assert_true(f->m.pci->refused_bars >= 3);
}

static void capabilities_are_chained(void **state)
{
	struct fixture *f = *state;
	int extra = pci_add_capability(&f->d, PCI_CAP_ID_VNDR, 20);
	unsigned int at = get(f, PCI_CAPABILITY_LIST, 1);

	assert_true(get(f, PCI_STATUS, 2) & PCI_STATUS_CAP_LIST);
	assert_int_equal(at, extra);
	assert_int_equal(get(f, at, 1), PCI_CAP_ID_VNDR);
	at = get(f, at + 1, 1);
	assert_int_equal(get(f, at, 1), PCI_CAP_ID_MSIX);
	assert_int_equal(get(f, at + 1, 1), 0);
	assert_int_equal(pci_add_capability(&f->d, PCI_CAP_ID_VNDR, 200), -1);
	f->config_writes = 0;
	put(f, (unsigned int)extra + 4, 4, 0xffffffff);
	assert_int_equal(f->config_writes, 1);
	assert_int_equal(get(f, (unsigned int)extra + 4, 4), 0);
}

static uint64_t table(struct fixture *f, unsigned int vector)
{
	put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	return (get(f, bar(1), 4) & ~0xfULL) + vector * PCI_MSIX_ENTRY_SIZE;
}

static void control(struct fixture *f, uint16_t flags)
{
	put(f, get(f, PCI_CAPABILITY_LIST, 1) + PCI_MSIX_FLAGS, 2, flags);
}

static void program(struct fixture *f, unsigned int vector, uint64_t where, uint32_t data)
{
	bus_write(f->m.mmio, table(f, vector), where, 8);
	bus_write(f->m.mmio, table(f, vector) + 8, data, 4);
	bus_write(f->m.mmio, table(f, vector) + 12, 0, 4);
}

static bool fired(unsigned int gsi)
{
	struct pollfd p = {.fd = fake_kvm.gsi[gsi].fd, .events = POLLIN};
	uint64_t n;

	return fake_kvm.gsi[gsi].fd && poll(&p, 1, 0) == 1 &&
	       read(p.fd, &n, sizeof(n)) == sizeof(n);
}

static bool pending(struct fixture *f, unsigned int vector)
{
	return bus_read(f->m.mmio, table(f, 0) + VECTORS * PCI_MSIX_ENTRY_SIZE, 4) >> vector &
	       1;
}

static void msix_delivers(void **state)
{
	struct fixture *f = *state;
	uint64_t where;
	uint32_t data;

	assert_int_equal(get(f, get(f, PCI_CAPABILITY_LIST, 1) + PCI_MSIX_FLAGS, 2),
			 VECTORS - 1);
	pci_msix_signal(&f->d, 1); /* not enabled: nothing, not even pending */
	program(f, 1, 0xfee01000, 0x41);
	assert_false(pci_msix_enabled(&f->d));
	control(f, PCI_MSIX_FLAGS_ENABLE);
	assert_true(pci_msix_enabled(&f->d));
	assert_false(fired(24));
	assert_true(fake_kvm.gsi[24].routed);
	assert_int_equal(fake_kvm.gsi[24].address, 0xfee01000);
	assert_int_equal(fake_kvm.gsi[24].data, 0x41);
	pci_msix_signal(&f->d, 1);
	assert_true(fired(24));
	assert_true(pci_msix_message(&f->d, 1, &where, &data));
	assert_int_equal(where, 0xfee01000);
	assert_int_equal(data, 0x41);
	assert_int_equal(pci_msix_signals(&f->d, 1), 1);
	assert_false(pci_msix_message(&f->d, 0, &where, &data)); /* masked since reset */
	pci_msix_signal(&f->d, VECTORS);                         /* no such vector */
	pci_msix_signal(&f->d, UINT32_MAX);
}

static void masked_vectors_wait(void **state)
{
	struct fixture *f = *state;

	control(f, PCI_MSIX_FLAGS_ENABLE);
	program(f, 0, 0xfee00000, 0x30);
	bus_write(f->m.mmio, table(f, 0) + 12, PCI_MSIX_ENTRY_CTRL_MASKBIT, 4);
	pci_msix_signal(&f->d, 0);
	pci_msix_signal(&f->d, 2); /* never unmasked */
	assert_false(fired(24));
	assert_true(pending(f, 0));
	assert_true(pending(f, 2));
	/* Moved to another processor while masked: the new route counts. */
	bus_write(f->m.mmio, table(f, 0), 0xfee01000, 4);
	bus_write(f->m.mmio, table(f, 0) + 12, 0, 4);
	assert_true(fired(24));
	assert_false(pending(f, 0));
	assert_int_equal(fake_kvm.gsi[24].address, 0xfee01000);

	control(f, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	pci_msix_signal(&f->d, 0);
	assert_false(fired(24));
	assert_true(pending(f, 0));
	control(f, PCI_MSIX_FLAGS_ENABLE);
	assert_true(fired(24));
	assert_true(pending(f, 2));
}

/* Somebody else signals: while the vector is masked, his signals wait in the eventfd. */
static void others_may_signal(void **state)
{
	struct fixture *f = *state;
	int fd = pci_msix_fd(&f->d, 1);

	assert_true(fd >= 0);
	assert_int_equal(pci_msix_fd(&f->d, 1), fd);
	assert_int_equal(pci_msix_fd(&f->d, VECTORS), -1);
	assert_int_equal(fake_kvm.gsi[24].fd, 0); /* not unmasked yet */
	program(f, 1, 0xfee01000, 0x41);
	control(f, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(fake_kvm.gsi[24].fd, fd);
	assert_int_equal(fake_kvm.gsi[24].data, 0x41);
	assert_false(pending(f, 1));

	bus_write(f->m.mmio, table(f, 1) + 12, PCI_MSIX_ENTRY_CTRL_MASKBIT, 4);
	assert_int_equal(fake_kvm.gsi[24].fd, 0);
	assert_int_equal(eventfd_write(fd, 1), 0);
	assert_true(pending(f, 1));
	bus_write(f->m.mmio, table(f, 1), 0xfee02000, 4);
	bus_write(f->m.mmio, table(f, 1) + 12, 0, 4);
	assert_int_equal(fake_kvm.gsi[24].address, 0xfee02000);
	assert_true(fired(24)); /* KVM looks at an eventfd when it is tied */

	/* Our own signals, too, wait for a masked vector of his. */
	bus_write(f->m.mmio, table(f, 1) + 12, PCI_MSIX_ENTRY_CTRL_MASKBIT, 4);
	pci_msix_signal(&f->d, 1);
	assert_true(pending(f, 1));
	bus_write(f->m.mmio, table(f, 1) + 12, 0, 4);
	assert_true(fired(24));
	control(f, 0);
	assert_int_equal(fake_kvm.gsi[24].fd, 0);
}

static void odd_table_accesses_do_nothing(void **state)
{
	struct fixture *f = *state;

	program(f, 0, 0xfee00000, 0x30);
	bus_write(f->m.mmio, table(f, 0) + 1, 0xffffffff, 4);
	bus_write(f->m.mmio, table(f, 0) + 8, 0xff, 1);
	bus_write(f->m.mmio, table(f, 0) + VECTORS * PCI_MSIX_ENTRY_SIZE, 0xffffffff, 4);
	assert_int_equal(bus_read(f->m.mmio, table(f, 0), 8), 0xfee00000);
	assert_int_equal(bus_read(f->m.mmio, table(f, 0) + 8, 8), 0x30);
	assert_int_equal(bus_read(f->m.mmio, table(f, 0) + 2, 2), 0);
	assert_int_equal(bus_read(f->m.mmio, table(f, 0) + 4092, 4), 0);
	assert_false(pending(f, 0));
}

/* A function with memory in parts of its BAR 0, MSI-X in another part, and MSI. */
struct parted {
	struct pci_device d;
	struct pci_bar_map maps[2];
	char memory[2][4096];
};

#define MSI  0x50
#define MSIX 0x60

static void parted_init(struct fixture *f, struct parted *p)
{
	const struct pci_msix_layout l = {.capability = MSIX,
					  .table_bar = 0,
					  .table = 0x1000,
					  .pending_bar = 0,
					  .pending = 0x1800};

	memset(p, 0, sizeof(*p));
	p->d.name = "parted";
	p->maps[0] = (struct pci_bar_map){0, 4096, p->memory[0]};
	p->maps[1] = (struct pci_bar_map){0x3000, 4096, p->memory[1]};
	p->d.bar[0] = (struct pci_bar){.kind = PCI_BAR_MEM32,
				       .bytes = 0x4000,
				       .read = bar_read,
				       .maps = p->maps,
				       .map_count = 2};
	assert_int_equal(pci_msix_init_at(&p->d, &l, VECTORS), 0);
	assert_int_equal(pci_msi_init(&p->d, MSI, 0x0184 | PCI_MSI_FLAGS_MASKBIT), 0);
	assert_int_equal(pci_add(&f->m, &p->d), 0);
}

static void put_in(struct fixture *f, const struct pci_device *d, unsigned int offset,
		   unsigned int size, uint32_t value)
{
	address(f, d->slot, offset);
	bus_write(f->m.ports, 0xcfc + offset % 4, value, size);
}

static void a_bar_is_memory_in_parts(void **state)
{
	struct fixture *f = *state;
	struct parted p;
	uint64_t value;

	parted_init(f, &p);
	put_in(f, &p.d, PCI_BASE_ADDRESS_0, 4, 0xd0000000);
	put_in(f, &p.d, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	for (unsigned int i = 0; i < 2; i++) {
		unsigned int slot = p.d.memory_slot[0] + i;

		assert_int_equal(fake_kvm.slot[slot].gpa, 0xd0000000 + p.maps[i].offset);
		assert_int_equal(fake_kvm.slot[slot].bytes, 4096);
		assert_ptr_equal(fake_kvm.slot[slot].host, p.memory[i]);
	}
	assert_int_not_equal(p.d.memory_slot[0], f->d.memory_slot[3]);
	assert_int_equal(bus_read(f->m.mmio, 0xd0002000, 1), 0xb0);
	put_in(f, &p.d, PCI_BASE_ADDRESS_0, 4, 0xd4000000);
	assert_int_equal(fake_kvm.slot[p.d.memory_slot[0] + 1].gpa, 0xd4003000);
	put_in(f, &p.d, PCI_COMMAND, 2, 0);
	assert_int_equal(fake_kvm.slot[p.d.memory_slot[0]].bytes, 0);

	assert_true(pci_msix_write(&p.d, 0, 0x1000 + 16, 0xfee00000, 8));
	assert_true(pci_msix_read(&p.d, 0, 0x1000 + 16, 4, &value));
	assert_int_equal(value, 0xfee00000);
	assert_true(pci_msix_read(&p.d, 0, 0x1800, 8, &value));
	assert_int_equal(value, 0);
	assert_false(pci_msix_read(&p.d, 0, 0x1000 + VECTORS * 16, 4, &value));
	assert_false(pci_msix_read(&p.d, 1, 0x1000, 4, &value));
	assert_false(pci_msix_write(&p.d, 0, 0x0ff8, 0, 8));
	pci_remove(&p.d);
}

static void msi_delivers(void **state)
{
	struct fixture *f = *state;
	struct parted p;
	uint64_t where;
	uint32_t data;
	int fd;

	parted_init(f, &p);
	assert_int_equal(pci_msi_enabled(&p.d), 0);
	fd = pci_msi_fd(&p.d, 1);
	assert_true(fd > 0);
	assert_int_equal(pci_msi_fd(&p.d, 4), -1);
	put_in(f, &p.d, MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee02003);
	put_in(f, &p.d, MSI + PCI_MSI_DATA_64, 2, 0x43);
	assert_int_equal(fake_kvm.next_gsi, 24);
	put_in(f, &p.d, MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 2 << 4);
	assert_int_equal(pci_msi_enabled(&p.d), 4);
	assert_int_equal(fake_kvm.gsi[24].fd, fd);
	assert_int_equal(fake_kvm.gsi[24].address, 0xfee02000);
	assert_int_equal(fake_kvm.gsi[24].data, 0x41);
	assert_true(pci_msi_message(&p.d, 3, &where, &data));
	assert_int_equal(data, 0x43);
	put_in(f, &p.d, MSI + PCI_MSI_DATA_64, 2, 0x50); /* moved while on */
	assert_int_equal(fake_kvm.gsi[24].data, 0x51);
	put_in(f, &p.d, MSI + PCI_MSI_MASK_64, 4, 2);
	assert_int_equal(fake_kvm.gsi[24].fd, 0);
	assert_false(pci_msi_message(&p.d, 1, &where, &data));
	put_in(f, &p.d, MSI + PCI_MSI_MASK_64, 4, 0);
	assert_int_equal(fake_kvm.gsi[24].fd, fd);
	/* More vectors than there are, and then none. */
	put_in(f, &p.d, MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 7 << 4);
	assert_int_equal(pci_msi_enabled(&p.d), 4);
	put_in(f, &p.d, MSI + PCI_MSI_FLAGS, 2, 0);
	assert_int_equal(pci_msi_enabled(&p.d), 0);
	assert_int_equal(fake_kvm.gsi[24].fd, 0);
	pci_remove(&p.d);
	assert_int_equal(pci_msi_init(&p.d, MSI, 6 << 1), -1);
}

static void intx_is_shared(void **state)
{
	struct fixture *f = *state;
	struct pci_device others[4];

	/* Slots 2 to 5: the last shares its line with ours. */
	memset(others, 0, sizeof(others));
	for (int i = 0; i < 4; i++) {
		others[i].name = "other";
		assert_int_equal(pci_add(&f->m, &others[i]), 0);
	}
	pci_intx(&f->d, true);
	pci_intx(&f->d, true);
	assert_true(fake_kvm.line[17]);
	pci_intx(&others[3], true);
	pci_intx(&f->d, false);
	assert_true(fake_kvm.line[17]);
	pci_intx(&others[3], false);
	assert_false(fake_kvm.line[17]);
	for (int i = 0; i < 4; i++)
		pci_remove(&others[i]);
}

static void what_cannot_be_added_is_refused(void **state)
{
	struct fixture *f = *state;
	struct pci_device odd = {.name = "odd",
				 .bar[0] = {.kind = PCI_BAR_MEM32, .bytes = 3000}};
	struct pci_device wide = {.name = "wide",
				  .bar[5] = {.kind = PCI_BAR_MEM64, .bytes = 4096}};
	struct pci_device huge = {.name = "huge",
				  .bar[0] = {.kind = PCI_BAR_MEM32, .bytes = 1ULL << 31}};
	static struct pci_device many[PCI_SLOTS];
	int added = 0;

	assert_int_equal(pci_add(&f->m, &odd), -1);
	assert_int_equal(pci_add(&f->m, &wide), -1);
	assert_int_equal(pci_add(&f->m, &huge), -1);
	assert_non_null(strstr(err_text(), "huge"));
	assert_int_equal(pci_ioeventfd(&f->d, 0, 4094, 4, 1), -1);
	assert_int_equal(pci_ioeventfd(&f->d, 6, 0, 4, 1), -1);
	assert_int_equal(pci_msix_init(&odd, 0, 2049), -1);
	while (added < PCI_SLOTS && !pci_add(&f->m, &many[added]))
		many[added++].name = "many";
	assert_int_equal(added, PCI_SLOTS - 2);
	while (added)
		pci_remove(&many[--added]);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(configuration_is_there),
		T(bars_are_sized),
		T(bars_are_mapped_and_moved),
		T(bars_stay_where_they_may_be),
		T(capabilities_are_chained),
		T(msix_delivers),
		T(masked_vectors_wait),
		T(others_may_signal),
		T(odd_table_accesses_do_nothing),
		T(a_bar_is_memory_in_parts),
		T(msi_delivers),
		T(intx_is_shared),
		T(what_cannot_be_added_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
