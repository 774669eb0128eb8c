/* virtio-net over a tap: the life of the card whose frames we move ourselves. */
#include "vmm/virtio/net_tap.h"

#include <stdlib.h>
#include <sys/epoll.h>

#include "lib/err.h"
#include "vmm/net/tap.h"

void net_poll(struct net_pair *p, uint32_t events, bool on)
{
	uint32_t now = on ? p->polled | events : p->polled & ~events;

	if (now == p->polled || (on && p->net->gone))
		return;
	/* Removed rather than watched for nothing: errors would be reported all the same. */
	if (!now)
		loop_remove(net_device(p)->loop, &p->tap);
	else if (!p->polled)
		loop_add(net_device(p)->loop, &p->tap, now);
	else
		loop_modify(net_device(p)->loop, &p->tap, now);
	p->polled = now;
}

void net_tap_lost(struct net_tap *t)
{
	if (t->gone)
		return;
	for (unsigned int i = 0; i < t->card.pairs; i++)
		net_poll(&t->pair[i], EPOLLIN | EPOLLOUT, false);
	t->gone = true;
	net_tap_gone(&t->card);
}

static void tap_ready(struct loop_source *s, uint32_t events)
{
	struct net_pair *p = s->owner;

	if (!net_device(p)->running) {
		net_poll(p, EPOLLIN | EPOLLOUT, false);
		return;
	}
	if (events & EPOLLOUT)
		net_tx_run(p);
	if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		net_rx_ready(p);
}

static void resume_pair(struct net_pair *p, enum limit_way way)
{
	if (!p->limited[way])
		return;
	p->limited[way] = false;
	if (way == LIMIT_OUT) {
		net_tx_run(p);
	} else if (!p->starved) {
		net_poll(p, EPOLLIN, true);
		net_rx_ready(p);
	}
}

/* One after the other, each time another first, that none has all the tokens. */
static void resume(void *owner, enum limit_way way)
{
	struct net_tap *t = owner;
	unsigned int pairs = t->card.pairs, first = t->turn++;

	for (unsigned int i = 0; i < pairs; i++)
		resume_pair(&t->pair[(first + i) % pairs], way);
}

static void waited(void *owner, enum limit_way way, uint64_t from_ns, uint64_t to_ns)
{
	struct net_tap *t = owner;

	(void)way;
	trace_limited(t->trace, t->lane, from_ns, to_ns);
}

static int start(struct virtio_net *n)
{
	(void)n;
	return 0;
}

static void stop(struct virtio_net *n)
{
	(void)n;
}

static int start_queue(struct virtio_net *n, unsigned int queue)
{
	struct net_pair *p = &net_tap_of(n)->pair[queue / 2];

	if (queue % 2)
		net_tx_start(p);
	else
		net_rx_start(p);
	return 0;
}

static void stop_queue(struct virtio_net *n, unsigned int queue)
{
	struct net_pair *p = &net_tap_of(n)->pair[queue / 2];

	if (queue % 2)
		net_tx_stop(p);
	else
		net_rx_stop(p);
}

static void kick(struct virtio_net *n, unsigned int queue)
{
	struct net_pair *p = &net_tap_of(n)->pair[queue / 2];

	if (queue % 2)
		net_tx_run(p);
	else
		net_rx_kick(p);
}

static void set_offloads(struct virtio_net *n, uint64_t guest_features)
{
	tap_set_offloads(n->link.fd[0], net_tun_offloads(guest_features));
}

static const struct net_backend backend = {
	.start = start,
	.stop = stop,
	.start_queue = start_queue,
	.stop_queue = stop_queue,
	.kick = kick,
	.set_offloads = set_offloads,
};

int net_tap_init(struct net_tap *t, struct loop *loop, const struct guest_memory *m,
		 struct trace *trace)
{
	struct virtio_net *n = &t->card;

	t->trace = trace;
	t->lane = trace_lane(trace);
	limits_init(&t->limits, &net_limits, loop, resume, t);
	t->limits.waited = waited;
	t->pair = calloc(n->link.queues, sizeof(*t->pair));
	if (!t->pair)
		return err_errno("%s: %u queue pairs", n->name, n->link.queues);
	for (unsigned int i = 0; i < n->link.queues; i++) {
		struct net_pair *p = &t->pair[i];

		p->net = t;
		p->index = i;
		p->fd = n->link.fd[i];
		p->tap = (struct loop_source){p->fd, tap_ready, p};
		net_sent_init(p);
	}
	n->backend = &backend;
	return net_init(n, n->link.queues, net_withheld_by_tap(n->link.fd[0]), loop, m);
}

void net_tap_destroy(struct net_tap *t)
{
	net_destroy(&t->card);
	limits_destroy(&t->limits);
	free(t->pair);
	t->pair = NULL;
}
