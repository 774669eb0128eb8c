/*
 * What nginx reads and writes by way of TLS: the wire has only ciphertext, so where requests
 * begin and end the application has to tell. Each call that moved plaintext is handed on with
 * its first bytes, and with the range of the connection's bytes on the wire that carried it:
 * from the socket's counters before the call to those after it. OpenSSL may read ahead: what
 * arrives together is one range.
 *
 * nginx (src/event/ngx_event_openssl.h): ngx_ssl_recv() and ngx_ssl_write() take a connection,
 * a buffer and its size, and return the bytes moved, or something negative.
 */
#include "probes/bpf/nginx.h"

struct tls_call {
	__u64 connection;
	__u64 buffer;
	__u32 seq; /* copied_seq or write_seq before the call */
};

/* By thread. A call that never returns is forgotten. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct tls_call);
} tls_calls SEC(".maps");

static __always_inline __u32 moved_so_far(struct sock *sk, bool request)
{
	struct tcp_sock *tp = (struct tcp_sock *)sk;

	return request ? BPF_CORE_READ(tp, copied_seq) : BPF_CORE_READ(tp, write_seq);
}

static __always_inline int begins(__u64 connection, __u64 buffer, bool request)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct tls_call call = {.connection = connection, .buffer = buffer};
	struct sock *sk = socket_of_connection(connection);

	if (!sk)
		return 0;
	call.seq = moved_so_far(sk, request);
	bpf_map_update_elem(&tls_calls, &thread, &call, BPF_ANY);
	return 0;
}

static __always_inline void hand_on(const struct tls_call *call, const struct socket_name *n,
				    const struct segment *s, __u32 end, __u32 bytes,
				    bool request)
{
	struct strata_wire *w = wire_reserve();
	__u32 captured = bytes < WIRE_PAYLOAD_MAX ? bytes : WIRE_PAYLOAD_MAX;

	if (!w)
		return;
	w->event.time_ns = bpf_ktime_get_ns();
	event_fill(&w->event, request ? HOP_NIC_RX : HOP_NIC_QUEUE, s,
		   place_of_side(SIDE_SERVER));
	w->event.flags = (s->flags & EVENT_IPV6) | EVENT_PLAIN;
	w->event.seq = 0;
	w->event.len = bytes;
	w->event.arg64 = (__u64)call->seq << 32 | end;
	__builtin_memcpy(w->client_addr, n->remote, sizeof(w->client_addr));
	__builtin_memcpy(w->server_addr, n->local, sizeof(w->server_addr));
	__builtin_memset(w->reserved, 0, sizeof(w->reserved));
	/* 1 to 512 already; said so that every verifier sees it and no compiler drops it */
	captured--;
	barrier_var(captured);
	captured = (captured & (WIRE_PAYLOAD_MAX - 1)) + 1;
	w->captured =
		bpf_probe_read_user(w->payload, captured, (void *)call->buffer) ? 0 : captured;
	wire_submit(w);
}

static __always_inline int ends(long moved, bool request)
{
	__u64 thread = bpf_get_current_pid_tgid();
	struct tls_call *found = bpf_map_lookup_elem(&tls_calls, &thread), call;
	struct socket_name n;
	struct segment s;
	struct sock *sk;

	if (!found)
		return 0;
	call = *found;
	bpf_map_delete_elem(&tls_calls, &thread);
	if (moved <= 0 || moved > 1 << 30)
		return 0;
	sk = socket_of_connection(call.connection);
	if (sk && segment_of_untyped(sk, &n, &s))
		hand_on(&call, &n, &s, moved_so_far(sk, request), moved, request);
	return 0;
}

SEC("uprobe")
int BPF_KPROBE(ngx_ssl_recv, void *connection, void *buffer)
{
	return begins((__u64)connection, (__u64)buffer, true);
}

SEC("uretprobe")
int BPF_KRETPROBE(ngx_ssl_recv_done, long moved)
{
	return ends(moved, true);
}

SEC("uprobe")
int BPF_KPROBE(ngx_ssl_write, void *connection, void *buffer)
{
	return begins((__u64)connection, (__u64)buffer, false);
}

SEC("uretprobe")
int BPF_KRETPROBE(ngx_ssl_write_done, long moved)
{
	return ends(moved, false);
}
