/*
 * virtio-net, transmit: when the driver hears that its frames were sent.
 *
 * It takes their buffers back when it comes by anyway, with the next frame to send or with one
 * received (Linux's NAPI polls both directions), and then needs no interrupt: of a server's
 * replies, each of which would be followed by one, almost none does. So buffers are given back
 * at once, but the interrupt waits until the driver would usually have come by, or until there
 * are a number of them. Whether it still wants it is asked then (2.7.7): one that came by has
 * moved its used_event, or switched interrupts off while it works.
 *
 * A driver that does not come, because it has nothing to send or because it can send no more
 * until it has its buffers back, is interrupted at once for a while: waiting costs us a timer,
 * and it an idle wire.
 */
#include "lib/now.h"
#include "vmm/virtio/net_tap.h"

#define FRAMES_MAX 16       /* that no interrupt says anything of */
#define PAUSE_NS   10000000 /* between frames: at most so long does an interrupt wait */
#define REST_MIN   8        /* turns that are signalled at once after one that waited in vain */

static struct loop *loop_of(struct net_pair *p)
{
	return net_device(p)->loop;
}

/* Never so many that the driver could want for descriptors. */
static unsigned int frames_max(struct net_pair *p)
{
	unsigned int quarter = net_tx_ring(p)->state.size / 4;

	return quarter < FRAMES_MAX ? quarter : FRAMES_MAX;
}

static void signal_now(struct net_pair *p)
{
	loop_set_timer(loop_of(p), &p->sent.timer, 0);
	virtio_signal(net_device(p), 2 * p->index + 1);
}

static void waited(struct loop_timer *t)
{
	struct net_pair *p = t->owner;
	struct net_sent *s = &p->sent;

	if (!virtqueue_unsignalled(net_tx_ring(p)))
		return;
	rest_begin(&s->rest, REST_MIN);
	counter_add(&s->waited, 1);
	signal_now(p);
}

void net_sent_init(struct net_pair *p)
{
	p->sent.gap.pause_ns = PAUSE_NS;
	p->sent.timer = (struct loop_timer){.expired = waited, .owner = p};
}

void net_sent_begin(struct net_pair *p)
{
	if (!p->sent.timer.due_ns || virtqueue_unsignalled(net_tx_ring(p)))
		return;
	loop_set_timer(loop_of(p), &p->sent.timer, 0);
	rest_shorten(&p->sent.rest);
	counter_add(&p->sent.spared, 1);
}

void net_sent(struct net_pair *p)
{
	struct virtqueue *q = net_tx_ring(p);

	virtqueue_push(q, p->chain.head, 0);
	virtqueue_publish(q);
	if (virtqueue_unsettled(q) >= frames_max(p) &&
	    virtqueue_unsignalled(q) >= frames_max(p))
		signal_now(p);
}

void net_sent_turn(struct net_pair *p, bool frames, uint64_t began_ns)
{
	struct net_sent *s = &p->sent;
	uint64_t patience = s->rest.left ? 0 : gap_patience_ns(&s->gap);

	if (frames) {
		gap_measure(&s->gap, 1, began_ns);
		rest_spend(&s->rest, 1);
	}
	if (!virtqueue_unsignalled(net_tx_ring(p)))
		return;
	if (!patience)
		signal_now(p);
	else if (!s->timer.due_ns)
		loop_set_timer(loop_of(p), &s->timer, began_ns + patience);
}

void net_sent_stop(struct net_pair *p)
{
	if (net_device(p)->running && virtqueue_unsignalled(net_tx_ring(p)))
		signal_now(p);
	loop_set_timer(loop_of(p), &p->sent.timer, 0);
}
