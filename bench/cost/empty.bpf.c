/*
 * Nothing at all, at the tracepoints that strata trace has in force here: what the kernel asks
 * of anyone who looks there, before the looking begins.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define EMPTY(tracepoint)          \
	SEC("tp_btf/" #tracepoint) \
	int tracepoint(void *ctx)  \
	{                          \
		return 0;          \
	}

EMPTY(netif_rx)
EMPTY(netif_receive_skb)
EMPTY(net_dev_queue)
EMPTY(net_dev_start_xmit)
EMPTY(kfree_skb)
EMPTY(napi_poll)
EMPTY(tcp_rcv_space_adjust)
EMPTY(sock_recv_length)
EMPTY(tcp_probe)
EMPTY(sk_data_ready)
EMPTY(tcp_sendmsg_locked)
EMPTY(sched_switch)
EMPTY(sched_waking)
