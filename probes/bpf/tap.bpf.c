/*
 * Taps, where no tracepoint sees their frames: vhost's worker takes them out of a tap's ring,
 * and a macvtap takes them out of the hands of the card it sits on.
 *
 * The skb comes as an untyped pointer, whose fields are read by helper.
 */
#include "probes/bpf/segment.h"
#include "probes/bpf/vm.h"
#include "probes/points.h"

#define TUN_XDP_FLAG 1 /* drivers/net/tun.c: what the ring holds is an XDP frame */

extern const volatile struct device_slot device_slots[DEVICE_SLOTS];

/* enum device_role of the device that it is on; ROLE_NONE: none that plays a part. */
static __always_inline __u8 view_of(struct sk_buff *skb, struct skb_view *v, struct place *at)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);
	__u32 ifindex = BPF_CORE_READ(dev, ifindex);
	__u32 netns = BPF_CORE_READ(dev, nd_net.net, ns.inum);
	const volatile struct device_slot *d =
		&device_slots[device_slot_of(ifindex, netns, config.device_seed)];

	if (d->ifindex != ifindex || d->netns != netns || d->role >= ROLE_COUNT)
		return ROLE_NONE;
	at->device = d->device;
	at->vm = d->vm;
	v->head = BPF_CORE_READ(skb, head);
	v->data = (__u32)(BPF_CORE_READ(skb, data) - v->head);
	v->len = BPF_CORE_READ(skb, len);
	v->protocol = BPF_CORE_READ(skb, protocol);
	return d->role;
}

static __always_inline int frame(struct sk_buff *skb, bool received, __u16 hop)
{
	struct skb_view v;
	struct segment s;
	struct place at;
	__u8 role = view_of(skb, &v, &at);

	if ((role == ROLE_PORT || role == ROLE_MACVTAP || role == ROLE_PEER) &&
	    segment_of_view(&v, received, &s) && s.direction == DIRECTION_REQUEST)
		emit(hop, bpf_ktime_get_ns(), &s, at);
	return 0;
}

/*
 * Open vSwitch's kernel half does not know the flow. Untyped, too: the types of its module need
 * not be those that the verifier would have.
 */
SEC("raw_tp/ovs_dp_upcall")
int ovs_dp_upcall(struct bpf_raw_tracepoint_args *ctx)
{
	const struct packet_hops *hops;
	struct skb_view v;
	struct segment s;
	struct place at;
	__u32 role = view_of((struct sk_buff *)ctx->args[1], &v, &at);
	__u8 hop;

	if (role == ROLE_NONE || !segment_of_view(&v, false, &s))
		return 0;
	barrier_var(role); /* or the bound is checked where the verifier no longer sees it */
	if (role >= ROLE_COUNT)
		return 0;
	hops = &packet_hops[POINT_UPCALL][role];
	hop = s.direction == DIRECTION_REQUEST ? hops->request : hops->reply;
	if (hop)
		emit(hop, bpf_ktime_get_ns(), &s, at);
	return 0;
}

/* vhost has taken the frame from the ring already, and hands it over as control data. */
static __always_inline int read_by_vhost(struct msghdr *m)
{
	void *skb = m->msg_control;

	learn_worker();
	if (!skb || (__u64)skb & TUN_XDP_FLAG)
		return 0;
	return frame(skb, false, HOP_VHOST_RX_READ);
}

SEC("fentry/tun_recvmsg")
int BPF_PROG(tun_recvmsg, struct socket *sock, struct msghdr *m)
{
	return read_by_vhost(m);
}

SEC("fentry/tap_recvmsg")
int BPF_PROG(tap_recvmsg, struct socket *sock, struct msghdr *m)
{
	return read_by_vhost(m);
}

/* A VMM has copied the frame out of its tap, and the kernel lets go of it. */
SEC("tp_btf/consume_skb")
int BPF_PROG(consume_skb, struct sk_buff *skb)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (!bpf_map_lookup_elem(&vm_of_tgid, &tgid))
		return 0;
	return frame(skb, false, HOP_VMM_RX_READ);
}

/* Before Linux 6.15 the verifier knows no pointers to pointers: hence by helper. */
SEC("fentry/tap_handle_frame")
int tap_handle_frame(__u64 *ctx)
{
	struct sk_buff *skb = NULL;
	__u64 pskb;

	if (bpf_get_func_arg(ctx, 0, &pskb) ||
	    bpf_probe_read_kernel(&skb, sizeof(skb), (void *)pskb))
		return 0;
	return frame(skb, true, HOP_PORT_XMIT);
}
