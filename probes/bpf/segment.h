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

/*
 * TCP ports tell the direction and whether this is ours, and in the sample. ip_payload counts
 * from the TCP header to the datagram's end. Segments without payload are not.
 */
static __always_inline bool segment_from(const __u32 src[4], const __u32 dst[4],
					 const struct tcphdr *tcp, __u32 ip_payload,
					 struct segment *s)
{
	__u16 sport = bpf_ntohs(tcp->source), dport = bpf_ntohs(tcp->dest);
	__u32 header = tcp->doff * 4;
	__u8 bits = ((const __u8 *)tcp)[13];

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
	if (ip_payload <= header ||
	    !in_sample(s->direction == DIRECTION_REQUEST ? src[3] : dst[3], s->client_port,
		       s->server_port))
		return false;
	s->len = ip_payload - header;
	s->seq = bpf_ntohl(tcp->seq) + (bits & TCP_SYN_BIT ? 1 : 0);
	if (bits & TCP_FIN_RST)
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
static __always_inline bool segment_parse(const struct headers *h, const struct tcphdr *tcp,
					  __u32 bytes, struct segment *s)
{
	__u32 src[4], dst[4], payload;

	if (h->byte[0] >> 4 == 4) {
		__u32 total = bpf_ntohs(h->v4.tot_len);

		map_ipv4(src, h->v4.saddr);
		map_ipv4(dst, h->v4.daddr);
		payload = (total ? total : bytes) - h->v4.ihl * 4;
		s->flags = 0;
	} else {
		payload = bpf_ntohs(h->v6.payload_len);
		__builtin_memcpy(src, h->v6.saddr, sizeof(src));
		__builtin_memcpy(dst, h->v6.daddr, sizeof(dst));
		if (!payload)
			payload = bytes - IPV6_BYTES;
		s->flags = EVENT_IPV6;
	}
	return segment_from(src, dst, tcp, payload, s);
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

/*
 * The segment that an skb carries. received: skb->data stands behind the Ethernet header, whose
 * type is skb->protocol; on the way out it stands before it. The other header offsets of an
 * skb are not all set at every hop. One read, unless there are VLAN tags or IP options.
 */
static __always_inline bool segment_of_view(const struct skb_view *skb, bool received,
					    struct segment *s)
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
	s->packet = (__u64)head;
	return segment_parse(&f.ip, &tcp, skb->len + data - at, s);
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
