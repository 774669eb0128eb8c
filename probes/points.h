/*
 * Which hop a packet marks: a table of where it is seen (the tracepoint), on what kind of
 * device, and which way it travels. BPF C looks packets up in it; user C asks it which
 * hops a set of programs and devices can mark.
 */
#ifndef STRATA_PROBES_POINTS_H
#define STRATA_PROBES_POINTS_H

#include "lib/hop.h"

/* The part a network device plays on the path; decides which hop a tracepoint on it marks. */
enum device_role {
	ROLE_NONE = 0,
	ROLE_CLIENT,  /* the client's device, if the client is on this kernel */
	ROLE_UPLINK,  /* the host's NIC, a port of the vSwitch */
	ROLE_PORT,    /* the vSwitch's port towards the server: a tap, or a veth's outer end */
	ROLE_SERVER,  /* the device of the kernel or namespace that runs the server */
	ROLE_BARE,    /* uplink and server in one: the server uses the host's NIC directly */
	ROLE_OWN,     /* the same in a guest: a device that was passed through to it */
	ROLE_MACVTAP, /* a port that is no bridge's: frames reach it without being queued */
	ROLE_PEER,    /* a port whose machine may ask another that is traced, too: to the one
			 it is what an uplink is to a client elsewhere */
	ROLE_COUNT
};

/* Where in the kernel a packet is seen. */
enum packet_point {
	POINT_RECEIVE, /* the driver hands it over: napi_gro_receive_entry, netif_rx, ... */
	POINT_STACK,   /* netif_receive_skb */
	POINT_QUEUE,   /* net_dev_queue */
	POINT_XMIT,    /* net_dev_start_xmit */
	POINT_UPCALL,  /* ovs_dp_upcall */
	POINT_COUNT
};

/*
 * What one point marks, per direction. The first row of lib/hop.def, CLIENT_SEND, is never
 * marked by a packet: here 0 says "nothing".
 */
struct packet_hops {
	unsigned char request;
	unsigned char reply;
};

static const struct packet_hops packet_hops[POINT_COUNT][ROLE_COUNT] = {
	[POINT_RECEIVE] =
		{
			[ROLE_UPLINK] = {.request = HOP_NIC_RX},
			[ROLE_SERVER] = {.request = HOP_GUEST_NAPI}, /* in a VM only */
			[ROLE_BARE] = {.request = HOP_NIC_RX},
			[ROLE_OWN] = {.request = HOP_GUEST_NAPI},
			[ROLE_PEER] = {.request = HOP_NIC_RX},
		},
	[POINT_STACK] =
		{
			[ROLE_CLIENT] = {.reply = HOP_CLIENT_RX},
			[ROLE_UPLINK] = {.request = HOP_VSWITCH_IN},
			[ROLE_PORT] = {.reply = HOP_PORT_RX},
			[ROLE_SERVER] = {.request = HOP_STACK_RX, .reply = HOP_CLIENT_RX},
			[ROLE_BARE] = {.request = HOP_STACK_RX},
			[ROLE_OWN] = {.request = HOP_STACK_RX},
			[ROLE_PEER] = {.request = HOP_VSWITCH_IN, .reply = HOP_PORT_RX},
		},
	[POINT_QUEUE] =
		{
			[ROLE_UPLINK] = {.reply = HOP_NIC_QUEUE},
			[ROLE_PORT] = {.request = HOP_PORT_QUEUE},
			[ROLE_SERVER] = {.reply = HOP_STACK_QUEUE},
			[ROLE_BARE] = {.reply = HOP_NIC_QUEUE},
			[ROLE_OWN] = {.reply = HOP_STACK_QUEUE},
			[ROLE_MACVTAP] = {.reply = HOP_PORT_RX},
			[ROLE_PEER] = {.request = HOP_PORT_QUEUE, .reply = HOP_NIC_QUEUE},
		},
	[POINT_XMIT] =
		{
			[ROLE_CLIENT] = {.request = HOP_CLIENT_XMIT},
			[ROLE_UPLINK] = {.reply = HOP_NIC_XMIT},
			[ROLE_PORT] = {.request = HOP_PORT_XMIT},
			[ROLE_SERVER] = {.request = HOP_CLIENT_XMIT, .reply = HOP_STACK_XMIT},
			[ROLE_BARE] = {.reply = HOP_NIC_XMIT},
			[ROLE_OWN] = {.reply = HOP_NIC_XMIT},
			[ROLE_PEER] = {.request = HOP_PORT_XMIT, .reply = HOP_NIC_XMIT},
		},
	[POINT_UPCALL] =
		{
			[ROLE_UPLINK] = {.request = HOP_VSWITCH_RX_UPCALL},
			[ROLE_PORT] = {.reply = HOP_VSWITCH_TX_UPCALL},
			[ROLE_PEER] = {.request = HOP_VSWITCH_RX_UPCALL,
				       .reply = HOP_VSWITCH_TX_UPCALL},
		},
};

#endif
