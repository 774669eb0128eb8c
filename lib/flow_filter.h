/*
 * A filter of connections: a classic BPF program (McCanne and Jacobson 1993) that looks at a
 * packet of which only the connection's addresses and ports are known. It was compiled from a
 * pcap expression, and every load's place is a number: the same program runs in user space and,
 * translated, in the eBPF probes of host and guest.
 */
#ifndef STRATA_LIB_FLOW_FILTER_H
#define STRATA_LIB_FLOW_FILTER_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define FLOW_FILTER_MAX 128 /* instructions */

/* Such a packet: an Ethernet header without addresses, IPv4 or IPv6, TCP's ports. Behind two
 * bytes of padding, which align the addresses. */
#define FLOW_PACKET_PADDING 2
#define FLOW_PACKET_BYTES   80

struct flow_filter {
	struct sock_filter code[FLOW_FILTER_MAX];
	unsigned int count; /* 0: every connection */
};

/* From the client to the server, or the other way. IPv4 as v4-mapped IPv6. */
void flow_packet_fill(uint8_t packet[FLOW_PACKET_BYTES], const uint8_t src[16],
		      const uint8_t dst[16], uint16_t src_port, uint16_t dst_port);

/* Every jump lands within, every load within the packet: it may be run. */
bool flow_filter_valid(const struct flow_filter *f);

/* Of a valid one: true of a packet in either direction? */
bool flow_filter_matches(const struct flow_filter *f, const uint8_t client[16],
			 const uint8_t server[16], uint16_t client_port, uint16_t server_port);

/* To hand it to the agent in a guest, and back there. A new reference; NULL if it is empty. -1
 * with a sentence; f is empty then. */
json_t *flow_filter_json(const struct flow_filter *f);
int flow_filter_from_json(struct flow_filter *f, const json_t *json);

#endif
