/*
 * Packets: the driver's hand-over, the stack's entry, the queue and the transmit, on the
 * devices that play a part. Which hop that is, probes/points.h says.
 *
 * Nothing is done for a packet on any other device, and little for one without payload.
 */
/* Only here: of an external function the BPF linker takes one user, so far. */
#define DIRECT_READS
#include "probes/bpf/segment.h"
#include "probes/points.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

const volatile struct bpf_config config = {};

const volatile struct device_slot device_slots[DEVICE_SLOTS] = {};

/* The interrupt lines of the NIC's receive queues, and of devices that belong to a VM. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, __u8);
} irqs SEC(".maps");

/*
 * The interrupt that brought this packet: emitted with the first packet that follows it. One
 * that came while this packet was already looked at, after now_ns, is the next packet's.
 */
static __always_inline void emit_irq(const struct segment *s, struct place at, __u64 now_ns)
{
	struct cpu_state *cpu = this_cpu();
	__u64 irq_ns;

	if (!cpu)
		return;
	irq_ns = *(volatile __u64 *)&cpu->irq_ns;
	if (!irq_ns || irq_ns > now_ns)
		return;
	emit(config.domain ? HOP_GUEST_IRQ : HOP_NIC_IRQ, irq_ns, s, at);
	cpu->irq_ns = 0;
}

/* The vSwitch will see this frame in a moment, in this CPU: keep what is known of it. */
static __always_inline void await_bridge(const struct segment *s, struct place at)
{
	struct cpu_state *cpu = this_cpu();

	if (!cpu)
		return;
	event_fill(&cpu->frame, HOP_VSWITCH_IN, s, at);
	cpu->frame.tid = bpf_get_current_pid_tgid();
}

static __always_inline int packet(struct sk_buff *skb, enum packet_point point)
{
	struct net_device *dev = skb->dev;
	__u32 ifindex = dev->ifindex, netns = dev->nd_net.net->ns.inum;
	const volatile struct device_slot *d =
		&device_slots[device_slot_of(ifindex, netns, config.device_seed)];
	const struct packet_hops *hops;
	struct segment s;
	struct place at;
	__u64 now;
	__u8 hop, role = d->role;

	if (d->ifindex != ifindex || d->netns != netns || role >= ROLE_COUNT)
		return 0;
	hops = &packet_hops[point][role];
	if (!hops->request && !hops->reply)
		return 0;
	if (!segment_of_skb(skb, point == POINT_RECEIVE || point == POINT_STACK, &s))
		return 0;
	hop = s.direction == DIRECTION_REQUEST ? hops->request : hops->reply;
	if (!hop || (hop == HOP_GUEST_NAPI && !config.domain))
		return 0;
	now = bpf_ktime_get_ns();
	at.device = d->device;
	at.vm = d->vm;
	if (point == POINT_RECEIVE && config.irqs && role != ROLE_PEER)
		emit_irq(&s, at, now);
	if (point == POINT_STACK && hop == HOP_VSWITCH_IN) {
		if (config.exact_bridge) {
			await_bridge(&s, at);
			return 0;
		}
		s.flags |= EVENT_INFERRED;
	}
	emit(hop, now, &s, at);
	return 0;
}

SEC("tp_btf/napi_gro_receive_entry")
int BPF_PROG(napi_gro_receive_entry, struct sk_buff *skb)
{
	return packet(skb, POINT_RECEIVE);
}

SEC("tp_btf/netif_receive_skb_entry")
int BPF_PROG(netif_receive_skb_entry, struct sk_buff *skb)
{
	return packet(skb, POINT_RECEIVE);
}

SEC("tp_btf/netif_rx")
int BPF_PROG(netif_rx, struct sk_buff *skb)
{
	return packet(skb, POINT_RECEIVE);
}

SEC("tp_btf/netif_receive_skb")
int BPF_PROG(netif_receive_skb, struct sk_buff *skb)
{
	return packet(skb, POINT_STACK);
}

SEC("tp_btf/net_dev_queue")
int BPF_PROG(net_dev_queue, struct sk_buff *skb)
{
	return packet(skb, POINT_QUEUE);
}

SEC("tp_btf/net_dev_start_xmit")
int BPF_PROG(net_dev_start_xmit, struct sk_buff *skb)
{
	return packet(skb, POINT_XMIT);
}

/* More frames than one poll may take: the others wait until softirqs come round again. */
SEC("tp_btf/napi_poll")
int BPF_PROG(napi_poll, struct napi_struct *napi, int work, int budget)
{
	struct strata_event *e;
	struct segment none = {.flags = EVENT_CONTEXT};
	struct place at = {.vm = config.vm_of_sockets};

	if (work < budget || !budget)
		return 0;
	e = event_reserve();
	if (!e)
		return 0;
	event_fill(e, CONTEXT_NAPI_FULL, &none, at);
	e->tid = bpf_get_current_pid_tgid();
	e->arg32 = work;
	event_commit(e, bpf_ktime_get_ns());
	return 0;
}

/*
 * The kernel drops a packet, for a reason. Wherever that is, its data may stand at any header,
 * but the IP header's place is known.
 */
SEC("tp_btf/kfree_skb")
int BPF_PROG(kfree_skb, struct sk_buff *skb, void *location, int reason)
{
	struct skb_view v = {.head = skb->head,
			     .data = skb->network_header,
			     .len = skb->len + (__u32)(skb->data - skb->head) -
				    skb->network_header,
			     .protocol = skb->protocol};
	struct place nowhere = {0};
	struct strata_event *e;
	struct segment s;

	if ((v.protocol != bpf_htons(ETH_P_IP) && v.protocol != bpf_htons(ETH_P_IPV6)) ||
	    !segment_of_view(&v, true, &s))
		return 0;
	e = event_reserve();
	if (!e)
		return 0;
	event_fill(e, CONTEXT_DROP, &s, nowhere);
	e->queue = s.direction;
	e->arg32 = reason;
	e->arg64 = (__u64)location;
	event_commit(e, bpf_ktime_get_ns());
	return 0;
}

SEC("tp_btf/irq_handler_entry")
int BPF_PROG(irq_handler_entry, int irq)
{
	__u32 line = irq;
	__u8 *ours = bpf_map_lookup_elem(&irqs, &line);
	struct cpu_state *cpu;

	if (!ours || !*ours)
		return 0;
	cpu = this_cpu();
	if (!cpu)
		return 0;
	if (*ours == IRQ_LINE_NIC) {
		cpu->irq_ns = bpf_ktime_get_ns();
	} else {
		cpu->device_ns = bpf_ktime_get_ns();
		cpu->device_vm = *ours;
	}
	return 0;
}

/*
 * The bridge takes the frame. The frame is the one that netif_receive_skb saw on this CPU if
 * they share a head: the bridge may have been given a clone. Its argument is fetched by
 * helper: before Linux 6.15 the verifier knows no pointers to pointers.
 */
SEC("fentry/br_handle_frame")
int br_handle_frame(__u64 *ctx)
{
	struct cpu_state *cpu = this_cpu();
	struct sk_buff *skb = NULL;
	struct strata_event *e;
	__u64 pskb;

	if (!cpu || !cpu->frame.packet || bpf_get_func_arg(ctx, 0, &pskb) ||
	    bpf_probe_read_kernel(&skb, sizeof(skb), (void *)pskb) ||
	    (__u64)BPF_CORE_READ(skb, head) != cpu->frame.packet)
		return 0;
	e = event_reserve();
	if (e) {
		*e = cpu->frame; /* whose time is 0 */
		event_commit(e, bpf_ktime_get_ns());
	}
	cpu->frame.packet = 0;
	return 0;
}
