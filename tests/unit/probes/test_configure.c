/* libprobes without a kernel: the configuration, the devices' hash, interrupts, the tables. */
#include "tests/unit/vmm/cmocka.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "probes/internal.h"
#include "probes/irqs.h"
#include "probes/prologue.h"

static struct probes_config plausible(void)
{
	struct probes_config c = {
		.ports = {80},
		.port_count = 1,
		.server_netns_fd = -1,
		.wire_device = ~0u,
		.wire_netns_fd = -1,
	};

	return c;
}

static void bad_configurations_are_named(void **state)
{
	struct probes_config c = plausible();

	(void)state;
	assert_int_equal(configure_check(&c), 0);
	c.port_count = 0;
	assert_int_equal(configure_check(&c), -1);
	assert_non_null(strstr(err_text(), "0 service ports"));
	c = plausible();
	c.device_count = PROBES_DEVICES_MAX + 1;
	assert_int_equal(configure_check(&c), -1);
	assert_non_null(strstr(err_text(), "65 devices"));
	c = plausible();
	c.wire_device = 0;
	assert_int_equal(configure_check(&c), -1);
	assert_non_null(strstr(err_text(), "device 0 of 0"));
}

/* As many devices as may be, in namespaces whose numbers follow each other, as they do. */
static void every_device_is_found(void **state)
{
	static struct device_slot slots[DEVICE_SLOTS];
	struct probes_config c = plausible();
	__u32 seed;

	(void)state;
	for (unsigned int i = 0; i < PROBES_DEVICES_MAX; i++) {
		c.devices[i].ifindex = 2 + i % 4;
		c.devices[i].netns = 4026532000u + i / 4;
		c.devices[i].role = ROLE_PORT;
		c.devices[i].index = (uint8_t)i;
	}
	c.device_count = PROBES_DEVICES_MAX;
	assert_int_equal(configure_devices(&c, slots, &seed), 0);
	for (unsigned int i = 0; i < PROBES_DEVICES_MAX; i++) {
		const struct device_slot *s =
			&slots[device_slot_of(c.devices[i].ifindex, c.devices[i].netns, seed)];

		assert_int_equal(s->ifindex, c.devices[i].ifindex);
		assert_int_equal(s->netns, c.devices[i].netns);
		assert_int_equal(s->device, i);
	}
	c.devices[1] = c.devices[0];
	assert_int_equal(configure_devices(&c, slots, &seed), -1);
	assert_non_null(strstr(err_text(), "given twice"));
}

static void namespaces_follow_the_roles(void **state)
{
	struct probes *p = calloc(1, sizeof(*p));
	struct bpf_config out;

	(void)state;
	p->config = plausible();
	configure_constants(p, &out);
	assert_int_equal(out.server_netns, NETNS_NONE);
	assert_int_equal(out.client_netns, NETNS_NONE);
	p->config.devices[0] = (struct probes_device){.role = ROLE_BARE, .netns = 7};
	p->config.devices[1] = (struct probes_device){.role = ROLE_CLIENT, .netns = 8};
	p->config.devices[2] = (struct probes_device){.role = ROLE_CLIENT, .netns = 9};
	p->config.device_count = 3;
	configure_constants(p, &out);
	assert_int_equal(out.server_netns, 7);
	assert_int_equal(out.client_netns, NETNS_ANY);
	free(p);
}

static void interrupts_are_told_apart(void **state)
{
	(void)state;
	assert_true(irqs_name_matches("eth0", "eth0"));
	assert_true(irqs_name_matches("eth0-rx-0", "eth0"));
	assert_true(irqs_name_matches("enp1s0-TxRx-3", "enp1s0"));
	assert_true(irqs_name_matches("virtio0-input.0", "virtio0"));
	assert_false(irqs_name_matches("eth01", "eth0"));
	assert_false(irqs_name_matches("eth0-tx-0", "eth0"));
	assert_false(irqs_name_matches("virtio0-output.0", "virtio0"));
	assert_false(irqs_name_matches("virtio0-config", "virtio0"));
	assert_false(irqs_name_matches("virtio10-input.0", "virtio1"));
	assert_false(irqs_name_matches("anything", ""));
}

static void sum_irqs(void *ctx, unsigned int irq)
{
	*(unsigned int *)ctx += irq;
}

static void interrupts_are_found(void **state)
{
	static char text[] =
		"           CPU0       CPU1\n"
		"  9:          1          0   IO-APIC   9-fasteoi   acpi\n"
		" 11:         20          3   IO-APIC  11-fasteoi   uhci, eth1\n"
		" 24:          0          0   PCI-MSIX-0000:00:01.0   0-edge   virtio0-config\n"
		" 25:        100          0   PCI-MSIX-0000:00:01.0   1-edge   virtio0-input.0\n"
		" 26:          5          0   PCI-MSIX-0000:01:00.0   0-edge   "
		"vfio-msix[0](0000:01:00.0)\n"
		" 27:          5          0   PCI-MSIX-0000:01:00.0   1-edge   "
		"vfio-msix[1](0000:01:00.0)\n"
		" 28:          5          0   PCI-MSI-0000:02:00.0    0-edge   "
		"vfio-msi[0](0000:02:00.0)\n"
		"NMI:          0          0   Non-maskable interrupts\n";
	const char *names[] = {"virtio0", "eth1"};
	FILE *f = fmemopen(text, strlen(text), "r");
	unsigned int sum = 0;

	(void)state;
	assert_int_equal(irqs_scan(f, irqs_name_matches, names, 2, sum_irqs, &sum), 2);
	assert_int_equal(sum, 11 + 25);
	rewind(f);
	names[0] = "0000:01:00.0";
	sum = 0;
	assert_int_equal(irqs_scan(f, irqs_passed_matches, names, 1, sum_irqs, &sum), 2);
	assert_int_equal(sum, 26 + 27);
	fclose(f);
}

static void cheap_instructions_are_found(void **state)
{
	static const struct {
		unsigned char code[PROLOGUE_BYTES];
		size_t at;
	} cases[] = {
		{{0x55, 0x48, 0x89, 0xe5}, 0},                   /* push %rbp */
		{{0x41, 0x54, 0x55}, 0},                         /* push %r12 */
		{{0xf3, 0x0f, 0x1e, 0xfa, 0x41, 0x57}, 4},       /* endbr64; push %r15 */
		{{0x80, 0xbf, 0x1a, 5, 0, 0, 0, 0x78, 0x37}, 7}, /* cmpb; js */
		{{0xf3, 0x0f, 0x1e, 0xfa, 0x80, 0xbf, 1, 2, 3, 4, 5, 0x74, 9}, 11},
		{{0x80, 0xbf, 0x1a, 5, 0, 0, 0, 0x0f, 0x88}, 0}, /* cmpb; a long jump */
		{{0x48, 0x83, 0xec, 0x18}, 0},                   /* sub $24, %rsp */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_int_equal(prologue_cheapest(cases[i].code, PROLOGUE_BYTES), cases[i].at);
	assert_int_equal(prologue_cheapest(cases[3].code, 7), 0); /* cut short */
	assert_int_equal(prologue_cheapest(cases[0].code, 0), 0);
	assert_int_equal(prologue_of("/nonexistent", "main"), -1);
	assert_int_equal(prologue_of("/proc/self/exe", "no_such_function"), -1);
}

/* Every hop that the kernel can see has a program that marks it. */
/* The window is a second; what counts is what came within it. */
static void uprobes_are_governed(void **state)
{
	struct governor g = {0};

	(void)state;
	assert_false(governor_exceeds(&g, 5000000000u, 700, 100));
	assert_false(governor_exceeds(&g, 5500000000u, 800, 100));
	assert_false(governor_exceeds(&g, 6100000000u, 860, 100));
	assert_false(governor_exceeds(&g, 7000000000u, 960, 100));
	assert_true(governor_exceeds(&g, 7050000000u, 961, 100));
}

static void rings_share_the_memory(void **state)
{
	(void)state;
	assert_int_equal(rings_default_bytes(1), 16 << 20);
	assert_int_equal(rings_default_bytes(16), 16 << 20);
	assert_int_equal(rings_default_bytes(17), 8 << 20);
	assert_int_equal(rings_default_bytes(64), 4 << 20);
	assert_int_equal(rings_default_bytes(512), 4 << 20);
}

static void every_hop_has_a_program(void **state)
{
	uint64_t marked = 0;

	(void)state;
	for (size_t i = 0; i < program_count; i++)
		marked |= programs[i].hops;
	for (int point = 0; point < POINT_COUNT; point++) {
		for (int role = 0; role < ROLE_COUNT; role++) {
			const struct packet_hops *h = &packet_hops[point][role];

			marked |= 1ULL << h->request | 1ULL << h->reply;
			if (h->request)
				assert_int_equal(hop_table[h->request].direction,
						 DIRECTION_REQUEST);
			if (h->reply)
				assert_int_equal(hop_table[h->reply].direction,
						 DIRECTION_REPLY);
		}
	}
	for (int hop = 0; hop < HOP_COUNT; hop++)
		if (strncmp(hop_table[hop].name, "vmm.", 4) && hop != HOP_GUEST)
			assert_true(marked >> hop & 1);
}

static void a_program_is_listed_once(void **state)
{
	(void)state;
	for (size_t i = 0; i < program_count; i++)
		for (size_t j = i + 1; j < program_count; j++)
			assert_string_not_equal(programs[i].name, programs[j].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bad_configurations_are_named),
		cmocka_unit_test(every_device_is_found),
		cmocka_unit_test(namespaces_follow_the_roles),
		cmocka_unit_test(interrupts_are_told_apart),
		cmocka_unit_test(interrupts_are_found),
		cmocka_unit_test(cheap_instructions_are_found),
		cmocka_unit_test(uprobes_are_governed),
		cmocka_unit_test(rings_share_the_memory),
		cmocka_unit_test(every_hop_has_a_program),
		cmocka_unit_test(a_program_is_listed_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
