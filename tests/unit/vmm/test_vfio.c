/* Passthrough, with a kernel that pretends to have VFIO and a KVM that only remembers. */
#include "tests/unit/vmm/cmocka.h"

#include <errno.h>
#include <linux/pci_regs.h>
#include <string.h>

#include "lib/err.h"
#include "tests/unit/vmm/fake_kvm.h"
#include "tests/unit/vmm/fake_vfio.h"
#include "vmm/pci_bus.h"
#include "vmm/vfio/device.h"
#include "vmm/vfio/devices.h"

#define MEMORY (64ULL << 20)
#define GSI    (PCI_INTX_GSI + 1) /* slot 1's INTx */

#define MSI     0x50
#define MSIX    0x60
#define EXPRESS 0x70
#define VENDOR  0xb0
#define TABLE   0x8000

struct fixture {
	struct machine m;
	struct device d;
};

static int set_up(void **state)
{
	static struct fixture f;

	fake_vfio_reset();
	fake_sysfs_make("vfio-pci", 0x020000);
	fake_machine(&f.m, MEMORY);
	assert_int_equal(guest_memory_create(&f.m.memory, MEMORY, false), 0);
	*state = &f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	fake_machine_destroy(&f->m);
	guest_memory_destroy(&f->m.memory);
	fake_sysfs_remove();
	assert_int_equal(fake_vfio.open_fds, 0);
	assert_int_equal(fake_vfio.maps, 0);
	for (int i = 0; i < 4; i++)
		assert_int_equal(fake_vfio.mapped[i].bytes, 0);
	return 0;
}

static int create(struct fixture *f, const struct device_type *type, const char *text)
{
	struct arguments a;
	int ret;

	f->d = (struct device){.type = type, .machine = &f->m, .index = 1};
	f->m.devices = &f->d;
	assert_int_equal(arguments_parse(&a, text, type->arguments), 0);
	ret = type->create(&f->d, &a);
	arguments_free(&a);
	return ret;
}

static struct vfio_device *start(struct fixture *f)
{
	if (create(f, &device_net_vfio, "device=" FAKE_ADDRESS))
		fail_msg("%s", err_text());
	return f->d.state;
}

static void stop(struct fixture *f)
{
	f->d.type->destroy(&f->d);
}

static void refused(struct fixture *f, const char *why)
{
	assert_int_equal(create(f, &device_net_vfio, "device=" FAKE_ADDRESS), -1);
	if (!strstr(err_text(), why))
		fail_msg("\"%s\" does not say \"%s\"", err_text(), why);
	stop(f);
}

static uint32_t get(struct fixture *f, unsigned int offset, unsigned int size)
{
	bus_write(f->m.ports, 0xcf8, 1U << 31 | 1 << 11 | (offset & 0xfc), 4);
	return (uint32_t)bus_read(f->m.ports, 0xcfc + offset % 4, size);
}

static void put(struct fixture *f, unsigned int offset, unsigned int size, uint32_t value)
{
	bus_write(f->m.ports, 0xcf8, 1U << 31 | 1 << 11 | (offset & 0xfc), 4);
	bus_write(f->m.ports, 0xcfc + offset % 4, value, size);
}

static uint64_t bar(struct fixture *f, unsigned int n)
{
	return get(f, PCI_BASE_ADDRESS_0 + 4 * n, 4) & ~0xfULL;
}

static uint16_t real_command(void)
{
	return (uint16_t)(fake_vfio.config[PCI_COMMAND] | fake_vfio.config[PCI_COMMAND + 1]
								  << 8);
}

static void program(struct fixture *f, unsigned int vector)
{
	uint64_t entry = bar(f, 0) + TABLE + vector * PCI_MSIX_ENTRY_SIZE;

	bus_write(f->m.mmio, entry, 0xfee00000, 8);
	bus_write(f->m.mmio, entry + 8, 0x40 + vector, 4);
	bus_write(f->m.mmio, entry + 12, 0, 4);
}

static void addresses_are_completed(void **state)
{
	char a[13];

	(void)state;
	assert_int_equal(vfio_host_address(a, "03:00.1"), 0);
	assert_string_equal(a, "0000:03:00.1");
	assert_int_equal(vfio_host_address(a, "0001:af:1f.7"), 0);
	assert_string_equal(a, "0001:af:1f.7");
	assert_int_equal(vfio_host_address(a, "03:20.1"), -1);
	assert_int_equal(vfio_host_address(a, "03:00.8"), -1);
	assert_int_equal(vfio_host_address(a, "03:00"), -1);
	assert_int_equal(vfio_host_address(a, "03:00.0.0"), -1);
	assert_int_equal(vfio_host_address(a, "eth0"), -1);
	assert_int_equal(vfio_host_address(a, ""), -1);
}

static void a_function_is_what_it_is(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(get(f, PCI_VENDOR_ID, 4), 0x10d38086);
	assert_int_equal(get(f, PCI_CLASS_REVISION, 4), 0x02000003);
	assert_int_equal(get(f, PCI_INTERRUPT_PIN, 1), 1);
	assert_int_equal(get(f, PCI_ROM_ADDRESS, 4), 0);
	assert_int_equal(fake_vfio.mapped[0].gpa, 0);
	assert_int_equal(fake_vfio.mapped[0].bytes, MEMORY);
	assert_int_equal(fake_vfio.mapped[0].host, (uintptr_t)f->m.memory.region[0].host);
	assert_int_equal(fake_vfio.resets_done, 1);
	stop(f);
	assert_int_equal(fake_vfio.resets_done, 2);
	assert_null(f->m.vfio);
}

static void memory_on_both_sides_of_the_hole_is_mapped(void **state)
{
	struct fixture *f = *state;
	const uint64_t bytes = GUEST_LOW_MAX + (1ULL << 30);

	guest_memory_destroy(&f->m.memory);
	assert_int_equal(guest_memory_create(&f->m.memory, bytes, false), 0);
	start(f);
	assert_int_equal(fake_vfio.mapped[0].gpa, 0);
	assert_int_equal(fake_vfio.mapped[0].bytes, GUEST_LOW_MAX);
	assert_int_equal(fake_vfio.mapped[1].gpa, GUEST_HIGH_START);
	assert_int_equal(fake_vfio.mapped[1].bytes, 1ULL << 30);
	stop(f);
}

static void capabilities_are_chosen(void **state)
{
	struct fixture *f = *state;
	unsigned int at, seen = 0;

	start(f);
	for (at = get(f, PCI_CAPABILITY_LIST, 1); at; at = get(f, at + 1, 1))
		seen |= 1U << get(f, at, 1);
	assert_int_equal(seen, 1U << PCI_CAP_ID_MSI | 1U << PCI_CAP_ID_MSIX |
				       1U << PCI_CAP_ID_EXP | 1U << PCI_CAP_ID_VNDR);
	assert_int_equal(get(f, EXPRESS + PCI_EXP_FLAGS, 2), PCI_EXP_TYPE_RC_END << 4 | 2);
	assert_int_equal(get(f, EXPRESS + PCI_EXP_DEVCAP, 4), 0x10008fc0);
	assert_int_equal(get(f, EXPRESS + PCI_EXP_LNKCAP, 4), 0);
	stop(f);
}

static void what_is_passed_is_the_functions_own(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(get(f, VENDOR + 4, 4), 0x12345678);
	put(f, VENDOR + 4, 2, 0xaaaa);
	assert_int_equal(fake_vfio.config[VENDOR + 4], 0xaa);
	assert_int_equal(fake_vfio.config[VENDOR + 6], 0x34);
	fake_vfio.config[VENDOR + 5] = 0xbb;
	assert_int_equal(get(f, VENDOR + 4, 4), 0x1234bbaa);
	put(f, VENDOR, 4, 0xffffffff); /* its header is not, all but one byte */
	assert_int_equal(get(f, VENDOR, 2), get(f, VENDOR, 4) & 0xffff);
	assert_int_equal(fake_vfio.config[VENDOR], PCI_CAP_ID_VNDR);
	put(f, EXPRESS + PCI_EXP_DEVCTL, 2, 0x8010);
	assert_int_equal(fake_vfio.config[EXPRESS + PCI_EXP_DEVCTL + 1], 0x80);
	put(f, EXPRESS + PCI_EXP_LNKCTL, 2, 0xffff);
	assert_int_equal(fake_vfio.config[EXPRESS + PCI_EXP_LNKCTL], 0);
	stop(f);
}

/* The guest may have its BARs off, but the function itself keeps decoding: KVM maps it. */
static void the_command_register_is_half_the_guests(void **state)
{
	struct fixture *f = *state;

	start(f);
	assert_int_equal(real_command(),
			 PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_INTX_DISABLE);
	put(f, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	assert_int_equal(real_command(),
			 PCI_COMMAND_IO | PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
	put(f, PCI_COMMAND, 2, 0);
	assert_int_equal(real_command(), PCI_COMMAND_IO | PCI_COMMAND_MEMORY);
	put(f, PCI_COMMAND + 1, 1, PCI_COMMAND_INTX_DISABLE >> 8);
	assert_true(real_command() & PCI_COMMAND_INTX_DISABLE);
	put(f, PCI_COMMAND, 2, PCI_COMMAND_MASTER);
	stop(f);
	assert_false(real_command() & PCI_COMMAND_MASTER);
}

static void bars_are_memory_but_for_the_table(void **state)
{
	struct fixture *f = *state;
	struct vfio_device *v = start(f);
	unsigned int slot;
	uint64_t at;

	put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_IO);
	at = bar(f, 0);
	slot = v->pci.memory_slot[0];
	/* The table is in page 8, the pending bits in page 9. */
	assert_int_equal(v->pci.bar[0].map_count, 2);
	assert_int_equal(fake_kvm.slot[slot].gpa, at);
	assert_int_equal(fake_kvm.slot[slot].bytes, 0x8000);
	assert_ptr_equal(fake_kvm.slot[slot].host, fake_vfio.bar[0]);
	assert_int_equal(fake_kvm.slot[slot + 1].gpa, at + 0xa000);
	assert_int_equal(fake_kvm.slot[slot + 1].bytes, 0x6000);
	/* The rest of page 8 is the function's, through its file. */
	bus_write(f->m.mmio, at + 0x8800, 0x11223344, 4);
	assert_memory_equal(fake_vfio.bar[0] + 0x8800, "\x44\x33\x22\x11", 4);
	assert_int_equal(bus_read(f->m.mmio, at + 0x8802, 2), 0x1122);
	/* The table itself is not. */
	bus_write(f->m.mmio, at + 0x8000, 0x55, 4);
	assert_int_equal(fake_vfio.bar[0][0x8000], 0);
	assert_int_equal(bus_read(f->m.mmio, at + 0x8000, 4), 0x55);
	bus_write(f->m.ports, (bar(f, 2) & ~3ULL) + 4, 0x77, 1);
	assert_int_equal(fake_vfio.bar[2][4], 0x77);
	stop(f);
}

static void bars_are_mapped_where_the_kernel_allows(void **state)
{
	struct fixture *f = *state;
	struct vfio_device *v;

	fake_vfio.sparse[0].offset = 0;
	fake_vfio.sparse[0].bytes = 0x9000; /* the hole cuts its end off */
	fake_vfio.sparse[1].offset = 0xb800;
	fake_vfio.sparse[1].bytes = 0x2000; /* one whole page */
	fake_vfio.sparse[2].offset = 0xff00;
	fake_vfio.sparse[2].bytes = 0x100; /* none */
	v = start(f);
	assert_int_equal(v->pci.bar[0].map_count, 2);
	assert_int_equal(v->map[0][0].offset, 0);
	assert_int_equal(v->map[0][0].bytes, 0x8000);
	assert_int_equal(v->map[0][1].offset, 0xc000);
	assert_int_equal(v->map[0][1].bytes, 0x1000);
	stop(f);

	fake_vfio.bar_mappable[0] = false;
	v = start(f);
	assert_int_equal(v->pci.bar[0].map_count, 0);
	stop(f);
}

static void intx_needs_nobody_in_between(void **state)
{
	struct fixture *f = *state;
	struct vfio_device *v = start(f);

	assert_int_equal(v->irqs.mode, VFIO_INTERRUPTS_INTX);
	assert_int_equal(fake_vfio.index, 0);
	assert_int_equal(fake_vfio.fd[0], fake_kvm.gsi[GSI].fd);
	assert_int_equal(fake_vfio.unmask_fd, fake_kvm.gsi[GSI].resample_fd);
	stop(f);
	assert_int_equal(fake_kvm.gsi[GSI].fd, 0);
}

static void msix_vectors_come_one_by_one(void **state)
{
	struct fixture *f = *state;
	struct vfio_device *v = start(f);

	put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	program(f, 1);
	assert_int_equal(fake_vfio.index, 0); /* not yet */
	put(f, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE | PCI_MSIX_FLAGS_MASKALL);
	assert_int_equal(fake_vfio.index, 2);
	assert_int_equal(fake_vfio.count, 5);
	assert_int_equal(fake_kvm.gsi[GSI].fd, 0);
	assert_int_equal(fake_vfio.fd[1], -1);
	put(f, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(v->irqs.connected, 1);
	assert_int_equal(fake_vfio.fd[1], fake_kvm.gsi[24].fd);
	assert_int_equal(fake_kvm.gsi[24].data, 0x41);
	program(f, 4);
	assert_int_equal(fake_vfio.fd[4], fake_kvm.gsi[25].fd);
	/* Masked, it keeps its eventfd, which KVM no longer reads. */
	bus_write(f->m.mmio, bar(f, 0) + TABLE + 4 * 16 + 12, 1, 4);
	assert_int_equal(fake_kvm.gsi[25].fd, 0);
	assert_true(fake_vfio.fd[4] > 0);
	/* Off: INTx again. */
	put(f, MSIX + PCI_MSIX_FLAGS, 2, 0);
	assert_int_equal(fake_vfio.index, 0);
	assert_true(fake_kvm.gsi[GSI].fd > 0);
	put(f, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(v->irqs.connected, 1);
	assert_int_equal(v->irqs.refused, 0);
	stop(f);
}

static void a_host_short_of_vectors_gives_what_it_has(void **state)
{
	struct fixture *f = *state;
	struct vfio_device *v = start(f);

	fake_vfio.vectors_left = 2;
	put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	for (unsigned int i = 0; i < 5; i++)
		program(f, i);
	put(f, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE);
	assert_int_equal(fake_vfio.count, 2);
	assert_int_equal(v->irqs.connected, 2);
	assert_int_equal(v->irqs.refused, 3);
	stop(f);
}

static void msi_is_the_other_way(void **state)
{
	struct fixture *f = *state;
	struct vfio_device *v = start(f);

	put(f, MSI + PCI_MSI_ADDRESS_LO, 4, 0xfee01000);
	put(f, MSI + PCI_MSI_DATA_64, 2, 0x51);
	put(f, MSI + PCI_MSI_FLAGS, 2, PCI_MSI_FLAGS_ENABLE | 5 << 4); /* it has but one */
	assert_int_equal(v->irqs.mode, VFIO_INTERRUPTS_MSI);
	assert_int_equal(fake_vfio.index, 1);
	assert_int_equal(fake_vfio.count, 1);
	assert_int_equal(fake_vfio.fd[0], fake_kvm.gsi[24].fd);
	assert_int_equal(fake_kvm.gsi[24].data, 0x51);
	put(f, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
	program(f, 0);
	put(f, MSIX + PCI_MSIX_FLAGS, 2, PCI_MSIX_FLAGS_ENABLE); /* both on: MSI-X it is */
	assert_int_equal(fake_vfio.index, 2);
	stop(f);
}

static void a_function_without_interrupts(void **state)
{
	struct fixture *f = *state;
	struct vfio_device *v;

	memset(fake_vfio.irqs, 0, sizeof(fake_vfio.irqs));
	v = start(f);
	assert_int_equal(get(f, PCI_INTERRUPT_PIN, 1), 0);
	assert_int_equal(v->irqs.mode, VFIO_INTERRUPTS_OFF);
	assert_null(v->pci.msix);
	assert_int_equal(v->pci.bar[0].map_count, 1);
	stop(f);
}

static void resets_reach_as_far_as_they_must(void **state)
{
	struct fixture *f = *state;
	struct vfio_device *v;

	fake_vfio.resets = false;
	v = start(f);
	assert_string_equal(v->reset, "none");
	stop(f);
	fake_vfio.hot_resets = true;
	v = start(f);
	assert_string_equal(v->reset, "bus");
	stop(f);
	assert_int_equal(fake_vfio.hot_resets_done, 2);
	assert_int_equal(fake_vfio.resets_done, 0);
}

static void odd_configuration_space_is_survived(void **state)
{
	struct fixture *f = *state;

	fake_vfio.config[VENDOR + 1] = 0x70; /* the list runs in a circle */
	start(f);
	stop(f);
	fake_vfio.config[VENDOR + 2] = 0xff; /* longer than there is room */
	start(f);
	assert_int_equal(get(f, VENDOR + 2, 1), 256 - VENDOR);
	stop(f);
	fake_vfio.config[0x61] = 0x6c; /* the next begins inside */
	start(f);
	stop(f);
	fake_vfio.config[0x66] = 1; /* the table lies beyond its BAR */
	refused(f, "MSI-X table lies outside");
	fake_vfio.config[PCI_HEADER_TYPE] = PCI_HEADER_TYPE_BRIDGE;
	refused(f, "is a bridge");
}

static void obstacles_are_explained(void **state)
{
	struct fixture *f = *state;

	fake_vfio.open_container_error = ENOENT;
	refused(f, "modprobe vfio-pci");
	fake_vfio.open_container_error = 0;
	fake_vfio.open_group_error = EBUSY;
	refused(f, "another VM");
	fake_vfio.open_group_error = EACCES;
	refused(f, "chown USER /fake/4");
	fake_vfio.open_group_error = 0;
	fake_vfio.set_iommu_error = EPERM;
	refused(f, "allow_unsafe_interrupts");
	fake_vfio.set_iommu_error = 0;
	fake_vfio.map_error = ENOMEM;
	refused(f, "ulimit -l");
	fake_vfio.map_error = EINVAL;
	refused(f, "IOMMU cannot map");
	fake_vfio.map_error = 0;
	fake_vfio.device_error = ENODEV;
	refused(f, "does not hand out " FAKE_ADDRESS);
	fake_vfio.device_error = 0;
	start(f);
	stop(f);
}

static void a_group_goes_as_a_whole(void **state)
{
	struct fixture *f = *state;

	fake_vfio.not_viable = true;
	fake_sysfs_add("0000:00:04.1", "snd_hda_intel", 0x040300, FAKE_GROUP);
	fake_sysfs_add("0000:00:04.2", "", 0x040300, FAKE_GROUP);
	refused(f,
		"group 4 with what the host still uses: 0000:00:04.1 (driver snd_hda_intel); ");
	assert_non_null(strstr(err_text(), "echo 0000:00:04.1 > "
					   "/sys/bus/pci/devices/0000:00:04.1/driver/unbind"));
}

static void whose_it_is_is_told(void **state)
{
	struct fixture *f = *state;

	fake_sysfs_add("0000:05:00.0", "e1000e", 0x020000, 5);
	fake_sysfs_add("0000:06:00.0", "", 0x020000, 6);
	fake_sysfs_add("0000:07:00.0", "vfio-pci", 0x020000, -1);
	fake_sysfs_add("0000:08:00.0", "vfio-pci", 0x010802, 8);
	assert_int_equal(create(f, &device_net_vfio, "device=05:00.0"), -1);
	assert_non_null(strstr(err_text(), "host's driver e1000e"));
	assert_non_null(strstr(err_text(), "echo 0000:05:00.0 > "
					   "/sys/bus/pci/devices/0000:05:00.0/driver/unbind"));
	stop(f);
	assert_int_equal(create(f, &device_net_vfio, "device=06:00.0"), -1);
	assert_non_null(strstr(err_text(), "has no driver"));
	stop(f);
	assert_int_equal(create(f, &device_net_vfio, "device=07:00.0"), -1);
	assert_non_null(strstr(err_text(), "no IOMMU"));
	stop(f);
	assert_int_equal(create(f, &device_net_vfio, "device=08:00.0"), -1);
	assert_non_null(strstr(err_text(), "--disk mode=vfio"));
	stop(f);
	assert_int_equal(create(f, &device_disk_vfio, "device=" FAKE_ADDRESS), -1);
	assert_non_null(strstr(err_text(), "--net mode=vfio"));
	stop(f);
	assert_int_equal(create(f, &device_net_vfio, "device=09:00.0"), -1);
	assert_non_null(strstr(err_text(), "no PCI device 0000:09:00.0"));
	stop(f);
}

static void no_function_is_given_twice(void **state)
{
	struct fixture *f = *state;
	struct device second = {.type = &device_net_vfio, .machine = &f->m};
	struct arguments a;

	start(f);
	f->d.next = &second;
	assert_int_equal(arguments_parse(&a, "device=00:04.0", device_net_vfio.arguments), 0);
	assert_int_equal(device_net_vfio.create(&second, &a), -1);
	assert_non_null(strstr(err_text(), "given twice"));
	device_net_vfio.destroy(&second);
	arguments_free(&a);
	stop(f);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(addresses_are_completed),
		T(a_function_is_what_it_is),
		T(memory_on_both_sides_of_the_hole_is_mapped),
		T(capabilities_are_chosen),
		T(what_is_passed_is_the_functions_own),
		T(the_command_register_is_half_the_guests),
		T(bars_are_memory_but_for_the_table),
		T(bars_are_mapped_where_the_kernel_allows),
		T(intx_needs_nobody_in_between),
		T(msix_vectors_come_one_by_one),
		T(a_host_short_of_vectors_gives_what_it_has),
		T(msi_is_the_other_way),
		T(a_function_without_interrupts),
		T(resets_reach_as_far_as_they_must),
		T(odd_configuration_space_is_survived),
		T(obstacles_are_explained),
		T(a_group_goes_as_a_whole),
		T(whose_it_is_is_told),
		T(no_function_is_given_twice),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
