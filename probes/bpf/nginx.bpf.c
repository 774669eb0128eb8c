/*
 * nginx: the request is parsed, the reply is about to be sent. Which connection that is, the
 * worker's own file table says, so pipelined and delayed requests are told apart.
 *
 * Read from nginx (src/http/ngx_http_request.h, src/core/ngx_connection.h; so since 0.8, on
 * every 64-bit system): a request begins with its signature "HTTP" and a pointer to its
 * connection; a connection is three pointers and the socket's descriptor.
 */
#include <asm/ptrace.h>

#include "probes/bpf/socket.h"

#define NGX_HTTP_SIGNATURE 0x50545448
#define FDS_MAX            (1 << 20)

struct ngx_request_head {
	__u32 signature;
	__u32 padding;
	__u64 connection;
};

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

/* As segment_of_socket(), for a pointer that the verifier does not know. */
static __always_inline bool segment_of_untyped(struct sock *sk, struct segment *s)
{
	struct socket_name n;
	__u16 family = BPF_CORE_READ(sk, __sk_common.skc_family);

	n.local_port = BPF_CORE_READ(sk, __sk_common.skc_num);
	n.remote_port = bpf_ntohs(BPF_CORE_READ(sk, __sk_common.skc_dport));
	if (side_of(n.local_port, n.remote_port,
		    BPF_CORE_READ(sk, __sk_common.skc_net.net, ns.inum)) != SIDE_SERVER)
		return false;
	if (family == FAMILY_INET6) {
		BPF_CORE_READ_INTO(&n.local, sk, __sk_common.skc_v6_rcv_saddr.in6_u.u6_addr32);
		BPF_CORE_READ_INTO(&n.remote, sk, __sk_common.skc_v6_daddr.in6_u.u6_addr32);
	} else if (family == FAMILY_INET) {
		n.local[0] = n.local[1] = n.remote[0] = n.remote[1] = 0;
		n.local[2] = n.remote[2] = bpf_htonl(0xffff);
		n.local[3] = BPF_CORE_READ(sk, __sk_common.skc_rcv_saddr);
		n.remote[3] = BPF_CORE_READ(sk, __sk_common.skc_daddr);
	} else {
		return false;
	}
	if (!segment_of_name(&n, SIDE_SERVER, s))
		return false;
	s->seq = BPF_CORE_READ((struct tcp_sock *)sk, copied_seq);
	return true;
}

/* For user space to know what uprobes cost. */
static __always_inline void count_request(void)
{
	__u32 zero = 0;
	struct losses *l = bpf_map_lookup_elem(&losses, &zero);

	if (l)
		l->uprobe_requests++;
}

static __always_inline int request(__u16 hop, __u64 address)
{
	struct ngx_request_head r;
	struct ngx_connection_head c;
	__u64 now = bpf_ktime_get_ns();
	struct segment s;
	struct sock *sk;

	if (hop == HOP_NGINX_PROCESS)
		count_request();
	if (bpf_probe_read_user(&r, sizeof(r), (void *)address) ||
	    r.signature != NGX_HTTP_SIGNATURE ||
	    bpf_probe_read_user(&c, sizeof(c), (void *)r.connection) || c.fd < 0)
		return 0;
	sk = socket_of_fd(c.fd);
	if (!sk || !segment_of_untyped(sk, &s))
		return 0;
	emit_arg(hop, now, &s, place_of_side(SIDE_SERVER), address);
	return 0;
}

SEC("uprobe")
int BPF_KPROBE(ngx_http_process_request, void *r)
{
	return request(HOP_NGINX_PROCESS, (__u64)r);
}

SEC("uprobe")
int BPF_KPROBE(ngx_http_send_header, void *r)
{
	return request(HOP_NGINX_RESPOND, (__u64)r);
}
