/*
 * virtio-rng: entropy from the host's getrandom() (virtio 1.2, 5.4).
 *
 *     --rng
 *
 * A request is answered with at most REQUEST_BYTES_MAX bytes; the driver asks again if
 * it wants more, so that no guest keeps the I/O loop to itself.
 *
 * Status, beside what every virtio device tells: "bytes".
 */
#include <stdlib.h>
#include <sys/random.h>

#include "lib/err.h"
#include "vmm/virtio/devices.h"
#include "vmm/machine.h"
#include "vmm/virtio/counter.h"
#include "vmm/virtio/iov.h"
#include "vmm/virtio/pci.h"

#define CLASS_OTHER       0xff0000
#define REQUEST_BYTES_MAX 4096

struct rng {
	struct virtio_device device;
	struct virtio_pci transport;
	uint64_t bytes;
};

static bool serve(struct virtio_device *d, unsigned int queue, struct virtqueue_chain *c)
{
	struct rng *r = d->owner;
	uint8_t entropy[REQUEST_BYTES_MAX];
	size_t want = c->writable_bytes < sizeof(entropy) ? c->writable_bytes : sizeof(entropy);
	ssize_t n;

	if (c->readable || !c->writable) { /* 5.4.6.1 */
		virtio_break(d, "entropy request with nothing to write to");
		return false;
	}
	n = getrandom(entropy, want, 0);
	if (n < 0)
		n = 0;
	iov_copy_to(c->iov, c->writable, 0, entropy, (size_t)n);
	virtqueue_push(&d->queue[queue].ring, c->head, (uint32_t)n);
	virtio_publish(d, queue);
	counter_add(&r->bytes, (uint64_t)n);
	return true;
}

static void rng_kick(struct virtio_device *d, unsigned int queue)
{
	struct virtqueue_chain c;

	virtio_serve(d, queue, &c, serve);
}

static void rng_start(struct virtio_device *d)
{
	virtio_kick_again(d, 0);
}

static void rng_stop(struct virtio_device *d)
{
	(void)d; /* no request outlives rng_kick() */
}

static const struct virtio_ops rng_ops = {
	.start = rng_start, .stop = rng_stop, .kick = rng_kick};

static int rng_create(struct device *d, const struct arguments *a)
{
	struct rng *r = calloc(1, sizeof(*r));
	struct machine *m = d->machine;

	(void)a; /* it takes none */
	if (!r)
		return err_errno("rng");
	d->state = r;
	r->device.name = "virtio-rng";
	r->device.id = VIRTIO_ID_RNG;
	r->device.ops = &rng_ops;
	r->device.owner = r;
	r->device.queue_count = 1;
	if (virtio_init(&r->device, m->io, &m->memory) ||
	    virtio_pci_add(&r->transport, &r->device, m, CLASS_OTHER))
		return -1;
	d->pci = &r->transport.pci;
	return 0;
}

static void rng_destroy(struct device *d)
{
	struct rng *r = d->state;

	virtio_destroy(&r->device);
	free(r);
}

static void rng_status(struct device *d, json_t *into)
{
	struct rng *r = d->state;

	virtio_pci_status(&r->transport, into);
	json_object_set_new(into, "bytes", json_integer((json_int_t)counter_read(&r->bytes)));
}

const struct device_type device_rng = {
	.name = "rng",
	.help = "entropy for the guest",
	.create = rng_create,
	.destroy = rng_destroy,
	.status = rng_status,
};
