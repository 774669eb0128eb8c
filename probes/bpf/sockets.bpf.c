/*
 * Sockets, the receiving half: TCP takes the segment, the socket becomes readable, the server
 * reads the request, the client has its reply.
 */
#include <linux/tcp.h>

#include "probes/bpf/socket.h"

#define MSG_PEEK_BIT 0x02 /* MSG_PEEK */

/* The task's last switch-in is what led to this read, if nothing arrived after it. */
static __always_inline void emit_run(struct task_state *st, const struct tcp_sock *tp,
				     const struct segment *s, struct place at)
{
	__u64 run_ns = st->run_ns;

	if (run_ns == st->run_used_ns || run_ns / 1000 < tp->tcp_mstamp)
		return;
	st->run_used_ns = run_ns;
	emit(HOP_APP_RUN, run_ns, s, at);
}

static __always_inline void remember_read(struct task_state *st, const struct segment *s)
{
	__u64 flow = s->flow;
	struct asker *from = bpf_map_lookup_elem(&handed_on, &flow);

	st->read_flow = from ? from->flow : flow;
	st->read_seq = from ? from->seq : s->seq;
}

/* Fires in recvmsg() for each buffer copied, with copied_seq already behind it. */
SEC("tp_btf/tcp_rcv_space_adjust")
int BPF_PROG(tcp_rcv_space_adjust, struct sock *sk)
{
	enum socket_side side = side_of_socket(sk);
	struct place at = place_of_side(side);
	struct task_state *st;
	struct tcp_sock *tp;
	struct segment s;

	if (side == SIDE_NONE || (side == SIDE_CLIENT && !config.inferred_recv))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !segment_of_socket(sk, side, &s))
		return 0;
	s.seq = tp->copied_seq;
	if (side == SIDE_CLIENT) {
		s.flags |= EVENT_INFERRED;
		emit(HOP_CLIENT_RECV, bpf_ktime_get_ns(), &s, at);
		return 0;
	}
	st = task_state(bpf_get_current_task_btf(), true);
	if (st) {
		st->app = 1;
		if (config.asks)
			remember_read(st, &s);
		emit_run(st, tp, &s, at);
	}
	emit(HOP_APP_READ, bpf_ktime_get_ns(), &s, at);
	return 0;
}

/* The last step of every recv-like call: the client has it. */
SEC("tp_btf/sock_recv_length")
int BPF_PROG(sock_recv_length, struct sock *sk, int ret, int flags)
{
	struct tcp_sock *tp;
	struct segment s;

	if (ret <= 0 || flags & MSG_PEEK_BIT || side_of_socket(sk) != SIDE_CLIENT)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !segment_of_socket(sk, SIDE_CLIENT, &s))
		return 0;
	s.seq = tp->copied_seq;
	emit(HOP_CLIENT_RECV, bpf_ktime_get_ns(), &s, place_of_side(SIDE_CLIENT));
	return 0;
}

SEC("tp_btf/sk_data_ready")
int BPF_PROG(sk_data_ready, struct sock *sk)
{
	__u64 now;
	struct tcp_sock *tp;
	struct segment s;

	if (side_of_socket(sk) != SIDE_SERVER) {
		if (of_servers_netns(sk))
			may_wake(OFF_WAKER_UPSTREAM, bpf_ktime_get_ns());
		return 0;
	}
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !segment_of_socket(sk, SIDE_SERVER, &s))
		return 0;
	s.seq = tp->rcv_nxt;
	now = bpf_ktime_get_ns();
	may_wake(OFF_WAKER_REQUEST, now);
	emit(HOP_SOCK_READY, now, &s, place_of_side(SIDE_SERVER));
	return 0;
}

/* An established connection's segment, IP stripped: data stands at the TCP header. */
SEC("tp_btf/tcp_probe")
int BPF_PROG(tcp_probe, struct sock *sk, struct sk_buff *skb)
{
	__u32 bytes = skb->len;
	struct segment s;
	struct tcphdr tcp;

	if (side_of_socket(sk) != SIDE_SERVER ||
	    bpf_probe_read_kernel(&tcp, sizeof(tcp), skb->data))
		return 0;
	if (bytes <= tcp.doff * 4) {
		may_wake(OFF_WAKER_WINDOW, bpf_ktime_get_ns());
		return 0;
	}
	if (!segment_of_socket(sk, SIDE_SERVER, &s))
		return 0;
	s.flags &= ~EVENT_UPTO;
	s.seq = bpf_ntohl(tcp.seq);
	s.len = bytes - tcp.doff * 4;
	s.packet = (__u64)skb->head;
	emit(HOP_TCP_RX, bpf_ktime_get_ns(), &s, place_of_side(SIDE_SERVER));
	return 0;
}
