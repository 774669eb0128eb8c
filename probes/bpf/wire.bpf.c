/*
 * The wire: the first bytes of each segment's payload, from which requests and replies are
 * found. A socket filter on a packet socket sees both directions of one device and may read
 * paged skbs; it returns 0, so that nothing is copied to the socket itself.
 */
#include <linux/if_packet.h>

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

/* The upper bit of each of eight bytes that has this value, and perhaps of others above such a
 * byte: Mycroft's test. */
static __always_inline __u64 bytes_like(__u64 word, __u8 value)
{
	__u64 x = word ^ 0x0101010101010101ULL * value;

	return (x - 0x0101010101010101ULL) & ~x & 0x8080808080808080ULL;
}

/* Is it worth a closer look? An empty line has two returns, the second two bytes on. */
static __always_inline bool may_begin(__u64 word, __u64 next, bool reply)
{
	__u64 here = bytes_like(word, reply ? 'H' : '\r');

	if (reply || !here)
		return here;
	return here & (here >> 16 | bytes_like(next, '\r') << 48);
}

/* The first characters in a word that was read from memory; x86-64's byte order. */
#define HTTP_SLASH 0x2f50545448ULL /* HTTP/ */
#define EMPTY_LINE 0x0a0d0a0dULL   /* at a line's end */

/* 1 if the value is not 0; without a branch, as each doubles the verifier's ways. */
static __always_inline __u64 is_set(__u64 value)
{
	return (value | -value) >> 63;
}

static __always_inline __u64 is_upper(__u64 c)
{
	return 1 ^ ((c - 'A') | ('Z' - c)) >> 63;
}

/* A request behind an empty line; a reply behind anything. */
static __always_inline __u64 begins(__u64 word, bool reply)
{
	if (reply)
		return 1 ^ is_set((word ^ HTTP_SLASH) << 24);
	return (1 ^ is_set((word ^ EMPTY_LINE) << 32)) & is_upper(word >> 32 & 0xff) &
	       is_upper(word >> 40 & 0xff) & is_upper(word >> 48 & 0xff);
}

/*
 * The verifier goes through a function that is not static once, whatever its arguments are, and
 * of its result knows that it is a number. All in one program took it fifty times as long.
 *
 * Does a message begin in the first of two words, at any of its characters but those before?
 */
__noinline int begins_within(__u64 word, __u64 next, __u32 before, __u32 reply)
{
	__u64 found = before ? 0 : begins(word, reply);

	for (__u32 bits = 8; bits < 64; bits += 8)
		found |= begins(word >> bits | next << (64 - bits), reply);
	return found;
}

__noinline int holds_another(const struct strata_wire *w, __u32 captured, __u32 reply)
{
	if (!w)
		return 0;
	/* what shows that another begins takes seven bytes */
	for (__u32 i = 0; i + 16 <= WIRE_PAYLOAD_MAX && i + 7 <= captured; i += 8) {
		const __u64 *word = (const __u64 *)&w->payload[i];

		if (may_begin(word[0], word[1], reply) &&
		    begins_within(word[0], word[1], i ? 0 : 1, reply))
			return 1;
	}
	return 0;
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
	if ((reply && s->len <= WIRE_PAYLOAD_MAX) || !holds_another(w, w->captured, reply))
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

/* What is left of a segment. */
struct rest {
	struct segment segment;
	__u64 now;
	__u32 at;
	__u32 pieces; /* how many records it may take, this one included; 0 before the first */
};

/* One record, not static either; 1 if there is more to hand on. */
__noinline int hand_on_one(struct __sk_buff *skb, const struct headers *h, struct rest *r)
{
	const struct place at = {.device = config.wire_device, .vm = config.wire_vm};
	struct strata_wire *w;
	bool request;

	if (!h || !r)
		return 0;
	w = wire_reserve();
	if (!w)
		return 0;
	request = r->segment.direction == DIRECTION_REQUEST;
	w->event.time_ns = r->now;
	event_fill(&w->event, request ? HOP_NIC_RX : HOP_NIC_QUEUE, &r->segment, at);
	addresses(h, request, w);
	__builtin_memset(w->reserved, 0, sizeof(w->reserved));
	capture(skb, r->at, r->segment.len, w);
	if (!r->pieces) {
		r->pieces = 1;
		if (is_pipelined(w, &r->segment))
			r->pieces = PIECES_MAX;
		else if (request && begins_request(w->payload))
			r->pieces = HEAD_PIECES;
	}
	if (!--r->pieces || r->segment.len <= WIRE_PAYLOAD_MAX) {
		wire_submit(w);
		return 0;
	}
	w->event.len = WIRE_PAYLOAD_MAX;
	w->event.flags &= ~EVENT_FIN;
	wire_submit(w);
	r->at += WIRE_PAYLOAD_MAX;
	r->segment.seq += WIRE_PAYLOAD_MAX;
	r->segment.len -= WIRE_PAYLOAD_MAX;
	return 1;
}

__noinline int hand_on(struct __sk_buff *skb, const struct headers *h, struct rest *r)
{
	if (!h || !r)
		return 0;
	for (int i = 0; i < PIECES_MAX && hand_on_one(skb, h, r); i++)
		;
	return 0;
}

/* Where the IP header begins; 0 if there is none. */
static __always_inline __u32 behind_tags(struct __sk_buff *skb, __be16 type)
{
	__u32 offset = ETHER_BYTES;

#pragma unroll
	for (int i = 0; i < VLAN_TAGS && is_vlan(type); i++) {
		offset += 4;
		if (bpf_skb_load_bytes(skb, offset - 2, &type, sizeof(type)))
			return 0;
	}
	return offset;
}

/* peer: of requests only those that the machine behind this port makes itself. */
static __always_inline int look(struct __sk_buff *skb, bool peer)
{
	struct rest r = {};
	struct frame f = {};
	struct tcphdr tcp;
	__u32 offset, tcp_at;

	/* an IPv6 header fits into what IPv4 and TCP without options take */
	if (bpf_skb_load_bytes(skb, 0, f.ethernet, ETHER_BYTES + IPV6_BYTES))
		return 0;
	offset = behind_tags(skb, *(__be16 *)&f.ethernet[ETHER_BYTES - 2]);
	if (!offset ||
	    (offset > ETHER_BYTES && bpf_skb_load_bytes(skb, offset, &f.ip, IPV6_BYTES)))
		return 0;
	tcp_at = tcp_offset(&f.ip);
	if (tcp_at == IPV4_BYTES)
		__builtin_memcpy(&tcp, &f.ip.byte[IPV4_BYTES], sizeof(tcp));
	else if (!tcp_at || bpf_skb_load_bytes(skb, offset + tcp_at, &tcp, sizeof(tcp)))
		return 0;
	if (!segment_parse(&f.ip, &tcp, skb->len - offset, &r.segment))
		return 0;
	if (peer &&
	    (skb->pkt_type == PACKET_OUTGOING) != (r.segment.direction == DIRECTION_REPLY))
		return 0;
	r.now = bpf_ktime_get_ns();
	r.at = offset + tcp_at + tcp.doff * 4;
	hand_on(skb, &f.ip, &r);
	return 0;
}

SEC("socket")
int wire(struct __sk_buff *skb)
{
	return look(skb, false);
}

SEC("socket")
int wire_peer(struct __sk_buff *skb)
{
	return look(skb, true);
}
