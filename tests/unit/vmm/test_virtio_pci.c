/*
 * virtio over PCI, register by register: what a driver sees through BAR 0, and that one
 * which pokes around reaches nothing else. The PCI bus is a fake.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <linux/virtio_pci.h>
#include <string.h>
#include <unistd.h>

#include "tests/unit/vmm/driver.h"
#include "tests/unit/vmm/fake_pci.h"
#include "vmm/machine.h"
#include "vmm/virtio/pci.h"

#define COMMON 0x0000
#define ISR    0x1000
#define CONFIG 0x2000
#define NOTIFY 0x3000

#define FEATURES_OK (VIRTIO_CONFIG_S_DRIVER | VIRTIO_CONFIG_S_FEATURES_OK)
#define DRIVER_OK   (FEATURES_OK | VIRTIO_CONFIG_S_DRIVER_OK)

/* ---- a device of two queues that does nothing ---- */

static unsigned int starts, stops, kicks;

static void start(struct virtio_device *d)
{
	(void)d;
	starts++;
}

static void stop(struct virtio_device *d)
{
	(void)d;
	stops++;
}

static void kick(struct virtio_device *d, unsigned int queue)
{
	(void)d;
	(void)queue;
	kicks++;
}

/* Of one queue alone: what was asked of it last. */
static int queue_stopped, queue_started, queue_rerouted;

static void stop_queue(struct virtio_device *d, unsigned int queue)
{
	(void)d;
	queue_stopped = (int)queue;
}

static void start_queue(struct virtio_device *d, unsigned int queue)
{
	(void)d;
	queue_started = (int)queue;
}

static void interrupt_changed(struct virtio_device *d, unsigned int queue)
{
	(void)d;
	queue_rerouted = (int)queue;
}

static uint64_t config_offset;
static uint8_t config_value;

static void config_written(struct virtio_device *d, uint64_t offset, uint8_t value)
{
	(void)d;
	config_offset = offset;
	config_value = value;
}

static const struct virtio_ops ops = {
	.start = start,
	.stop = stop,
	.kick = kick,
	.stop_queue = stop_queue,
	.start_queue = start_queue,
	.interrupt_changed = interrupt_changed,
	.config_written = config_written,
};
static const uint8_t config[6] = {1, 2, 3, 4, 5, 6};

static struct machine machine;
static struct driver driver;
static struct virtio_device device;
static struct virtio_pci transport;

static int setup(void **state)
{
	(void)state;
	memset(&machine, 0, sizeof(machine));
	memset(&device, 0, sizeof(device));
	memset(&transport, 0, sizeof(transport));
	driver_init(&driver);
	machine.io = loop_create("test");
	device.name = "test";
	device.id = VIRTIO_ID_RNG;
	device.ops = &ops;
	device.queue_count = 2;
	device.offered = 1 << 3;
	device.config = config;
	device.config_bytes = sizeof(config);
	starts = stops = kicks = 0;
	queue_stopped = queue_started = queue_rerouted = -1;
	fake_pci_reset();
	return virtio_init(&device, machine.io, &driver.memory) ||
	       virtio_pci_add(&transport, &device, &machine, 0xff0000);
}

static int teardown(void **state)
{
	(void)state;
	virtio_destroy(&device);
	loop_destroy(machine.io);
	driver_destroy(&driver);
	return 0;
}

static uint64_t get(uint64_t offset, unsigned int size)
{
	struct bus_range r = {.owner = &transport.pci};

	return transport.pci.bar[0].read(&r, offset, size);
}

static void put(uint64_t offset, uint64_t value, unsigned int size)
{
	struct bus_range r = {.owner = &transport.pci};

	transport.pci.bar[0].write(&r, offset, value, size);
}

static void put_address(uint64_t offset, uint64_t gpa)
{
	put(offset, (uint32_t)gpa, 4);
	put(offset + 4, gpa >> 32, 4);
}

static void accept(uint64_t features)
{
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, VIRTIO_CONFIG_S_DRIVER, 1);
	for (uint32_t word = 0; word < 2; word++) {
		put(COMMON + VIRTIO_PCI_COMMON_GFSELECT, word, 4);
		put(COMMON + VIRTIO_PCI_COMMON_GF, (uint32_t)(features >> (32 * word)), 4);
	}
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, FEATURES_OK, 1);
}

static void program_queue(uint16_t index, struct driver_queue *dq)
{
	struct virtqueue unused = {0};

	driver_queue_init(dq, &driver, &unused, 8);
	put(COMMON + VIRTIO_PCI_COMMON_Q_SELECT, index, 2);
	put(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 8, 2);
	put_address(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, dq->descriptors_gpa);
	put_address(COMMON + VIRTIO_PCI_COMMON_Q_AVAILLO, dq->available_gpa);
	put_address(COMMON + VIRTIO_PCI_COMMON_Q_USEDLO, dq->used_gpa);
	put(COMMON + VIRTIO_PCI_COMMON_Q_MSIX, index + 1u, 2);
	put(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
}

static void test_identity(void **state)
{
	(void)state;
	assert_int_equal(transport.pci.id.vendor, 0x1af4);
	assert_int_equal(transport.pci.id.device, 0x1040 + VIRTIO_ID_RNG);
	assert_int_equal(transport.pci.id.revision, 1);
	assert_int_equal(fake_pci.vectors, 3); /* one a queue, and one for the configuration */
}

/* 4.1.4: each structure has a capability, inside the BAR. */
static void test_capabilities(void **state)
{
	unsigned int seen = 0;

	(void)state;
	for (unsigned int at = 0x40; at < fake_pci.capability_at;) {
		const uint8_t *cap = transport.pci.config + at;
		uint32_t offset, length;

		assert_int_equal(cap[0], 9);
		memcpy(&offset, cap + VIRTIO_PCI_CAP_OFFSET, 4);
		memcpy(&length, cap + VIRTIO_PCI_CAP_LENGTH, 4);
		assert_int_equal(cap[VIRTIO_PCI_CAP_BAR], 0);
		assert_true(offset + length <= 0x4000);
		seen |= 1u << cap[VIRTIO_PCI_CAP_CFG_TYPE];
		at += cap[VIRTIO_PCI_CAP_LEN];
	}
	assert_int_equal(seen, 0x3e); /* types 1 to 5 */
}

static void test_features(void **state)
{
	(void)state;
	put(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 0, 4);
	assert_true(get(COMMON + VIRTIO_PCI_COMMON_DF, 4) & 1 << 3);
	put(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 1, 4);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_DF, 4),
			 1 << (VIRTIO_F_VERSION_1 - 32) | 1 << (VIRTIO_F_RING_RESET - 32));
	put(COMMON + VIRTIO_PCI_COMMON_DFSELECT, 7, 4);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_DF, 4), 0);
	accept(1ULL << VIRTIO_F_VERSION_1 | 1 << 3);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1), FEATURES_OK);
	/* Final from then on. */
	put(COMMON + VIRTIO_PCI_COMMON_GF, 0, 4);
	assert_true(virtio_accepted(&device, VIRTIO_F_VERSION_1));
}

static void test_life(void **state)
{
	struct driver_queue dq[2];

	(void)state;
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_NUMQ, 2), 2);
	accept(1ULL << VIRTIO_F_VERSION_1);
	for (uint16_t i = 0; i < 2; i++) {
		program_queue(i, &dq[i]);
		assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
		assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 2), 8);
		assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_NOFF, 2), i);
		assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_MSIX, 2), i + 1);
		assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, 4),
				 dq[i].descriptors_gpa);
	}
	assert_int_equal(starts, 0);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, DRIVER_OK, 1);
	assert_int_equal(starts, 1);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, DRIVER_OK, 1);
	assert_int_equal(starts, 1);
	/* An enabled queue cannot be changed under the I/O thread. */
	put(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 256, 2);
	put_address(COMMON + VIRTIO_PCI_COMMON_Q_USEDLO, 0);
	assert_int_equal(device.queue[1].ring.state.size, 8);
	assert_int_equal(device.queue[1].ring.state.used_gpa, dq[1].used_gpa);

	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 0, 1);
	assert_int_equal(stops, 1);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1), 0);
	put(COMMON + VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 2), VIRTQUEUE_SIZE_MAX);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	assert_int_equal(device.accepted, 0);
}

/* 4.1.4.3.2.1: one queue of a running device is taken back, and set up anew. */
static void test_queue_reset(void **state)
{
	struct driver_queue dq[2];

	(void)state;
	accept(1ULL << VIRTIO_F_VERSION_1 | 1ULL << VIRTIO_F_RING_RESET);
	program_queue(0, &dq[0]);
	program_queue(1, &dq[1]);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, DRIVER_OK, 1);
	put(COMMON + VIRTIO_PCI_COMMON_Q_RESET, 1, 2);
	assert_int_equal(queue_stopped, 1);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_RESET, 2), 0);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	assert_true(device.queue[0].ring.state.enabled);
	program_queue(1, &dq[1]);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2), 1);
	assert_int_equal(queue_started, 1);
	assert_int_equal(queue_rerouted, 1);
	assert_int_equal(starts + stops, 1);
	/* Rings that lead outside break the device, as they do at the start. */
	put(COMMON + VIRTIO_PCI_COMMON_Q_RESET, 1, 2);
	put_address(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, 0xfffffffffffff000);
	put(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	assert_true(device.status & VIRTIO_CONFIG_S_NEEDS_RESET);
}

/* A driver that did not accept the feature resets nothing. */
static void test_queue_reset_not_accepted(void **state)
{
	struct driver_queue dq;

	(void)state;
	accept(1ULL << VIRTIO_F_VERSION_1);
	program_queue(0, &dq);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, DRIVER_OK, 1);
	put(COMMON + VIRTIO_PCI_COMMON_Q_RESET, 1, 2);
	assert_int_equal(queue_stopped, -1);
	assert_true(device.queue[0].ring.state.enabled);
}

/* Somebody else may signal by the vector's own descriptor, if there is one. */
static void test_queue_fd(void **state)
{
	(void)state;
	assert_int_equal(device.transport->queue_fd(&device, 1), -1); /* no vector */
	put(COMMON + VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	put(COMMON + VIRTIO_PCI_COMMON_Q_MSIX, 2, 2);
	assert_int_equal(device.transport->queue_fd(&device, 1), FAKE_PCI_FD + 2);
	fake_pci.msix_on = false;
	assert_int_equal(device.transport->queue_fd(&device, 1), -1);
}

static void test_queue_not_there(void **state)
{
	const uint16_t bad[] = {2, 33, 0xffff};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		put(COMMON + VIRTIO_PCI_COMMON_Q_SELECT, bad[i], 2);
		assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 2), 0);
		put(COMMON + VIRTIO_PCI_COMMON_Q_SIZE, 8, 2);
		put(COMMON + VIRTIO_PCI_COMMON_Q_MSIX, 1, 2);
		put(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
		assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	}
}

/* Rings outside of memory: refused when enabled, and the driver is told (2.1.1). */
static void test_bad_ring(void **state)
{
	(void)state;
	accept(1ULL << VIRTIO_F_VERSION_1);
	put(COMMON + VIRTIO_PCI_COMMON_Q_SELECT, 0, 2);
	put_address(COMMON + VIRTIO_PCI_COMMON_Q_DESCLO, 0xfffffffffffff000);
	put(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 1, 2);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_Q_ENABLE, 2), 0);
	assert_true(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1) & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(device.broken, 1);
	put(COMMON + VIRTIO_PCI_COMMON_STATUS, 0, 1);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_STATUS, 1), 0);
}

static void test_vectors(void **state)
{
	(void)state;
	put(COMMON + VIRTIO_PCI_COMMON_MSIX, 2, 2);
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_MSIX, 2), 2);
	put(COMMON + VIRTIO_PCI_COMMON_MSIX, 3, 2); /* there are 3: 0 to 2 */
	assert_int_equal(get(COMMON + VIRTIO_PCI_COMMON_MSIX, 2), VIRTIO_MSI_NO_VECTOR);
	put(COMMON + VIRTIO_PCI_COMMON_Q_SELECT, 1, 2);
	put(COMMON + VIRTIO_PCI_COMMON_Q_MSIX, 1, 2);
	device.transport->signal_queue(&device, 1);
	assert_int_equal(fake_pci.last_vector, 1);
	fake_pci.last_vector = 77;
	device.transport->signal_queue(&device, 0); /* has none */
	assert_int_equal(fake_pci.last_vector, 77);
}

/* Without MSI-X: the line is up until the driver reads why. */
static void test_intx(void **state)
{
	(void)state;
	fake_pci.msix_on = false;
	device.transport->signal_queue(&device, 0);
	assert_true(fake_pci.intx_level);
	assert_int_equal(get(ISR, 1), 1);
	assert_false(fake_pci.intx_level);
	assert_int_equal(get(ISR, 1), 0);
	device.transport->signal_config(&device);
	device.transport->signal_queue(&device, 1);
	assert_int_equal(get(ISR, 1), 3);
}

static void test_config(void **state)
{
	(void)state;
	assert_int_equal(get(CONFIG, 4), 0x04030201);
	assert_int_equal(get(CONFIG + 4, 2), 0x0605);
	assert_int_equal(get(CONFIG + 4, 4), 0); /* runs over the end */
	assert_int_equal(get(CONFIG + 6, 1), 0);
	put(CONFIG + 5, 9, 1); /* is for the device to take */
	assert_int_equal(config_offset, 5);
	assert_int_equal(config_value, 9);
	assert_int_equal(get(CONFIG + 5, 1), 6);
	put(CONFIG, 0xff, 1);
	assert_int_equal(config[0], 1);
}

/* Every offset, every width: no register may lead outside. */
static void test_every_register(void **state)
{
	(void)state;
	for (uint64_t at = 0; at < 0x4000; at++) {
		for (unsigned int size = 1; size <= 8; size *= 2) {
			get(at, size);
			put(at, 0xa5a5a5a5a5a5a5a5, size);
		}
	}
}

/* A notification that no ioeventfd caught still rings the doorbell. */
static void test_notify(void **state)
{
	uint64_t count;

	(void)state;
	put(virtio_pci_doorbell(1), 1, 2);
	assert_int_equal(read(device.queue[1].kick_fd, &count, 8), 8);
	put(virtio_pci_doorbell(2), 2, 2); /* not there */
	assert_int_equal(read(device.queue[0].kick_fd, &count, 8), -1);
}

static uint8_t *window(void)
{
	return transport.pci.config + transport.window;
}

static void aim(uint8_t bar, uint32_t offset, uint32_t length)
{
	window()[VIRTIO_PCI_CAP_BAR] = bar;
	memcpy(window() + VIRTIO_PCI_CAP_OFFSET, &offset, 4);
	memcpy(window() + VIRTIO_PCI_CAP_LENGTH, &length, 4);
}

/* 4.1.4.9: the same registers through configuration space. */
static void test_window(void **state)
{
	unsigned int data = transport.window + 16;
	const uint32_t bad_length[] = {0, 3, 8, 0xffffffff};

	(void)state;
	aim(0, COMMON + VIRTIO_PCI_COMMON_NUMQ, 2);
	transport.pci.ops->config_reading(&transport.pci, data, 4);
	assert_int_equal(transport.pci.config[data], 2);
	aim(0, COMMON + VIRTIO_PCI_COMMON_STATUS, 1);
	transport.pci.config[data] = VIRTIO_CONFIG_S_ACKNOWLEDGE;
	transport.pci.ops->config_written(&transport.pci, data, 1);
	assert_int_equal(device.status, VIRTIO_CONFIG_S_ACKNOWLEDGE);
	/* Aimed elsewhere it does nothing. */
	memset(transport.pci.config + data, 0, 4);
	for (size_t i = 0; i < 4; i++) {
		aim(0, COMMON + VIRTIO_PCI_COMMON_STATUS, bad_length[i]);
		transport.pci.ops->config_written(&transport.pci, data, 4);
	}
	aim(2, COMMON + VIRTIO_PCI_COMMON_STATUS, 1);
	transport.pci.ops->config_written(&transport.pci, data, 1);
	aim(0, 0x4000, 1);
	transport.pci.ops->config_written(&transport.pci, data, 1);
	aim(0, 0xfffffffc, 4);
	transport.pci.ops->config_written(&transport.pci, data, 4);
	transport.pci.ops->config_reading(&transport.pci, data, 4);
	assert_int_equal(device.status, VIRTIO_CONFIG_S_ACKNOWLEDGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_identity),        TEST(test_capabilities),
		TEST(test_features),        TEST(test_life),
		TEST(test_queue_not_there), TEST(test_bad_ring),
		TEST(test_vectors),         TEST(test_intx),
		TEST(test_config),          TEST(test_notify),
		TEST(test_every_register),  TEST(test_window),
		TEST(test_queue_reset),     TEST(test_queue_reset_not_accepted),
		TEST(test_queue_fd),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
