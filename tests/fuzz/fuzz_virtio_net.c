/*
 * Fuzzes the network device from the guest's side: the input is a program of a hostile
 * driver that writes into its memory (rings included), kicks any queue, lets frames
 * arrive, negotiates, resets. The device may break, and count it; it may not crash,
 * hang, or touch what is not guest memory.
 */
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/fuzz/virtio_program.h"
#include "vmm/virtio/net_tap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { PAIRS = 2, QUEUES = 2 * PAIRS + 1, OPERATIONS_MAX = 400 };

enum operation {
	KICK,
	ARRIVE,
	OFFER,
	DESCRIBE,
	WRITE_MEMORY,
	SET_INDEX,
	RESET,
	TAP_READY,
	DRAIN,
	RESET_QUEUE,
	OPERATIONS,
};

struct world {
	struct driver driver;
	struct driver_queue dq[QUEUES];
	struct net_tap net;
	struct trace trace;
	struct loop *loop;
	int wire[PAIRS];
};

static void negotiate(struct world *w, struct input *in)
{
	struct virtio_device *d = &w->net.card.device;
	unsigned int choice = half(in);

	w->driver.next = 4096;
	virtio_set_status(d, 0);
	accept_and_run(d, &w->driver, w->dq, QUEUES, choice, (uint64_t)(choice & 0x7fff) << 7);
}

/* One queue alone, of another size, and not always enabled again. */
static void reset_queue(struct world *w, unsigned int queue, struct input *in)
{
	struct virtio_device *d = &w->net.card.device;
	unsigned int choice = byte(in);

	virtio_reset_queue(d, queue);
	if (d->queue[queue].ring.state.enabled)
		return;
	w->driver.next = 4096 + queue * 65536;
	driver_queue_init(&w->dq[queue], &w->driver, &d->queue[queue].ring,
			  (uint16_t)(1u << choice % 9));
	if (!(choice & 0x80))
		virtio_enable_queue(d, queue);
}

static void arrive(struct world *w, struct input *in)
{
	static uint8_t frame[NET_FRAME_MAX];
	size_t bytes = (size_t)half(in) + 1;

	if (write(w->wire[byte(in) % PAIRS], frame, bytes) < 0)
		return; /* the wire is full, or the device has hung up */
}

static void drain(struct world *w)
{
	static uint8_t frame[NET_FRAME_MAX];

	for (int i = 0; i < PAIRS; i++)
		while (read(w->wire[i], frame, sizeof(frame)) > 0)
			;
}

static void operate(struct world *w, struct input *in)
{
	enum operation operation = byte(in) % OPERATIONS;
	unsigned int queue = byte(in) % QUEUES;
	struct virtio_device *d = &w->net.card.device;

	switch (operation) {
	case KICK:
		if (d->running)
			d->ops->kick(d, queue);
		break;
	case ARRIVE:
		arrive(w, in);
		break;
	case OFFER:
		driver_offer(&w->dq[queue], (uint16_t)byte(in));
		break;
	case DESCRIBE:
		describe(&w->dq[queue], in);
		break;
	case WRITE_MEMORY:
		write_memory(&w->driver, in);
		break;
	case SET_INDEX:
		w->dq[queue].available->idx = (uint16_t)half(in);
		break;
	case RESET:
		negotiate(w, in);
		break;
	case TAP_READY:
		w->net.pair[queue % PAIRS].tap.ready(&w->net.pair[queue % PAIRS].tap, byte(in));
		break;
	case DRAIN:
		drain(w);
		break;
	case RESET_QUEUE:
		reset_queue(w, queue, in);
		break;
	case OPERATIONS:
		break;
	}
}

static void create(struct world *w)
{
	struct net_link *link = &w->net.card.link;
	int pair[2];

	driver_init(&w->driver);
	trace_open(&w->trace, NULL);
	w->loop = loop_create("fuzz");
	for (int i = 0; i < PAIRS; i++) {
		if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, pair))
			abort();
		w->wire[i] = pair[0];
		link->fd[i] = pair[1];
	}
	link->queues = PAIRS;
	link->filter_fd = -1;
	strcpy(w->net.card.name, "fuzz");
	if (net_tap_init(&w->net, w->loop, &w->driver.memory, &w->trace))
		abort();
	w->net.card.device.transport = &driver_transport;
}

static void destroy(struct world *w)
{
	net_tap_destroy(&w->net);
	loop_destroy(w->loop);
	for (int i = 0; i < PAIRS; i++)
		close(w->wire[i]);
	driver_destroy(&w->driver);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world *w = calloc(1, sizeof(*w));
	struct input in = {data, size};

	signal(SIGPIPE, SIG_IGN);
	create(w);
	negotiate(w, &in);
	for (int i = 0; in.left && i < OPERATIONS_MAX; i++)
		operate(w, &in);
	destroy(w);
	free(w);
	return 0;
}
