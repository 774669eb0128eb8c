/*
 * What a virtio device is, between its transport and its function (virtio 1.2, 2 and 3).
 * The transport (pci.c) knows nothing of what a device does; a device knows nothing of
 * PCI. Both meet here: status, features, queues, doorbells, interrupts.
 *
 * Threading: a device runs on its machine's I/O loop. ops->start, stop and kick are
 * called there only; what a vCPU does to the device's life waits for that thread
 * (loop_call). The transport serialises vCPUs, under a lock that the I/O thread never
 * takes. status and the counters may be read by any thread.
 */
#ifndef STRATA_VMM_VIRTIO_VIRTIO_H
#define STRATA_VMM_VIRTIO_VIRTIO_H

#include <jansson.h>
#include <linux/virtio_config.h>
#include <linux/virtio_ids.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "vmm/loop.h"
#include "vmm/virtio/virtqueue.h"

#define VIRTIO_QUEUES_MAX 33 /* 16 receive/transmit pairs and a control queue */

struct virtio_device;

struct virtio_queue {
	struct virtqueue ring;
	struct virtio_device *device;
	unsigned int index;
	int kick_fd; /* the driver's doorbell */
	struct loop_source kick_source;
	bool lent; /* somebody else waits for the doorbell */
	uint64_t kicks;
};

struct virtio_ops {
	/* The driver said DRIVER_OK: features are final, its queues are mapped. Work that is
	 * in the queues already is to be found without a kick. */
	void (*start)(struct virtio_device *d);

	/* Touch guest memory no more; chains popped but not pushed are unpopped. Also called
	 * to pause. May be called when not started. */
	void (*stop)(struct virtio_device *d);

	void (*kick)(struct virtio_device *d, unsigned int queue);

	/* One queue alone, while the device runs: the driver takes it back, and may set it up
	 * anew (VIRTIO_F_RING_RESET, 2.6.1, which is offered if both are there). */
	void (*stop_queue)(struct virtio_device *d, unsigned int queue);
	void (*start_queue)(struct virtio_device *d, unsigned int queue);

	/* The driver has chosen another interrupt for a queue of the running device: for those
	 * who have passed queue_fd() on. May be NULL. */
	void (*interrupt_changed)(struct virtio_device *d, unsigned int queue);

	/* The driver writes a byte of the configuration space: on a vCPU thread, one at a time.
	 * NULL: there is none that it may write. */
	void (*config_written)(struct virtio_device *d, uint64_t offset, uint8_t value);

	/* After stop(): forget what the driver has set. May be NULL. */
	void (*reset)(struct virtio_device *d);
};

/* How the device reaches its driver. */
struct virtio_transport {
	void (*signal_queue)(struct virtio_device *d, unsigned int queue);
	void (*signal_config)(struct virtio_device *d);

	/* The eventfd that does what signal_queue() does, for somebody else to write to; the
	 * transport's own. -1: there is none for the interrupt that the driver uses. */
	int (*queue_fd)(struct virtio_device *d, unsigned int queue);
};

struct virtio_device {
	/* set by the device before virtio_init() */
	const char *name;
	uint16_t id; /* VIRTIO_ID_ */
	const struct virtio_ops *ops;
	void *owner;
	uint64_t offered; /* features; virtio_init() adds those of rings and VERSION_1 */
	unsigned int queue_count;
	const uint16_t *queue_sizes; /* one each; NULL: all VIRTQUEUE_SIZE_MAX */
	const void *config;          /* device configuration space, read-only for the driver */
	size_t config_bytes;

	/* set by the transport */
	const struct virtio_transport *transport;
	void *transport_owner;

	/* its life */
	struct loop *loop;
	const struct guest_memory *memory;
	struct virtio_queue queue[VIRTIO_QUEUES_MAX];
	uint64_t accepted;          /* features */
	_Atomic uint8_t status;     /* VIRTIO_CONFIG_S_ */
	_Atomic uint8_t generation; /* of config */
	_Atomic bool running;       /* started and not broken; the I/O thread's own */
	uint64_t broken;            /* how often the driver broke a rule */
	uint64_t resets;
};

/* Make the doorbells and watch them. Fails with a sentence. */
int virtio_init(struct virtio_device *d, struct loop *loop, const struct guest_memory *m);
void virtio_destroy(struct virtio_device *d);

/* For the transport, on a vCPU thread. */
void virtio_set_status(struct virtio_device *d, uint8_t status);
void virtio_enable_queue(struct virtio_device *d, unsigned int queue);
void virtio_reset_queue(struct virtio_device *d, unsigned int queue);
void virtio_interrupt_changed(struct virtio_device *d, unsigned int queue);

/* For the device. */
static inline bool virtio_accepted(const struct virtio_device *d, unsigned int feature)
{
	return d->accepted >> feature & 1;
}

/* Signal the driver about a queue's used buffers, if it wants to be. */
void virtio_signal(struct virtio_device *d, unsigned int queue);

/* Publish what was pushed, and signal. */
void virtio_publish(struct virtio_device *d, unsigned int queue);

/* The configuration space has changed. */
void virtio_config_changed(struct virtio_device *d);

/* The driver broke a rule: DEVICE_NEEDS_RESET (2.1.1), and no more work until it resets us. */
void virtio_break(struct virtio_device *d, const char *why);

/* On the I/O thread: leave a queue's doorbell to somebody else, or take it back. */
void virtio_lend_doorbell(struct virtio_device *d, unsigned int queue, bool lend);

/* Have ops->kick called again, after others have had their turn. */
void virtio_kick_again(struct virtio_device *d, unsigned int queue);

/*
 * Have serve called with each chain of the queue, kicks suppressed meanwhile, until the
 * queue is empty, serve returns false, or it is the turn of others (and then again later).
 */
typedef bool (*virtio_serve_fn)(struct virtio_device *d, unsigned int queue,
				struct virtqueue_chain *c);
void virtio_serve(struct virtio_device *d, unsigned int queue, struct virtqueue_chain *c,
		  virtio_serve_fn serve);

/* Driver state, features, queues and their counters. */
void virtio_status(const struct virtio_device *d, json_t *into);

#endif
