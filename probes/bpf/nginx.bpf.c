/*
 * nginx: the request is parsed, the reply is about to be sent. Which connection that is, the
 * worker's own file table says, so pipelined and delayed requests are told apart.
 *
 * Read from nginx (src/http/ngx_http_request.h; so since 0.8, on every 64-bit system): a
 * request begins with its signature "HTTP" and a pointer to its connection.
 */
#include "probes/bpf/nginx.h"

#define NGX_HTTP_SIGNATURE 0x50545448

struct ngx_request_head {
	__u32 signature;
	__u32 padding;
	__u64 connection;
};

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
	__u64 now = bpf_ktime_get_ns();
	struct socket_name n;
	struct segment s;
	struct sock *sk;

	if (hop == HOP_NGINX_PROCESS)
		count_request();
	if (bpf_probe_read_user(&r, sizeof(r), (void *)address) ||
	    r.signature != NGX_HTTP_SIGNATURE)
		return 0;
	sk = socket_of_connection(r.connection);
	if (!sk || !segment_of_untyped(sk, &n, &s))
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
