/* A ring handed over to a vhost back end that only remembers, and taken back. */
#include "tests/unit/vmm/cmocka.h"

#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "tests/unit/vmm/driver.h"
#include "vmm/virtio/vhost.h"

#define SIZE 8

enum { QUEUE = 1, RING = 5 };

/* ---- the other side ---- */

struct fake {
	struct vhost vhost;
	uint64_t features;
	const struct guest_memory *memory;
	unsigned int size, base;
	struct vhost_vring_addr addresses;
	int kick, call, error;
	bool running, refuses;
};

static struct fake *fake(struct vhost *v)
{
	return (struct fake *)v;
}

static int answer(struct vhost *v)
{
	return fake(v)->refuses ? err_set("no") : 0;
}

static int set_features(struct vhost *v, uint64_t features)
{
	fake(v)->features = features;
	return answer(v);
}

static int set_memory(struct vhost *v, const struct guest_memory *m)
{
	fake(v)->memory = m;
	return answer(v);
}

static int set_size(struct vhost *v, const struct vhost_vring_state *s)
{
	assert_int_equal(s->index, RING);
	fake(v)->size = s->num;
	return 0;
}

static int set_base(struct vhost *v, const struct vhost_vring_state *s)
{
	assert_false(fake(v)->running);
	fake(v)->base = s->num;
	return 0;
}

static int get_base(struct vhost *v, struct vhost_vring_state *s)
{
	assert_int_equal(s->index, RING);
	assert_false(fake(v)->running);
	s->num = fake(v)->base;
	return answer(v);
}

static int set_addresses(struct vhost *v, const struct vhost_vring_addr *a)
{
	fake(v)->addresses = *a;
	return 0;
}

static int set_kick(struct vhost *v, const struct vhost_vring_file *f)
{
	fake(v)->kick = f->fd;
	return 0;
}

static int set_call(struct vhost *v, const struct vhost_vring_file *f)
{
	assert_int_equal(f->index, RING);
	fake(v)->call = f->fd;
	return answer(v);
}

static int set_error(struct vhost *v, const struct vhost_vring_file *f)
{
	fake(v)->error = f->fd;
	return 0;
}

static int run(struct vhost *v, unsigned int ring, bool on)
{
	assert_int_equal(ring, RING);
	fake(v)->running = on;
	return answer(v);
}

static const struct vhost_ops vhost_ops = {
	.set_features = set_features,
	.set_memory = set_memory,
	.set_size = set_size,
	.set_base = set_base,
	.get_base = get_base,
	.set_addresses = set_addresses,
	.set_kick = set_kick,
	.set_call = set_call,
	.set_error = set_error,
	.run = run,
};

/* ---- the device: what it does is to hand its second queue over ---- */

static struct driver driver;
static struct driver_queue dq;
static struct virtio_device device;
static struct loop *loop;
static struct fake side;
static struct vhost_ring ring;
static unsigned int stops;

static void start(struct virtio_device *d)
{
	(void)d;
}

static void stop(struct virtio_device *d)
{
	(void)d;
	stops++;
	vhost_ring_stop(&ring);
}

static void kick(struct virtio_device *d, unsigned int queue)
{
	(void)d;
	(void)queue;
}

static const struct virtio_ops ops = {.start = start, .stop = stop, .kick = kick};

static int hand_over(void)
{
	return vhost_ring_start(&ring) || vhost_ring_run(&ring, true) ? -1 : 0;
}

static int set_up(void **state)
{
	(void)state;
	driver_init(&driver);
	loop = loop_create("test");
	stops = driver_queue_signals = 0;
	driver_queue_fd = -1;
	memset(&device, 0, sizeof(device));
	device.name = "test";
	device.ops = &ops;
	device.queue_count = 2;
	device.transport = &driver_transport;
	assert_int_equal(virtio_init(&device, loop, &driver.memory), 0);
	side = (struct fake){.vhost = {&vhost_ops, ~0ULL}};
	assert_int_equal(vhost_ring_init(&ring, &side.vhost, RING, &device, QUEUE), 0);
	device.accepted = 1ULL << VIRTIO_F_VERSION_1;
	virtio_set_status(&device, VIRTIO_CONFIG_S_FEATURES_OK);
	driver_queue_init(&dq, &driver, &device.queue[QUEUE].ring, SIZE);
	virtio_enable_queue(&device, QUEUE);
	virtio_set_status(&device, VIRTIO_CONFIG_S_DRIVER_OK);
	assert_true(device.running);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	side.refuses = false;
	vhost_ring_destroy(&ring);
	virtio_destroy(&device);
	loop_destroy(loop);
	driver_destroy(&driver);
	return 0;
}

static void the_start_tells_features_and_memory(void **state)
{
	(void)state;
	side.vhost.features = 1ULL << VIRTIO_F_VERSION_1 | 1;
	device.accepted |= 1ULL << 7; /* the device's own affair */
	assert_int_equal(vhost_start(&side.vhost, &device), 0);
	assert_int_equal(side.features, 1ULL << VIRTIO_F_VERSION_1);
	assert_ptr_equal(side.memory, &driver.memory);
	side.refuses = true;
	assert_int_equal(vhost_start(&side.vhost, &device), -1);
}

static void a_ring_is_handed_over(void **state)
{
	const struct virtqueue *q = &device.queue[QUEUE].ring;
	eventfd_t n;

	(void)state;
	driver_queue_fd = 99;
	device.queue[QUEUE].ring.state.next_available = 3;
	assert_int_equal(hand_over(), 0);
	assert_true(side.running);
	assert_int_equal(vhost_ring_run(&ring, false), 0);
	assert_false(side.running);
	assert_int_equal(vhost_ring_run(&ring, true), 0);
	assert_int_equal(side.size, SIZE);
	assert_int_equal(side.base, 3);
	assert_ptr_equal((void *)side.addresses.desc_user_addr, q->descriptors);
	assert_ptr_equal((void *)side.addresses.avail_user_addr, q->available);
	assert_ptr_equal((void *)side.addresses.used_user_addr, q->used);
	assert_int_equal(side.kick, device.queue[QUEUE].kick_fd);
	assert_int_equal(side.call, 99);
	assert_true(device.queue[QUEUE].lent);
	assert_int_equal(eventfd_read(side.kick, &n), 0); /* to look for what lies there */
	assert_int_equal(hand_over(), 0);
}

static void a_ring_comes_back(void **state)
{
	struct virtqueue *q = &device.queue[QUEUE].ring;
	struct virtqueue_chain c;

	(void)state;
	for (uint16_t i = 0; i < 4; i++) {
		driver_describe(&dq, i, 4096, 64, 0, 0);
		driver_offer(&dq, i);
	}
	assert_int_equal(hand_over(), 0);
	side.base = 3;
	dq.used->idx = 2;
	vhost_ring_stop(&ring);
	assert_false(device.queue[QUEUE].lent);
	assert_int_equal(q->state.next_available, 3);
	assert_int_equal(q->state.next_used, 2);
	assert_int_equal(virtqueue_pop(q, &c), 1);
	assert_int_equal(c.head, 3);
	assert_int_equal(virtqueue_pop(q, &c), 0);
	vhost_ring_stop(&ring);
}

/* What the lost one had taken and not given back, the next one finds. */
static void a_ring_is_lost(void **state)
{
	(void)state;
	assert_int_equal(hand_over(), 0);
	dq.used->idx = 2;
	side.refuses = true;
	vhost_ring_stop(&ring);
	assert_false(device.queue[QUEUE].lent);
	assert_int_equal(device.queue[QUEUE].ring.state.next_available, 2);
	side.refuses = false;
	assert_int_equal(hand_over(), 0);
	assert_int_equal(side.base, 2);
}

static void a_refused_ring_stays(void **state)
{
	(void)state;
	side.refuses = true;
	assert_int_equal(hand_over(), -1);
	assert_non_null(strstr(err_text(), "queue 1"));
	assert_false(ring.started);
	assert_false(device.queue[QUEUE].lent);
}

/* Without a descriptor of the transport, signals come by way of us. */
static void without_msix_signals_are_relayed(void **state)
{
	(void)state;
	assert_int_equal(hand_over(), 0);
	assert_int_equal(side.call, ring.call_fd);
	assert_true(ring.relayed);
	ring.call.ready(&ring.call, 1);
	assert_int_equal(driver_queue_signals, 0);
	eventfd_write(side.call, 1);
	ring.call.ready(&ring.call, 1);
	assert_int_equal(driver_queue_signals, 1);
	driver_queue_fd = 99;
	assert_int_equal(vhost_ring_reroute(&ring), 0);
	assert_int_equal(side.call, 99);
	assert_false(ring.relayed);
	side.refuses = true;
	assert_int_equal(vhost_ring_reroute(&ring), -1);
}

/* It found a ring it cannot follow: the guest's fault, the device waits for its reset. */
static void a_complaint_breaks_the_device(void **state)
{
	(void)state;
	assert_int_equal(hand_over(), 0);
	ring.error.ready(&ring.error, 1); /* somebody else has read it */
	assert_true(device.running);
	eventfd_write(side.error, 1);
	ring.error.ready(&ring.error, 1);
	assert_true(device.status & VIRTIO_CONFIG_S_NEEDS_RESET);
	assert_int_equal(stops, 1);
	assert_false(side.running);
	assert_int_equal(device.broken, 1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_start_tells_features_and_memory),
		T(a_ring_is_handed_over),
		T(a_ring_comes_back),
		T(a_ring_is_lost),
		T(a_refused_ring_stays),
		T(without_msix_signals_are_relayed),
		T(a_complaint_breaks_the_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
