/*
 * Which connections of the sample are looked at: those that an expression is true of. Decided
 * from addresses and ports alone, so that every hop decides the same, in every kernel.
 */
#ifndef STRATA_PROBES_BPF_FLOW_H
#define STRATA_PROBES_BPF_FLOW_H

#include "probes/bpf/maps.h"

/* As flow_packet_fill() of lib/flow_filter.h lays it out. */
struct flow_packet {
	__u16 padding[7];
	__be16 type;
	union {
		struct {
			__u8 version_length;
			__u8 tos;
			__be16 length, id, fragment;
			__u8 ttl;
			__u8 protocol;
			__be16 check;
			__be32 src, dst;
			__be16 src_port, dst_port;
		} v4;
		struct {
			__u8 version;
			__u8 label[3];
			__be16 length;
			__u8 protocol;
			__u8 hops;
			__be32 src[4], dst[4];
			__be16 src_port, dst_port;
		} v6;
		__u8 bytes[64];
	};
};

/* A stub: its instructions are replaced before the programs are loaded (probes/filter.c). */
int flow_filter(const struct flow_packet *p);

static __always_inline bool expression_matches(const __u32 src[4], const __u32 dst[4],
					       __u16 src_port, __u16 dst_port)
{
	struct flow_packet p = {0};

	if (!src[0] && !src[1] && src[2] == bpf_htonl(0xffff)) {
		p.type = bpf_htons(0x0800);
		p.v4.version_length = 0x45;
		p.v4.protocol = 6;
		p.v4.src = src[3];
		p.v4.dst = dst[3];
		p.v4.src_port = bpf_htons(src_port);
		p.v4.dst_port = bpf_htons(dst_port);
	} else {
		p.type = bpf_htons(0x86dd);
		p.v6.version = 0x60;
		p.v6.protocol = 6;
		__builtin_memcpy(p.v6.src, src, sizeof(p.v6.src));
		__builtin_memcpy(p.v6.dst, dst, sizeof(p.v6.dst));
		p.v6.src_port = bpf_htons(src_port);
		p.v6.dst_port = bpf_htons(dst_port);
	}
	return flow_filter(&p) != 0;
}

/* One end and the other, whichever is the client. */
static __always_inline bool flow_wanted(const __u32 one[4], const __u32 other[4],
					__u16 one_port, __u16 other_port)
{
	return !config.filtered || expression_matches(one, other, one_port, other_port) ||
	       expression_matches(other, one, other_port, one_port);
}

#endif
