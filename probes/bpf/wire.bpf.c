/*
 * The wire: the first bytes of each segment's payload, from which requests and replies are
 * found. A socket filter on a packet socket sees both directions of one device and may read
 * paged skbs; it returns 0, so that nothing is copied to the socket itself.
 */
#include "probes/bpf/segment.h"

static __always_inline void addresses(const struct headers *h, bool from_client,
				      struct strata_wire *w)
{
	__u32 src[4], dst[4];

	if (h->byte[0] >> 4 == 4) {
		map_ipv4(src, h->v4.saddr);
		map_ipv4(dst, h->v4.daddr);
	} else {
		__builtin_memcpy(src, h->v6.saddr, sizeof(src));
		__builtin_memcpy(dst, h->v6.daddr, sizeof(dst));
	}
	__builtin_memcpy(w->client_addr, from_client ? src : dst, sizeof(src));
	__builtin_memcpy(w->server_addr, from_client ? dst : src, sizeof(src));
}

SEC("socket")
int wire(struct __sk_buff *skb)
{
	struct headers h;
	struct tcphdr tcp;
	struct segment s;
	struct strata_wire *w;
	struct place at = {.device = config.wire_device, .vm = config.wire_vm};
	__u32 offset = ETHER_BYTES, tcp_at, payload_at, bytes;
	__be16 type;
	__u64 now = bpf_ktime_get_ns();

	if (bpf_skb_load_bytes(skb, offset - 2, &type, sizeof(type)))
		return 0;
#pragma unroll
	for (int i = 0; i < VLAN_TAGS && is_vlan(type); i++) {
		offset += 4;
		if (bpf_skb_load_bytes(skb, offset - 2, &type, sizeof(type)))
			return 0;
	}
	/* an IPv6 header fits into what IPv4 and TCP without options take */
	if (bpf_skb_load_bytes(skb, offset, &h, IPV6_BYTES))
		return 0;
	tcp_at = tcp_offset(&h);
	if (!tcp_at || bpf_skb_load_bytes(skb, offset + tcp_at, &tcp, sizeof(tcp)))
		return 0;
	s.packet = 0;
	if (!segment_parse(&h, &tcp, skb->len - offset, &s))
		return 0;
	w = ring_reserve(sizeof(*w));
	if (!w)
		return 0;
	event_fill(&w->event, s.direction == DIRECTION_REQUEST ? HOP_NIC_RX : HOP_NIC_QUEUE,
		   now, &s, at);
	addresses(&h, s.direction == DIRECTION_REQUEST, w);
	__builtin_memset(w->reserved, 0, sizeof(w->reserved));
	payload_at = offset + tcp_at + tcp.doff * 4;
	bytes = s.len < WIRE_PAYLOAD_MAX ? s.len : WIRE_PAYLOAD_MAX;
	/* 1 to 512 already; said so that every verifier sees it and no compiler drops it */
	bytes--;
	barrier_var(bytes);
	bytes = (bytes & (WIRE_PAYLOAD_MAX - 1)) + 1;
	w->captured = bpf_skb_load_bytes(skb, payload_at, w->payload, bytes) ? 0 : bytes;
	ring_submit(w);
	return 0;
}
