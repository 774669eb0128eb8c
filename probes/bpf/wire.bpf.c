/*
 * The wire: the first bytes of each segment's payload, from which requests and replies are
 * found. A socket filter on a packet socket sees both directions of one device and may read
 * paged skbs; it returns 0, so that nothing is copied to the socket itself.
 */
#include "probes/bpf/segment.h"

/* A segment that the kernel merged has at most 64 KiB, but for BIG TCP. */
#define PIECES_MAX 128

/* So many pieces of a segment that begins a request: its head, and what is said there. */
#define HEAD_PIECES 8

/*
 * Connections on which messages do not wait for one another. A segment may carry many of
 * theirs, and where each begins only their bytes tell: all of them are handed on.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u8);
} pipelined SEC(".maps");

/* Has one of these eight bytes this value? Mycroft's test. */
static __always_inline bool has_byte(__u64 word, __u8 value)
{
	__u64 x = word ^ 0x0101010101010101ULL * value;

	return (x - 0x0101010101010101ULL) & ~x & 0x8080808080808080ULL;
}

static __always_inline bool is_upper(__u8 c)
{
	return c >= 'A' && c <= 'Z';
}

/* A request behind an empty line; a reply behind anything. */
static __always_inline bool begins_at(const __u8 *b, bool reply)
{
	if (reply)
		return b[0] == 'H' && b[1] == 'T' && b[2] == 'T' && b[3] == 'P' && b[4] == '/';
	return b[0] == '\r' && b[1] == '\n' && b[2] == '\r' && b[3] == '\n' && is_upper(b[4]) &&
	       is_upper(b[5]) && is_upper(b[6]);
}

static __always_inline bool holds_another(const __u8 *payload, __u32 captured, bool reply)
{
	for (__u32 i = 0; i + 16 <= WIRE_PAYLOAD_MAX && i < captured; i += 8) {
		if (!has_byte(*(const __u64 *)&payload[i], reply ? 'H' : '\r'))
			continue;
		for (__u32 k = i ? 0 : 1; k < 8; k++)
			if (begins_at(&payload[i + k], reply))
				return true;
	}
	return false;
}

/* A method and a space; other segments that look so only cost a little. */
static __always_inline bool begins_request(const __u8 *b)
{
	return is_upper(b[0]) && is_upper(b[1]) && is_upper(b[2]) &&
	       (is_upper(b[3]) || b[3] == ' ');
}

/* Must what follows a segment's first bytes be seen, too? */
static __always_inline bool is_pipelined(const struct strata_wire *w, const struct segment *s)
{
	bool reply = s->direction == DIRECTION_REPLY;
	__u64 flow = s->flow;
	__u8 yes = 1;

	if (s->len > WIRE_PAYLOAD_MAX && bpf_map_lookup_elem(&pipelined, &flow))
		return true;
	/* of replies that fit nothing is missed */
	if ((reply && s->len <= WIRE_PAYLOAD_MAX) ||
	    !holds_another(w->payload, w->captured, reply))
		return false;
	bpf_map_update_elem(&pipelined, &flow, &yes, BPF_ANY);
	return true;
}

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

/* The first bytes of what is left of a segment. */
static __always_inline void capture(struct __sk_buff *skb, __u32 at, __u32 bytes,
				    struct strata_wire *w)
{
	bytes = bytes < WIRE_PAYLOAD_MAX ? bytes : WIRE_PAYLOAD_MAX;
	/* 1 to 512 already; said so that every verifier sees it and no compiler drops it */
	bytes--;
	barrier_var(bytes);
	bytes = (bytes & (WIRE_PAYLOAD_MAX - 1)) + 1;
	w->captured = bpf_skb_load_bytes(skb, at, w->payload, bytes) ? 0 : bytes;
}

/* One record of the first bytes; or, if more are wanted, as many as it takes. */
static __always_inline void hand_on(struct __sk_buff *skb, const struct headers *h,
				    __u32 payload_at, struct segment *s)
{
	const struct place at = {.device = config.wire_device, .vm = config.wire_vm};
	bool request = s->direction == DIRECTION_REQUEST;
	int pieces = 1;
	__u64 now = bpf_ktime_get_ns();

	for (int i = 0; i < PIECES_MAX; i++) {
		struct strata_wire *w = ring_reserve(sizeof(*w));

		if (!w)
			return;
		event_fill(&w->event, request ? HOP_NIC_RX : HOP_NIC_QUEUE, now, s, at);
		addresses(h, request, w);
		__builtin_memset(w->reserved, 0, sizeof(w->reserved));
		capture(skb, payload_at, s->len, w);
		if (!i && is_pipelined(w, s))
			pieces = PIECES_MAX;
		else if (!i && request && begins_request(w->payload))
			pieces = HEAD_PIECES;
		if (i + 1 >= pieces || s->len <= WIRE_PAYLOAD_MAX) {
			ring_submit(w);
			return;
		}
		w->event.len = WIRE_PAYLOAD_MAX;
		w->event.flags &= ~EVENT_FIN;
		ring_submit(w);
		payload_at += WIRE_PAYLOAD_MAX;
		s->seq += WIRE_PAYLOAD_MAX;
		s->len -= WIRE_PAYLOAD_MAX;
	}
}

SEC("socket")
int wire(struct __sk_buff *skb)
{
	struct headers h;
	struct tcphdr tcp;
	struct segment s;
	__u32 offset = ETHER_BYTES, tcp_at;
	__be16 type;

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
	if (segment_parse(&h, &tcp, skb->len - offset, &s))
		hand_on(skb, &h, offset + tcp_at + tcp.doff * 4, &s);
	return 0;
}
