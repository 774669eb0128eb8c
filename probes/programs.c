/* The table of BPF programs. */
#include "probes/programs.h"

#define BIT(hop) (1ULL << HOP_##hop)

#define TRACEPOINT(tracepoint, ...)                                                           \
	{                                                                                     \
		.name = #tracepoint, .section = "tp_btf/" #tracepoint, .target = #tracepoint, \
		.kind = PROGRAM_TRACEPOINT, __VA_ARGS__                                       \
	}

#define FENTRY(function, ...)                                                           \
	{                                                                               \
		.name = #function, .section = "fentry/" #function, .target = #function, \
		.kind = PROGRAM_FENTRY, .point = -1,                                    \
		.option = "CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS", __VA_ARGS__        \
	}

#define UPROBE(function, ...)                                                           \
	{                                                                               \
		.name = #function, .section = "uprobe/" #function, .target = #function, \
		.kind = PROGRAM_UPROBE, .point = -1, .needs = NEED_SERVER | NEED_NGINX, \
		.option = "CONFIG_UPROBE_EVENTS", __VA_ARGS__                           \
	}

#define URETPROBE(program, function, ...)                                                  \
	{                                                                                  \
		.name = #program, .section = "uretprobe/" #function, .target = #function,  \
		.kind = PROGRAM_URETPROBE, .point = -1, .needs = NEED_SERVER | NEED_NGINX, \
		.option = "CONFIG_UPROBE_EVENTS", __VA_ARGS__                              \
	}

#define PACKET(tracepoint, where, must)                                                 \
	TRACEPOINT(tracepoint, .point = where, .needs = NEED_DEVICES, .required = must, \
		   .option = "CONFIG_NET")

const struct program programs[] = {
	PACKET(napi_gro_receive_entry, POINT_RECEIVE, true),
	PACKET(netif_rx, POINT_RECEIVE, true),
	PACKET(netif_receive_skb_entry, POINT_RECEIVE, false),
	PACKET(netif_receive_skb, POINT_STACK, true),
	PACKET(net_dev_queue, POINT_QUEUE, true),
	PACKET(net_dev_start_xmit, POINT_XMIT, true),
	{.name = "ovs_dp_upcall",
	 .section = "raw_tp/ovs_dp_upcall",
	 .target = "ovs_dp_upcall",
	 .kind = PROGRAM_TRACEPOINT,
	 .point = POINT_UPCALL,
	 .needs = NEED_DEVICES | NEED_OVS,
	 .option = "CONFIG_OPENVSWITCH, Linux 5.15"},
	TRACEPOINT(kfree_skb, .point = -1, .option = "Linux 5.17"),
	FENTRY(br_handle_frame, .needs = NEED_BRIDGE, .exact = BIT(VSWITCH_IN)),
	TRACEPOINT(irq_handler_entry, .point = -1, .needs = NEED_IRQS,
		   .hops = BIT(NIC_IRQ) | BIT(VFIO_IRQ) | BIT(GUEST_IRQ),
		   .option = "CONFIG_TRACEPOINTS"),
	TRACEPOINT(napi_poll, .point = -1, .needs = NEED_DEVICES, .option = "CONFIG_NET"),
	FENTRY(tap_handle_frame, .needs = NEED_MACVTAP, .hops = BIT(PORT_XMIT)),
	FENTRY(tun_recvmsg, .needs = NEED_VHOST, .hops = BIT(VHOST_RX_READ)),
	TRACEPOINT(consume_skb, .point = -1, .needs = NEED_READER, .hops = BIT(VMM_RX_READ),
		   .option = "CONFIG_NET"),
	FENTRY(tap_recvmsg, .needs = NEED_VHOST | NEED_MACVTAP, .hops = BIT(VHOST_RX_READ)),

	TRACEPOINT(tcp_rcv_space_adjust, .point = -1, .needs = NEED_SOCKETS, .required = true,
		   .hops = BIT(APP_READ) | BIT(CLIENT_RECV), .option = "CONFIG_INET"),
	TRACEPOINT(sock_recv_length, .point = -1, .needs = NEED_CLIENT,
		   .exact = BIT(CLIENT_RECV), .option = "Linux 6.3"),
	TRACEPOINT(sk_data_ready, .point = -1, .needs = NEED_SERVER, .hops = BIT(SOCK_READY),
		   .option = "Linux 6.3"),
	TRACEPOINT(tcp_probe, .point = -1, .needs = NEED_SERVER, .hops = BIT(TCP_RX),
		   .option = "CONFIG_INET"),

	TRACEPOINT(tcp_sendmsg_locked, .point = -1, .needs = NEED_SOCKETS,
		   .alternative = ALTERNATIVE_SEND, .rank = 0,
		   .hops = BIT(CLIENT_SEND) | BIT(APP_WRITE), .option = "Linux 6.17"),
	FENTRY(tcp_sendmsg, .needs = NEED_SOCKETS, .alternative = ALTERNATIVE_SEND, .rank = 1,
	       .hops = BIT(CLIENT_SEND) | BIT(APP_WRITE)),
	TRACEPOINT(sys_enter, .point = -1, .needs = NEED_SOCKETS,
		   .alternative = ALTERNATIVE_SEND, .rank = 2, .required = true,
		   .option = "CONFIG_HAVE_SYSCALL_TRACEPOINTS"),
	TRACEPOINT(sock_send_length, .point = -1, .needs = NEED_SOCKETS,
		   .alternative = ALTERNATIVE_SEND, .rank = 2, .required = true,
		   .hops = BIT(CLIENT_SEND) | BIT(APP_WRITE), .option = "Linux 6.3, or fentry"),
	TRACEPOINT(inet_sock_set_state, .point = -1, .needs = NEED_CLIENT,
		   .alternative = ALTERNATIVE_SEND, .rank = 2, .required = true,
		   .option = "CONFIG_INET"),

	{.name = "connects",
	 .section = "tp_btf/inet_sock_set_state",
	 .target = "inet_sock_set_state",
	 .kind = PROGRAM_TRACEPOINT,
	 .point = -1,
	 .needs = NEED_ASKS,
	 .option = "CONFIG_INET"},

	TRACEPOINT(sched_switch, .point = -1, .needs = NEED_SCHED,
		   .hops = BIT(APP_RUN) | BIT(VCPU_RUN) | BIT(VHOST_RX_RUN) | BIT(VHOST_TX_RUN),
		   .option = "CONFIG_TRACEPOINTS"),
	TRACEPOINT(sched_waking, .point = -1, .needs = NEED_SCHED,
		   .hops = BIT(VCPU_WAKE) | BIT(VHOST_RX_WAKE) | BIT(VHOST_TX_WAKE),
		   .option = "CONFIG_TRACEPOINTS"),
	TRACEPOINT(kvm_entry, .point = -1, .needs = NEED_VM, .hops = BIT(KVM_ENTRY),
		   .option = "CONFIG_KVM"),
	TRACEPOINT(kvm_exit, .point = -1, .needs = NEED_VM, .hops = BIT(KVM_EXIT),
		   .option = "CONFIG_KVM"),
	TRACEPOINT(kvm_vcpu_wakeup, .point = -1, .needs = NEED_VM, .option = "CONFIG_KVM"),
	TRACEPOINT(kvm_msi_set_irq, .point = -1, .needs = NEED_VM, .hops = BIT(KVM_IRQ),
		   .option = "CONFIG_KVM"),
	TRACEPOINT(kvm_set_irq, .point = -1, .needs = NEED_VM | NEED_LINES,
		   .hops = BIT(KVM_IRQ), .option = "CONFIG_KVM"),
	TRACEPOINT(kvm_apic_accept_irq, .point = -1, .needs = NEED_VM, .option = "CONFIG_KVM"),
	FENTRY(ioeventfd_write, .needs = NEED_VM, .hops = BIT(KVM_KICK)),
	TRACEPOINT(kvm_mmio, .point = -1, .needs = NEED_VM, .hops = BIT(KVM_KICK),
		   .option = "CONFIG_KVM"),
	TRACEPOINT(kvm_fast_mmio, .point = -1, .needs = NEED_VM, .hops = BIT(KVM_KICK),
		   .option = "CONFIG_KVM"),

	UPROBE(ngx_http_process_request, .hops = BIT(NGINX_PROCESS)),
	UPROBE(ngx_http_send_header, .hops = BIT(NGINX_RESPOND)),
	UPROBE(ngx_ssl_recv),
	URETPROBE(ngx_ssl_recv_done, ngx_ssl_recv),
	UPROBE(ngx_ssl_write),
	URETPROBE(ngx_ssl_write_done, ngx_ssl_write),
	{.name = "wire",
	 .section = "socket/wire",
	 .kind = PROGRAM_SOCKET,
	 .point = -1,
	 .needs = NEED_WIRE,
	 .required = true,
	 .option = "CONFIG_PACKET"},
	{.name = "wire_peer",
	 .section = "socket/wire_peer",
	 .kind = PROGRAM_SOCKET,
	 .point = -1,
	 .needs = NEED_PEERS,
	 .option = "CONFIG_PACKET"},
};

const size_t program_count = sizeof(programs) / sizeof(programs[0]);

_Static_assert(sizeof(programs) / sizeof(programs[0]) <= PROGRAMS_MAX, "raise PROGRAMS_MAX");
