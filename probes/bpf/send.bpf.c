/*
 * Sockets, the sending half: client.send and app.write. Three ways, of which the loader takes
 * the first that the kernel has:
 *
 *   tcp_sendmsg_locked   tracepoint, Linux 6.17; knows the socket and what is to be sent
 *   tcp_sendmsg          fentry; the same
 *   sys_enter            remembers when the task entered a send-like call, which
 *   sock_send_length     names when the call ends, and with it the socket. This makes
 *                        every system call of the machine slower, hence the last resort.
 */
#include <asm/unistd_64.h>

#include "probes/bpf/socket.h"

static __always_inline __u16 send_hop(enum socket_side side)
{
	return side == SIDE_SERVER ? HOP_APP_WRITE : HOP_CLIENT_SEND;
}

/* What a connection was opened for, until something is sent on it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64); /* the socket */
	__type(value, struct asker);
} askers SEC(".maps");

static __always_inline bool asker_of_task(struct asker *a)
{
	struct task_state *st = task_state(bpf_get_current_task_btf(), false);

	if (!st || !st->read_flow)
		return false;
	a->flow = st->read_flow;
	a->seq = st->read_seq;
	a->reserved = 0;
	return true;
}

/* A server that does not wait connects in the turn of its loop in which it read what it is
 * going to ask for, and sends later. */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connects, struct sock *sk, int old_state, int new_state)
{
	__u64 key = (__u64)sk;
	struct asker a;

	if (new_state != BPF_TCP_SYN_SENT ||
	    !is_service(bpf_ntohs(sk->__sk_common.skc_dport)) ||
	    !netns_matches(config.client_netns, sk->__sk_common.skc_net.net->ns.inum) ||
	    !asker_of_task(&a))
		return 0;
	bpf_map_update_elem(&askers, &key, &a, BPF_ANY);
	return 0;
}

/* On a connection that was there already it sends in the turn in which it read. */
static __always_inline void emit_asked(struct sock *sk, const struct segment *s)
{
	__u64 key = (__u64)sk, flow = s->flow;
	struct asker *opened = bpf_map_lookup_elem(&askers, &key), a;
	struct strata_event *e;

	if (opened) {
		a = *opened;
		bpf_map_delete_elem(&askers, &key);
	} else if (!asker_of_task(&a)) {
		return;
	}
	bpf_map_update_elem(&handed_on, &flow, &a, BPF_ANY);
	e = event_reserve();
	if (!e)
		return;
	event_fill(e, CONTEXT_ASKED, s, place_of_side(SIDE_CLIENT));
	e->tid = bpf_get_current_pid_tgid();
	e->arg32 = a.seq;
	e->arg64 = a.flow;
	event_commit(e, bpf_ktime_get_ns());
}

/* bytes are about to be appended to what the socket has been given so far. */
static __always_inline void emit_send(struct sock *sk, enum socket_side side,
				      struct tcp_sock *tp, __u32 bytes)
{
	struct segment s;

	if (!bytes || !segment_of_socket(sk, side, &s))
		return;
	s.flags &= ~EVENT_UPTO;
	s.seq = tp->write_seq;
	s.len = bytes;
	emit(send_hop(side), bpf_ktime_get_ns(), &s, place_of_side(side));
	if (config.asks && side == SIDE_CLIENT)
		emit_asked(sk, &s);
}

/*
 * Fires for each segment that one call fills, with what is left to send: the first of them is
 * the call's beginning, and all of them end at the same byte. A call that goes on in another
 * CPU is told of twice; the join takes the first.
 */
SEC("tp_btf/tcp_sendmsg_locked")
int BPF_PROG(tcp_sendmsg_locked, struct sock *sk, struct msghdr *msg)
{
	enum socket_side side = side_of_socket(sk);
	struct cpu_state *cpu;
	struct tcp_sock *tp;
	__u32 bytes, end;

	if (side == SIDE_NONE)
		return 0;
	cpu = this_cpu();
	tp = bpf_skc_to_tcp_sock(sk);
	if (!cpu || !tp)
		return 0;
	bytes = msg->msg_iter.count;
	end = tp->write_seq + bytes;
	if (cpu->send_sock == (__u64)sk && cpu->send_end == end)
		return 0;
	cpu->send_sock = (__u64)sk;
	cpu->send_end = end;
	emit_send(sk, side, tp, bytes);
	return 0;
}

SEC("fentry/tcp_sendmsg")
int BPF_PROG(tcp_sendmsg, struct sock *sk, struct msghdr *msg, unsigned long size)
{
	enum socket_side side = side_of_socket(sk);
	struct tcp_sock *tp;

	if (side == SIDE_NONE)
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (tp)
		emit_send(sk, side, tp, size);
	return 0;
}

/* Processes that connected to the service: the thread that sends need not be the one that did.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, __u8);
} clients SEC(".maps");

/* This task's state if it is one that may send to or from the service. */
static __always_inline struct task_state *sender(void)
{
	struct task_struct *t = bpf_get_current_task_btf();
	struct task_state *st = task_state(t, false);
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;

	if (st || !bpf_map_lookup_elem(&clients, &tgid))
		return st;
	return task_state(t, true);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(sys_enter, void *regs, long id)
{
	struct task_state *st;

	if (id != __NR_write && id != __NR_writev && id != __NR_sendto && id != __NR_sendmsg &&
	    id != __NR_sendfile)
		return 0;
	st = sender();
	if (st)
		st->send_ns = bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(sock_send_length, struct sock *sk, int ret)
{
	enum socket_side side = side_of_socket(sk);
	struct task_state *st;
	struct tcp_sock *tp;
	struct segment s;

	if (side == SIDE_NONE || ret <= 0)
		return 0;
	st = task_state(bpf_get_current_task_btf(), false);
	tp = bpf_skc_to_tcp_sock(sk);
	if (!st || !st->send_ns || !tp || !segment_of_socket(sk, side, &s))
		return 0;
	s.seq = tp->write_seq;
	emit(send_hop(side), st->send_ns, &s, place_of_side(side));
	if (config.asks && side == SIDE_CLIENT) {
		s.seq -= ret;
		emit_asked(sk, &s);
	}
	return 0;
}

/* Whoever connects to the service is going to send: its process's calls are timed from now on.
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(inet_sock_set_state, struct sock *sk, int old_state, int new_state)
{
	__u8 yes = 1;
	__u32 tgid;

	if (new_state != BPF_TCP_SYN_SENT ||
	    !is_service(bpf_ntohs(sk->__sk_common.skc_dport)) ||
	    !netns_matches(config.client_netns, sk->__sk_common.skc_net.net->ns.inum))
		return 0;
	tgid = bpf_get_current_pid_tgid() >> 32;
	bpf_map_update_elem(&clients, &tgid, &yes, BPF_ANY);
	return 0;
}
