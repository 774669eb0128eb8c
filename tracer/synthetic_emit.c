/* What observers record of a synthetic message: see synthetic_emit.h. */
#include "tracer/synthetic_emit.h"

#include <arpa/inet.h>
#include <asm/svm.h>
#include <linux/virtio_ids.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/exits.h"
#include "lib/offcpu.h"
#include "lib/vital.h"

#define BATCH          8192 /* events that a collector writes in one round */
#define HOST_TSC_BASE  77777777777u
#define SAMPLE_NS      100000000u
#define BRACKET        60
#define SEGMENT_GAP_NS 40 /* between segments of one message */
#define HALT_NS        30000
#define SVM(code)      (EXIT_ISA_SVM << EXIT_ISA_SHIFT | (code))

/*
 * What makes a vCPU leave guest mode: from so long after a hop until so long after another. An
 * emulated NIC's driver reads why it was interrupted, unmasks the interrupt again, gives
 * buffers back; each is an access to a register.
 */
static const struct exit_at {
	unsigned int places;
	enum strata_hop from, to;
	uint32_t from_ns, to_ns;
	uint32_t reason;
} exits[] = {
	{PLACE_VM, HOP_VCPU_WAKE, HOP_KVM_ENTRY, 0, 0, SVM(SVM_EXIT_HLT)},
	{PLACE_VM, HOP_TCP_RX, HOP_TCP_RX, 20, 90, SVM(SVM_EXIT_VINTR)},
	{PLACE_EMULATED, HOP_GUEST_IRQ, HOP_GUEST_IRQ, 100, 600, SVM(SVM_EXIT_NPF) | EXIT_MMIO},
	{PLACE_EMULATED, HOP_GUEST_NAPI, HOP_GUEST_NAPI, 100, 400,
	 SVM(SVM_EXIT_NPF) | EXIT_MMIO},
	{PLACE_EMULATED, HOP_STACK_RX, HOP_STACK_RX, 100, 500, SVM(SVM_EXIT_NPF) | EXIT_MMIO},
	{PLACE_EMULATED | PLACE_VIRTIO | PLACE_VHOST, HOP_KVM_EXIT, HOP_KVM_KICK, 0, 500,
	 SVM(SVM_EXIT_NPF) | EXIT_MMIO},
};

struct emitter {
	struct recording_writer *w;
	const struct synthetic_options *o;
	struct strata_event batch[BATCH];
	size_t count;
	uint64_t random, start_ns, sampled_ns;
	uint32_t packets;
	uint64_t lost_host, lost_guest;
	uint32_t interrupts;
};

/* Hops that know only how far they got. */
static bool is_upto(int hop)
{
	return hop == HOP_SOCK_READY || hop == HOP_APP_RUN || hop == HOP_APP_READ ||
	       hop == HOP_NGINX_PROCESS || hop == HOP_NGINX_RESPOND || hop == HOP_CLIENT_RECV;
}

/* What hops without a packet are recorded as: mostly as themselves. */
static const struct {
	enum strata_hop hop;
	int kind;
} contexts[] = {
	{HOP_VFIO_IRQ, HOP_VFIO_IRQ},           {HOP_VHOST_RX_WAKE, CONTEXT_WORKER_WAKE},
	{HOP_VHOST_RX_RUN, CONTEXT_WORKER_RUN}, {HOP_KVM_IRQ, HOP_KVM_IRQ},
	{HOP_VCPU_WAKE, HOP_VCPU_WAKE},         {HOP_VCPU_RUN, HOP_VCPU_RUN},
	{HOP_KVM_ENTRY, HOP_KVM_ENTRY},         {HOP_KVM_EXIT, HOP_KVM_EXIT},
	{HOP_KVM_KICK, HOP_KVM_KICK},           {HOP_VHOST_TX_WAKE, CONTEXT_WORKER_WAKE},
	{HOP_VHOST_TX_RUN, CONTEXT_WORKER_RUN},
};

/* -1: it has a packet */
static int context_kind(int hop)
{
	for (size_t i = 0; i < sizeof(contexts) / sizeof(contexts[0]); i++)
		if ((int)contexts[i].hop == hop)
			return contexts[i].kind;
	return -1;
}

static bool is_call(int hop)
{
	return hop == HOP_CLIENT_SEND || hop == HOP_APP_WRITE;
}

static bool is_irq(int hop)
{
	return hop == HOP_NIC_IRQ || hop == HOP_GUEST_IRQ;
}

/* Hops that see what GRO merged, or what is not yet cut. */
static bool sees_merged(int hop)
{
	return hop == HOP_VSWITCH_IN || hop == HOP_PORT_QUEUE || hop == HOP_PORT_XMIT ||
	       hop == HOP_VMM_RX_READ || hop == HOP_VMM_RX_PUBLISH ||
	       hop == HOP_VHOST_RX_READ || hop == HOP_STACK_RX || hop == HOP_TCP_RX ||
	       hop == HOP_STACK_QUEUE || hop == HOP_STACK_XMIT || hop == HOP_VMM_TX_POP ||
	       hop == HOP_PORT_RX || hop == HOP_CLIENT_RX;
}

static unsigned int domain_of(const struct emitter *e, int hop)
{
	if (!place_is_vm(e->o->place))
		return 0;
	if (hop == HOP_NIC_XMIT) /* the guest's own */
		return e->o->place == PLACE_PASSTHROUGH ? SYNTHETIC_GUEST : 0;
	return hop_table[hop].layer == LAYER_VM || hop_table[hop].layer == LAYER_SERVICE
		       ? SYNTHETIC_GUEST
		       : 0;
}

/* Where the wire is looked at: no frame that is passed through is seen by the host. */
static int wire_hop(const struct emitter *e, enum strata_direction d)
{
	if (e->o->place != PLACE_PASSTHROUGH)
		return d == DIRECTION_REQUEST ? HOP_NIC_RX : HOP_NIC_QUEUE;
	if (e->o->remote_client)
		return d == DIRECTION_REQUEST ? HOP_GUEST_NAPI : HOP_STACK_QUEUE;
	return d == DIRECTION_REQUEST ? HOP_CLIENT_XMIT : HOP_CLIENT_RX;
}

static uint64_t in_domain(const struct emitter *e, unsigned int domain, uint64_t host_ns)
{
	double drifted;

	if (!domain)
		return host_ns;
	drifted = (double)(host_ns - e->start_ns) * e->o->guest_drift;
	return host_ns + (uint64_t)((int64_t)drifted + e->o->guest_offset_ns);
}

static bool lose(struct emitter *e, unsigned int domain)
{
	e->random += 0x9e3779b97f4a7c15u;
	if (!e->o->lose_permille ||
	    (flow_mix(e->random, 2) >> 32) % 1000 >= e->o->lose_permille)
		return false;
	*(domain ? &e->lost_guest : &e->lost_host) += 1;
	return true;
}

/* The order of a collector's round: ring by ring, each in order. */
static int by_ring(const void *pa, const void *pb)
{
	const struct strata_event *a = pa, *b = pb;

	if (a->domain != b->domain)
		return a->domain < b->domain ? 1 : -1;
	if (a->cpu != b->cpu)
		return a->cpu < b->cpu ? -1 : 1;
	return (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns);
}

static int write_batch(struct emitter *e)
{
	qsort(e->batch, e->count, sizeof(e->batch[0]), by_ring);
	for (size_t i = 0; i < e->count; i++)
		if (recording_event(e->w, &e->batch[i]))
			return -1;
	e->count = 0;
	return 0;
}

static int put(struct emitter *e, const struct strata_event *event)
{
	if (lose(e, event->domain))
		return 0;
	if (e->count == BATCH && write_batch(e))
		return -1;
	e->batch[e->count++] = *event;
	return 0;
}

static void addresses(const struct emit_message *m, uint32_t client[4], uint32_t server[4])
{
	memset(client, 0, 16);
	memset(server, 0, 16);
	client[0] = server[0] = m->ipv6 ? htonl(0xfd000077) : 0;
	client[2] = server[2] = m->ipv6 ? 0 : htonl(0xffff);
	client[3] = htonl(0x0a4d0000u + 98u + m->client_host); /* 10.77.0.100 */
	server[3] = htonl(0x0a4d0001u);
}

uint64_t emit_flow(const struct emit_message *m)
{
	uint32_t client[4], server[4];

	addresses(m, client, server);
	return flow_hash(client, server, m->client_port, SYNTHETIC_PORT);
}

static struct strata_event event_at(const struct emitter *e, const struct emit_message *m,
				    int hop, uint64_t time_ns)
{
	struct strata_event event = {.hop = (uint16_t)hop,
				     .domain = (uint8_t)domain_of(e, hop),
				     .flags = m->ipv6 ? EVENT_IPV6 : 0,
				     .cpu = (uint16_t)(m->client_port & 1),
				     .flow = emit_flow(m),
				     .client_port = m->client_port,
				     .server_port = SYNTHETIC_PORT,
				     .tid = 1000u + (uint32_t)hop};

	event.time_ns = in_domain(e, event.domain, time_ns);
	if (place_is_vm(e->o->place) &&
	    (event.domain || hop == HOP_VFIO_IRQ || hop_table[hop].layer == LAYER_HYPERVISOR))
		event.vm = 1;
	if (hop == HOP_VSWITCH_IN)
		event.flags |= EVENT_INFERRED;
	return event;
}

/* One event per segment, the last of them at time_ns. */
static int put_segments(struct emitter *e, const struct emit_message *m, int hop,
			uint64_t time_ns)
{
	uint32_t size = m->merge && sees_merged(hop) ? m->bytes : m->segment_bytes;
	uint32_t last = (m->bytes + size - 1) / size - 1;

	for (uint32_t i = 0; i <= last; i++) {
		struct strata_event event =
			event_at(e, m, hop, time_ns - (last - i) * SEGMENT_GAP_NS);

		event.seq = m->seq + i * size;
		event.len = i < last ? size : m->bytes - i * size;
		event.packet = 0xffff888000000000u + (uint64_t)++e->packets * 1024;
		if (is_irq(hop) && i < last)
			continue; /* told of with the packet that follows it: here the last */
		if (put(e, &event))
			return -1;
	}
	return 0;
}

static int put_wire(struct emitter *e, const struct emit_message *m, uint64_t time_ns)
{
	uint32_t last = (m->bytes + m->segment_bytes - 1) / m->segment_bytes - 1;
	int hop = wire_hop(e, m->direction);

	for (uint32_t i = 0; i <= last; i++) {
		struct strata_wire w = {
			.event = event_at(e, m, hop, time_ns - (last - i) * SEGMENT_GAP_NS)};
		uint32_t client[4], server[4], at = i * m->segment_bytes;

		w.event.hop = m->direction == DIRECTION_REQUEST ? HOP_NIC_RX : HOP_NIC_QUEUE;
		addresses(m, client, server);
		memcpy(w.client_addr, client, 16);
		memcpy(w.server_addr, server, 16);
		w.event.seq = m->seq + at;
		w.event.len = i < last ? m->segment_bytes : m->bytes - at;
		w.captured = (uint16_t)(w.event.len < WIRE_PAYLOAD_MAX ? w.event.len
								       : WIRE_PAYLOAD_MAX);
		memcpy(w.payload, m->payload + at, w.captured);
		if (recording_wire(e->w, &w))
			return -1;
	}
	return 0;
}

static int put_hop(struct emitter *e, const struct emit_message *m, int hop, uint64_t time_ns,
		   uint32_t request_end)
{
	struct strata_event event = event_at(e, m, hop, time_ns);

	if (context_kind(hop) >= 0) {
		event.hop = (uint16_t)context_kind(hop);
		event.flags = EVENT_CONTEXT;
		event.flow = 0;
		event.client_port = event.server_port = 0;
		event.queue = event.cpu; /* the vCPU: the guest's CPU of that number */
		if (hop == HOP_KVM_IRQ)
			event.arg64 = e->o->place == PLACE_EMULATED
					      ? 11
					      : 0x4025ull << 32 | 0xfee00000;
	} else if (is_upto(hop)) {
		event.flags |= EVENT_UPTO;
		event.seq = hop == HOP_NGINX_PROCESS || hop == HOP_NGINX_RESPOND
				    ? request_end
				    : m->seq + m->bytes;
	} else if (is_call(hop)) {
		event.seq = m->seq;
		event.len = m->bytes;
	} else {
		return put_segments(e, m, hop, time_ns);
	}
	return put(e, &event);
}

int emit_exits(struct emitter *e, const struct emit_message *m,
	       const uint64_t time_ns[HOP_COUNT])
{
	e->interrupts += time_ns[HOP_KVM_IRQ] != 0;
	for (size_t i = 0; i < sizeof(exits) / sizeof(exits[0]); i++) {
		const struct exit_at *x = &exits[i];
		struct strata_event event = {.hop = CONTEXT_VCPU_OUT,
					     .flags = EVENT_CONTEXT,
					     .cpu = (uint16_t)(m->client_port & 1),
					     .queue = (uint16_t)(m->client_port & 1),
					     .vm = 1,
					     .seq = e->interrupts,
					     .arg32 = x->reason};

		if (!(x->places & (unsigned int)e->o->place) || !time_ns[x->from] ||
		    !time_ns[x->to])
			continue;
		if (x->reason == SVM(SVM_EXIT_HLT)) {
			event.len = HALT_NS;
			event.arg32 |= e->interrupts % 4 ? 0 : EXIT_POLLED;
		}
		event.time_ns = time_ns[x->from] + x->from_ns;
		event.arg64 = time_ns[x->to] + x->to_ns - event.time_ns;
		if (put(e, &event))
			return -1;
	}
	return 0;
}

static void name_hog(struct strata_event *event)
{
	char comm[OFF_COMM_BYTES] = "hog";

	memcpy(&event->flow, comm, 8);
	memcpy(&event->packet, comm + 8, 8);
	event->arg32 = 4321;
	event->client_port = 99; /* its cgroup */
}

int emit_delay(struct emitter *e, const struct emit_message *m,
	       const uint64_t time_ns[HOP_COUNT])
{
	const struct synthetic_options *o = e->o;
	bool server = (o->delay_off & OFF_TASK) == OFF_SERVER;
	struct strata_event event = {.hop = CONTEXT_TASK_OFF,
				     .flags = EVENT_CONTEXT,
				     .cpu = (uint16_t)(m->client_port & 1),
				     .queue = (uint16_t)(m->client_port & 1),
				     .vm = place_is_vm(o->place),
				     .tid = server ? event_at(e, m, HOP_APP_READ, 0).tid : 2000,
				     .reserved = o->delay_off,
				     .arg64 = o->delay_ns};

	if (!o->delay_told || !time_ns[o->delay_hop])
		return 0;
	if (!(o->delay_off & OFF_BLOCKED))
		event.len = (uint32_t)o->delay_ns;
	if (o->delay_throttled)
		event.seq = event.len;
	else if (event.len)
		name_hog(&event);
	event.domain = (uint8_t)(server ? domain_of(e, HOP_APP_READ) : 0);
	event.time_ns = in_domain(e, event.domain, time_ns[o->delay_hop] + 1);
	return put(e, &event);
}

int emit_message(struct emitter *e, const struct emit_message *m,
		 const uint64_t time_ns[HOP_COUNT], uint32_t request_end)
{
	int wire = wire_hop(e, m->direction);

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		/* with pipelining each request is processed in the course of its own reply */
		bool ours = hop == HOP_NGINX_PROCESS ? m->direction == DIRECTION_REPLY
						     : hop_table[hop].direction == m->direction;

		if (ours && time_ns[hop] && put_hop(e, m, hop, time_ns[hop], request_end))
			return -1;
	}
	return time_ns[wire] ? put_wire(e, m, time_ns[wire]) : 0;
}

int emit_again(struct emitter *e, const struct emit_message *m,
	       const uint64_t time_ns[HOP_COUNT], uint64_t later_ns, uint32_t up_to)
{
	for (int hop = 0; hop < HOP_COUNT && hop <= (int)up_to; hop++) {
		if (!time_ns[hop] || hop_table[hop].direction != m->direction ||
		    context_kind(hop) >= 0 || is_upto(hop) || is_call(hop) || is_irq(hop))
			continue;
		if (put_segments(e, m, hop, time_ns[hop] + later_ns))
			return -1;
		if (hop == wire_hop(e, m->direction) && put_wire(e, m, time_ns[hop] + later_ns))
			return -1;
	}
	return 0;
}

/* A VM of two vCPUs with a virtio card, looked at. */
static int put_vitals(struct emitter *e, uint64_t now_ns)
{
	const uint64_t since = now_ns - e->start_ns;
	const struct strata_event looks[] = {
		{.arg32 = VITAL_WAIT, .arg64 = since / 50},
		{.arg32 = VITAL_RUN, .arg64 = since / 5 * 2},
		{.arg32 = VITAL_STEAL, .arg64 = since / 40, .domain = SYNTHETIC_GUEST},
		{.arg32 = VITAL_WAIT, .arg64 = 0, .queue = 1},
		{.arg32 = VITAL_RUN, .arg64 = since / 10, .queue = 1},
		{.arg32 = VITAL_STEAL, .arg64 = 0, .queue = 1, .domain = SYNTHETIC_GUEST},
		{.arg32 = VITAL_QUEUE,
		 .arg64 = 256 - e->packets % 7,
		 .device = 3,
		 .seq = VIRTIO_ID_NET,
		 .len = 256},
		{.arg32 = VITAL_QUEUE,
		 .arg64 = e->packets % 3,
		 .queue = 1,
		 .device = 3,
		 .seq = VIRTIO_ID_NET,
		 .len = 256},
	};

	for (size_t i = 0; i < sizeof(looks) / sizeof(looks[0]) && e->o->vitals; i++) {
		struct strata_event event = looks[i];

		event.hop = CONTEXT_VITAL;
		event.flags = EVENT_CONTEXT;
		event.vm = 1;
		event.time_ns = in_domain(e, event.domain, now_ns);
		if (put(e, &event))
			return -1;
	}
	return 0;
}

int emit_clocks(struct emitter *e, uint64_t now_ns)
{
	while (e->sampled_ns <= now_ns) {
		uint64_t since = e->sampled_ns - e->start_ns;
		uint64_t tsc =
			HOST_TSC_BASE + (uint64_t)((double)since * SYNTHETIC_TICKS_PER_NS);
		struct clock_sample host = {tsc, e->sampled_ns, BRACKET};
		struct clock_sample guest = {tsc + (uint64_t)(int64_t)SYNTHETIC_TSC_OFFSET,
					     in_domain(e, SYNTHETIC_GUEST, e->sampled_ns),
					     BRACKET};

		if (recording_clock(e->w, 0, &host))
			return -1;
		if (place_is_vm(e->o->place) && recording_clock(e->w, SYNTHETIC_GUEST, &guest))
			return -1;
		if (put_vitals(e, e->sampled_ns))
			return -1;
		e->sampled_ns += SAMPLE_NS;
	}
	return 0;
}

int emit_finish(struct emitter *e)
{
	if (put_vitals(e, e->sampled_ns) || write_batch(e) || emit_clocks(e, e->sampled_ns))
		return -1;
	return recording_lost(e->w, LOST_HOST_PROBES, e->lost_host) ||
			       recording_lost(e->w, LOST_GUEST_PROBES, e->lost_guest)
		       ? -1
		       : 0;
}

static int put_meta(struct emitter *e)
{
	json_t *meta = synthetic_meta(e->o, e->start_ns);
	int failed;

	if (!meta)
		return err_set("out of memory for a synthetic recording");
	failed = recording_meta(e->w, meta);
	json_decref(meta);
	return failed;
}

struct emitter *emit_create(struct recording_writer *w, const struct synthetic_options *o,
			    uint64_t start_ns)
{
	struct emitter *e = calloc(1, sizeof(*e));

	if (!e) {
		err_set("out of memory for a synthetic recording");
		return NULL;
	}
	e->w = w;
	e->o = o;
	e->random = ~o->seed;
	e->start_ns = start_ns;
	e->sampled_ns = start_ns;
	if (put_meta(e)) {
		emit_destroy(e);
		return NULL;
	}
	return e;
}

void emit_destroy(struct emitter *e)
{
	free(e);
}
