/* From a packet's headers to the segment it carries: who talks to whom, and which bytes. */
#ifndef STRATA_PROBES_BPF_SEGMENT_H
#define STRATA_PROBES_BPF_SEGMENT_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include "probes/bpf/flow.h"

#define IPV4_BYTES  20
#define IPV6_BYTES  40
#define TCP_BYTES   20
#define TCP_FIN_RST 0x05
#define TCP_SYN_BIT 0x02
#define VLAN_TAGS   2
#define ETHER_BYTES 14

/* struct ipv6hdr of linux/ipv6.h would bring its own struct in6_addr. */
struct ipv6_header {
	__be32 version_class_label;
	__be16 payload_len;
	__u8 nexthdr;
	__u8 hop_limit;
	__be32 saddr[4];
	__be32 daddr[4];
};

/* One read fetches IP and TCP. Without IPv4 options TCP follows at byte 20. */
struct headers {
	union {
		__u8 byte[IPV6_BYTES + TCP_BYTES];
		struct iphdr v4;
		struct ipv6_header v6;
	};
} __attribute__((aligned(8)));

static __always_inline void map_ipv4(__u32 words[4], __be32 address)
{
	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = address;
}

/* What matters of a TCP header. */
struct tcp_fields {
	__be16 source, dest;
	__be32 seq;
	__u8 offset; /* in its upper half, the header's length in words */
	__u8 bits;
};

static __always_inline struct tcp_fields tcp_fields(const struct tcphdr *tcp)
{
	const __u8 *byte = (const __u8 *)tcp;
	struct tcp_fields f = {tcp->source, tcp->dest, tcp->seq, byte[12], byte[13]};

	return f;
}

/* What matters of a datagram that carries TCP. */
struct datagram {
	__u32 src[4], dst[4];
	struct tcp_fields tcp;
	__u32 bytes; /* from the TCP header to the end */
	__u8 flags;  /* EVENT_IPV6 or none */
};

/*
 * TCP ports tell the direction and whether this is ours, and in the sample. Segments without
 * payload are not.
 */
static __always_inline bool segment_from(const struct datagram *d, struct segment *s)
{
	const struct tcp_fields *tcp = &d->tcp;
	const __u32 *src = d->src, *dst = d->dst;
	__u16 sport = bpf_ntohs(tcp->source), dport = bpf_ntohs(tcp->dest);
	__u32 header = tcp->offset / 16 * 4;

	if (is_service(dport)) {
		s->direction = DIRECTION_REQUEST;
		s->client_port = sport;
		s->server_port = dport;
	} else if (is_service(sport)) {
		s->direction = DIRECTION_REPLY;
		s->client_port = dport;
		s->server_port = sport;
	} else {
		return false;
	}
	if (d->bytes <= header ||
	    !in_sample(s->direction == DIRECTION_REQUEST ? src[3] : dst[3], s->client_port,
		       s->server_port))
		return false;
	s->len = d->bytes - header;
	s->flags = d->flags;
	s->seq = bpf_ntohl(tcp->seq) + (tcp->bits & TCP_SYN_BIT ? 1 : 0);
	if (tcp->bits & TCP_FIN_RST)
		s->flags |= EVENT_FIN;
	if (s->direction == DIRECTION_REQUEST)
		s->flow = flow_hash(src, dst, s->client_port, s->server_port);
	else
		s->flow = flow_hash(dst, src, s->client_port, s->server_port);
	return flow_wanted(src, dst, sport, dport);
}

/*
 * h holds the first bytes of an IP datagram whose length, as the skb has it, is in bytes.
 * A length of 0 in the header is "BIG TCP": the skb's counts; else the header's does, for a
 * short frame is padded. IPv6 extension headers are not followed.
 */
static __always_inline void datagram_parse(const struct headers *h, const struct tcphdr *tcp,
					   __u32 bytes, struct datagram *d)
{
	d->tcp = tcp_fields(tcp);
	if (h->byte[0] >> 4 == 4) {
		__u32 total = bpf_ntohs(h->v4.tot_len);

		map_ipv4(d->src, h->v4.saddr);
		map_ipv4(d->dst, h->v4.daddr);
		d->bytes = (total ? total : bytes) - h->v4.ihl * 4;
		d->flags = 0;
	} else {
		d->bytes = bpf_ntohs(h->v6.payload_len);
		__builtin_memcpy(d->src, h->v6.saddr, sizeof(d->src));
		__builtin_memcpy(d->dst, h->v6.daddr, sizeof(d->dst));
		if (!d->bytes)
			d->bytes = bytes - IPV6_BYTES;
		d->flags = EVENT_IPV6;
	}
}

static __always_inline bool segment_parse(const struct headers *h, const struct tcphdr *tcp,
					  __u32 bytes, struct segment *s)
{
	struct datagram d;

	datagram_parse(h, tcp, bytes, &d);
	return segment_from(&d, s);
}

/* Where the TCP header lies behind the IP header; 0 if this is no whole TCP segment. */
static __always_inline __u32 tcp_offset(const struct headers *h)
{
	__u8 version = h->byte[0] >> 4;

	if (version == 4) {
		/* a fragment, first or later: not followed */
		if (h->v4.protocol != IPPROTO_TCP || h->v4.frag_off & bpf_htons(0x3fff))
			return 0;
		return h->v4.ihl * 4;
	}
	return version == 6 && h->v6.nexthdr == IPPROTO_TCP ? IPV6_BYTES : 0;
}

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

/* An Ethernet frame's beginning, the IP header aligned. */
struct frame {
	__u8 padding[2];
	__u8 ethernet[ETHER_BYTES];
	struct headers ip;
} __attribute__((aligned(8)));

/* Step over the tags at *at and fetch the headers behind them. */
static __always_inline bool skip_vlan(const unsigned char *head, __u32 *at, __be16 *type,
				      struct headers *h)
{
#pragma unroll
	for (int i = 0; i < VLAN_TAGS && is_vlan(*type); i++) {
		__be16 tag[2];

		if (bpf_probe_read_kernel(tag, sizeof(tag), head + *at))
			return false;
		*type = tag[1];
		*at += sizeof(tag);
	}
	return !bpf_probe_read_kernel(h, sizeof(*h), head + *at);
}

/* What there is to know of an skb. */
struct skb_view {
	unsigned char *head;
	__u32 data; /* behind head */
	__u32 len;
	__be16 protocol;
};

/* By helper: one read, unless there are VLAN tags or IP options. */
static __always_inline bool datagram_copied(const struct skb_view *skb, bool received,
					    struct datagram *d)
{
	unsigned char *head = skb->head;
	__u32 data = skb->data, at = data, offset;
	struct frame f;
	struct tcphdr tcp;
	__be16 type;

	if (received) {
		type = skb->protocol;
		if (bpf_probe_read_kernel(&f.ip, sizeof(f.ip), head + at))
			return false;
	} else {
		if (bpf_probe_read_kernel(f.ethernet, sizeof(f.ethernet) + sizeof(f.ip),
					  head + at))
			return false;
		type = *(__be16 *)&f.ethernet[ETHER_BYTES - 2];
		at += ETHER_BYTES;
	}
	if (is_vlan(type) && !skip_vlan(head, &at, &type, &f.ip))
		return false;
	offset = tcp_offset(&f.ip);
	if (offset == IPV4_BYTES)
		__builtin_memcpy(&tcp, &f.ip.byte[IPV4_BYTES], sizeof(tcp));
	else if (offset == IPV6_BYTES && f.ip.byte[0] >> 4 == 6)
		__builtin_memcpy(&tcp, &f.ip.byte[IPV6_BYTES], sizeof(tcp));
	else if (!offset || bpf_probe_read_kernel(&tcp, sizeof(tcp), head + at + offset))
		return false;
	datagram_parse(&f.ip, &tcp, skb->len + data - at, d);
	return true;
}

enum direct { DIRECT_NO, DIRECT_YES, DIRECT_TAGGED };

#ifdef DIRECT_READS
/* Each member by itself: the verifier knows them, and nothing wider. */
#define LOAD(member) (*(const volatile typeof(member) *)&(member))

#define HEADER(type, at) \
	((const struct type *)bpf_rdonly_cast(at, bpf_core_type_id_kernel(struct type)))

static __always_inline struct tcp_fields tcp_at(const unsigned char *at)
{
	const struct tcphdr *tcp = HEADER(tcphdr, at);
	const __u8 *byte = (const __u8 *)tcp;
	struct tcp_fields f = {LOAD(tcp->source), LOAD(tcp->dest), LOAD(tcp->seq),
			       LOAD(byte[12]), LOAD(byte[13])};

	return f;
}

static __always_inline bool ipv4_direct(const unsigned char *at, __u32 bytes, __u8 first,
					struct datagram *d)
{
	const struct iphdr *ip = HEADER(iphdr, at);
	__u32 header = (first & 0xf) * 4, total;

	/* a fragment, first or later: not followed */
	if (LOAD(ip->protocol) != IPPROTO_TCP || LOAD(ip->frag_off) & bpf_htons(0x3fff) ||
	    header < IPV4_BYTES)
		return false;
	d->tcp = tcp_at(at + header);
	total = bpf_ntohs(LOAD(ip->tot_len));
	d->bytes = (total ? total : bytes) - header;
	map_ipv4(d->src, LOAD(ip->saddr));
	map_ipv4(d->dst, LOAD(ip->daddr));
	d->flags = 0;
	return true;
}

static __always_inline bool ipv6_direct(const unsigned char *at, __u32 bytes,
					struct datagram *d)
{
	const struct ipv6_header *ip = (const void *)HEADER(ipv6hdr, at);

	if (LOAD(ip->nexthdr) != IPPROTO_TCP)
		return false;
	d->tcp = tcp_at(at + IPV6_BYTES);
	d->bytes = bpf_ntohs(LOAD(ip->payload_len));
	if (!d->bytes)
		d->bytes = bytes - IPV6_BYTES;
#pragma unroll
	for (int i = 0; i < 4; i++) {
		d->src[i] = LOAD(ip->saddr[i]);
		d->dst[i] = LOAD(ip->daddr[i]);
	}
	d->flags = EVENT_IPV6;
	return true;
}

/* Where it is. VLAN tags are left to the other way. */
static __always_inline enum direct datagram_direct(const struct skb_view *skb, bool received,
						   struct datagram *d)
{
	unsigned char *at = skb->head + skb->data;
	__u32 bytes = skb->len;
	__be16 type = skb->protocol;
	const __u8 *first;
	__u8 version;

	if (!received) {
		type = LOAD(((const __be16 *)HEADER(ethhdr, at))[ETHER_BYTES / 2 - 1]);
		at += ETHER_BYTES;
		bytes -= ETHER_BYTES;
	}
	if (is_vlan(type))
		return DIRECT_TAGGED;
	first = (const __u8 *)HEADER(iphdr, at);
	version = LOAD(*first);
	if (version >> 4 == 4)
		return ipv4_direct(at, bytes, version, d) ? DIRECT_YES : DIRECT_NO;
	return version >> 4 == 6 && ipv6_direct(at, bytes, d) ? DIRECT_YES : DIRECT_NO;
}
#endif

/*
 * The segment that an skb carries. received: skb->data stands behind the Ethernet header, whose
 * type is skb->protocol; on the way out it stands before it. The other header offsets of an
 * skb are not all set at every hop.
 */
static __always_inline bool segment_of_view(const struct skb_view *skb, bool received,
					    struct segment *s)
{
	enum direct found = DIRECT_TAGGED;
	struct datagram d;

#ifdef DIRECT_READS
	if (config.direct)
		found = datagram_direct(skb, received, &d);
#endif
	if (found == DIRECT_NO ||
	    (found == DIRECT_TAGGED && !datagram_copied(skb, received, &d)))
		return false;
	s->packet = (__u64)skb->head;
	return segment_from(&d, s);
}

static __always_inline bool segment_of_skb(struct sk_buff *skb, bool received,
					   struct segment *s)
{
	struct skb_view v = {.head = skb->head,
			     .data = (__u32)(skb->data - skb->head),
			     .len = skb->len,
			     .protocol = skb->protocol};

	return segment_of_view(&v, received, s);
}

#endif
