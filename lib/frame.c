/* Captured frames: see frame.h. Headers: IEEE 802.1Q, RFC 791, RFC 8200, RFC 9293. */
#include "lib/frame.h"

#include <arpa/inet.h>
#include <string.h>

#define ETHER_BYTES  14
#define VLAN_TAGS    2
#define VLAN_BYTES   4
#define TYPE_VLAN    0x8100
#define TYPE_QINQ    0x88a8
#define TYPE_IPV4    0x0800
#define TYPE_IPV6    0x86dd
#define IPV4_BYTES   20
#define IPV6_BYTES   40
#define TCP_BYTES    20
#define PROTOCOL_TCP 6
#define FRAGMENT     0x1fff /* offset in 8 bytes: a later one has no TCP header */
#define TCP_SYN      0x02
#define TCP_FIN_RST  0x05

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

static void map_ipv4(uint8_t address[16], const uint8_t *at)
{
	memset(address, 0, 10);
	memset(address + 10, 0xff, 2);
	memcpy(address + 12, at, 4);
}

/* Of an IP packet. */
struct packet {
	const uint8_t *tcp;
	size_t tcp_bytes;  /* that are there */
	size_t tcp_length; /* on the wire, with the payload */
	uint8_t source[16], destination[16];
};

static bool parse_ipv4(const uint8_t *at, size_t bytes, size_t length, struct packet *p)
{
	size_t header, total;

	if (bytes < IPV4_BYTES || at[0] >> 4 != 4)
		return false;
	header = (size_t)(at[0] & 15) * 4;
	total = get16(at + 2) ? get16(at + 2) : length; /* 0: merged, and longer than it says */
	if (header < IPV4_BYTES || header > bytes || total < header || total > length ||
	    at[9] != PROTOCOL_TCP || get16(at + 6) & FRAGMENT)
		return false;
	map_ipv4(p->source, at + 12);
	map_ipv4(p->destination, at + 16);
	p->tcp = at + header;
	p->tcp_bytes = bytes - header;
	p->tcp_length = total - header;
	return true;
}

static bool parse_ipv6(const uint8_t *at, size_t bytes, size_t length, struct packet *p)
{
	size_t payload;

	if (bytes < IPV6_BYTES || at[0] >> 4 != 6 || at[6] != PROTOCOL_TCP)
		return false;
	payload = get16(at + 4) ? get16(at + 4) : length - IPV6_BYTES;
	if (payload > length - IPV6_BYTES)
		return false;
	memcpy(p->source, at + 8, 16);
	memcpy(p->destination, at + 24, 16);
	p->tcp = at + IPV6_BYTES;
	p->tcp_bytes = bytes - IPV6_BYTES;
	p->tcp_length = payload;
	return true;
}

static bool parse_ip(const uint8_t *at, size_t bytes, size_t length, struct packet *p)
{
	size_t offset = ETHER_BYTES;
	uint16_t type;

	if (length < bytes || bytes < offset)
		return false;
	type = get16(at + offset - 2);
	for (int i = 0; i < VLAN_TAGS && (type == TYPE_VLAN || type == TYPE_QINQ); i++) {
		offset += VLAN_BYTES;
		if (bytes < offset)
			return false;
		type = get16(at + offset - 2);
	}
	if (type == TYPE_IPV4)
		return parse_ipv4(at + offset, bytes - offset, length - offset, p);
	return type == TYPE_IPV6 && parse_ipv6(at + offset, bytes - offset, length - offset, p);
}

static bool is_service(uint16_t port, const uint16_t *ports, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (ports[i] == port)
			return true;
	return false;
}

static uint64_t flow_of(const struct frame *f)
{
	uint32_t client[4], server[4];

	memcpy(client, f->client_addr, sizeof(client));
	memcpy(server, f->server_addr, sizeof(server));
	return flow_hash(client, server, f->event.client_port, f->event.server_port);
}

bool frame_parse(const uint8_t *at, size_t bytes, size_t length, const uint16_t *ports,
		 unsigned int port_count, struct frame *f)
{
	uint16_t source, destination;
	struct packet p;
	size_t header;

	if (!parse_ip(at, bytes, length, &p) || p.tcp_bytes < TCP_BYTES)
		return false;
	header = (size_t)(p.tcp[12] >> 4) * 4;
	if (header < TCP_BYTES || p.tcp_length <= header)
		return false;
	source = get16(p.tcp);
	destination = get16(p.tcp + 2);
	memset(f, 0, sizeof(*f));
	f->request = is_service(destination, ports, port_count);
	if (!f->request && !is_service(source, ports, port_count))
		return false;
	f->event.client_port = f->request ? source : destination;
	f->event.server_port = f->request ? destination : source;
	memcpy(f->client_addr, f->request ? p.source : p.destination, 16);
	memcpy(f->server_addr, f->request ? p.destination : p.source, 16);
	f->event.seq = get32(p.tcp + 4) + (p.tcp[13] & TCP_SYN ? 1 : 0);
	f->event.len = (uint32_t)(p.tcp_length - header);
	if (p.tcp[13] & TCP_FIN_RST)
		f->event.flags |= EVENT_FIN;
	f->event.flow = flow_of(f);
	f->captured = p.tcp_bytes > header ? p.tcp_bytes - header : 0;
	if (f->captured > f->event.len) /* padding of a short frame */
		f->captured = f->event.len;
	f->payload = p.tcp + (p.tcp_bytes > header ? header : p.tcp_bytes);
	return true;
}

static bool is_upper(uint8_t c)
{
	return c >= 'A' && c <= 'Z';
}

bool frame_holds_another(const struct frame *f)
{
	static const char reply[] = "HTTP/", blank[] = "\r\n\r\n";
	const uint8_t *at = f->payload, *end = at + f->captured;

	while (at < end &&
	       (at = memchr(at + 1, f->request ? '\r' : 'H', (size_t)(end - at - 1)))) {
		if (!f->request && end - at >= 5 && !memcmp(at, reply, 5))
			return true;
		if (f->request && end - at >= 7 && !memcmp(at, blank, 4) && is_upper(at[4]) &&
		    is_upper(at[5]) && is_upper(at[6]))
			return true;
	}
	return false;
}
