/* From a socket to the flow it is one end of. */
#ifndef STRATA_PROBES_BPF_SOCKET_H
#define STRATA_PROBES_BPF_SOCKET_H

#include "probes/bpf/flow.h"

#define FAMILY_INET  2 /* AF_INET of linux/socket.h, which user space headers hide */
#define FAMILY_INET6 10

enum socket_side { SIDE_NONE, SIDE_CLIENT, SIDE_SERVER };

/* A socket's name as the kernel stores it. */
struct socket_name {
	__u32 local[4];
	__u32 remote[4];
	__u16 local_port;
	__u16 remote_port;
};

static __always_inline bool netns_matches(__u32 wanted, __u32 netns)
{
	return wanted == NETNS_ANY || (wanted != NETNS_NONE && wanted == netns);
}

/* Which end of a service's connection a socket is, by its ports and namespace. */
static __always_inline enum socket_side side_of(__u16 local_port, __u16 remote_port,
						__u32 netns)
{
	if (is_service(local_port))
		return netns_matches(config.server_netns, netns) && remote_port ? SIDE_SERVER
										: SIDE_NONE;
	if (is_service(remote_port))
		return netns_matches(config.client_netns, netns) ? SIDE_CLIENT : SIDE_NONE;
	return SIDE_NONE;
}

/* false: its connection is not one of those to be traced */
static __always_inline bool segment_of_name(const struct socket_name *n, enum socket_side side,
					    struct segment *s)
{
	const __u32 *client = side == SIDE_SERVER ? n->remote : n->local;
	bool ipv6 = n->local[0] || n->local[1] || n->local[2] != bpf_htonl(0xffff);

	s->packet = 0;
	s->len = 0;
	s->flags = EVENT_UPTO | (ipv6 ? EVENT_IPV6 : 0);
	if (side == SIDE_SERVER) {
		s->client_port = n->remote_port;
		s->server_port = n->local_port;
	} else {
		s->client_port = n->local_port;
		s->server_port = n->remote_port;
	}
	if (!in_sample(client[3], s->client_port, s->server_port))
		return false;
	s->flow = flow_hash(client, side == SIDE_SERVER ? n->local : n->remote, s->client_port,
			    s->server_port);
	return flow_wanted(n->local, n->remote, n->local_port, n->remote_port);
}

/* Two loads for a socket that is not the service's; what is there to know of it costs more. */
static __always_inline enum socket_side side_of_socket(struct sock *sk)
{
	struct sock_common *c = &sk->__sk_common;
	__u16 local_port = c->skc_num, remote_port = bpf_ntohs(c->skc_dport);

	if (!is_service(local_port) && !is_service(remote_port))
		return SIDE_NONE;
	return side_of(local_port, remote_port, c->skc_net.net->ns.inum);
}

static __always_inline bool of_servers_netns(struct sock *sk)
{
	return netns_matches(config.server_netns, sk->__sk_common.skc_net.net->ns.inum);
}

/*
 * The flow of a socket that a tracepoint handed over, whose side is known; false if it is not
 * to be traced. The range is left to
 * the caller: its end, s->seq, is what the socket's counters say at that hop.
 */
static __always_inline bool segment_of_socket(struct sock *sk, enum socket_side side,
					      struct segment *s)
{
	struct sock_common *c = &sk->__sk_common;
	struct socket_name n;

	n.local_port = c->skc_num;
	n.remote_port = bpf_ntohs(c->skc_dport);
	if (c->skc_family == FAMILY_INET6) {
#pragma unroll
		for (int i = 0; i < 4; i++) {
			n.local[i] = c->skc_v6_rcv_saddr.in6_u.u6_addr32[i];
			n.remote[i] = c->skc_v6_daddr.in6_u.u6_addr32[i];
		}
	} else if (c->skc_family == FAMILY_INET) {
		n.local[0] = n.local[1] = n.remote[0] = n.remote[1] = 0;
		n.local[2] = n.remote[2] = bpf_htonl(0xffff);
		n.local[3] = c->skc_rcv_saddr;
		n.remote[3] = c->skc_daddr;
	} else {
		return false;
	}
	return segment_of_name(&n, side, s);
}

/* Socket events are not seen on a device: they carry the one of their side. */
static __always_inline struct place place_of_side(enum socket_side side)
{
	struct place at = {
		.device = side == SIDE_SERVER ? config.server_device : config.client_device,
		.vm = config.vm_of_sockets,
	};

	return at;
}

#endif
