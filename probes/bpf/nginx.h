/*
 * From what nginx has in its hands to the connection: its worker's own file table knows the
 * socket.
 *
 * Read from nginx (src/core/ngx_connection.h; so since 0.8, on every 64-bit system): a
 * connection begins with three pointers and the socket's descriptor.
 */
#ifndef STRATA_PROBES_BPF_NGINX_H
#define STRATA_PROBES_BPF_NGINX_H

#include <asm/ptrace.h>

#include "probes/bpf/socket.h"

#define FDS_MAX (1 << 20)

struct ngx_connection_head {
	__u64 data, read, write;
	__s32 fd;
	__u32 padding;
};

/* The socket behind a descriptor of the current task; NULL if there is none. */
static __always_inline struct sock *socket_of_fd(__u32 fd)
{
	struct task_struct *t = (struct task_struct *)bpf_get_current_task();
	struct fdtable *table = BPF_CORE_READ(t, files, fdt);
	struct file **files = BPF_CORE_READ(table, fd);
	struct file *file = NULL;
	struct socket *socket;

	if (fd >= BPF_CORE_READ(table, max_fds) || fd >= FDS_MAX ||
	    bpf_probe_read_kernel(&file, sizeof(file), files + fd) || !file)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

/* Of an nginx connection. */
static __always_inline struct sock *socket_of_connection(__u64 address)
{
	struct ngx_connection_head c;

	if (bpf_probe_read_user(&c, sizeof(c), (void *)address) || c.fd < 0)
		return NULL;
	return socket_of_fd(c.fd);
}

/* As segment_of_socket(), for the server's side and a pointer that the verifier does not know.
 */
static __always_inline bool segment_of_untyped(struct sock *sk, struct socket_name *n,
					       struct segment *s)
{
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	n->local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	n->remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (side_of(n->local_port, n->remote_port,
		    BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum)) != SIDE_SERVER)
		return false;
	if (family == FAMILY_INET6) {
		BPF_CORE_READ_INTO(&n->local, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32);
		BPF_CORE_READ_INTO(&n->remote, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32);
	} else if (family == FAMILY_INET) {
		n->local[0] = n->local[1] = n->remote[0] = n->remote[1] = 0;
		n->local[2] = n->remote[2] = bpf_htonl(0xffff);
		n->local[3] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		n->remote[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	} else {
		return false;
	}
	if (!segment_of_name(n, SIDE_SERVER, s))
		return false;
	s->seq = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
	return true;
}

#endif
