/* Finding the TCP segment in an Ethernet frame, checking every step. */
#include "vmm/frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <string.h>

enum {
	VLAN_TAGS_MAX = 2,
	EXTENSIONS_MAX = 8,
	IPV4_HEADER = 20,
	IPV6_HEADER = 40,
	TCP_HEADER = 20,
	TCP_FIN_OR_RST = 0x01 | 0x04,
};

/* What has been captured, and how far the parser has come. */
struct cursor {
	const uint8_t *bytes;
	size_t captured;
	size_t at;
};

static const uint8_t *peek(const struct cursor *c, size_t bytes)
{
	return bytes <= c->captured - c->at ? c->bytes + c->at : NULL;
}

static const uint8_t *take(struct cursor *c, size_t bytes)
{
	const uint8_t *p = peek(c, bytes);

	if (p)
		c->at += bytes;
	return p;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t be32(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

/* The EtherType behind the addresses and up to two VLAN tags (IEEE 802.1Q, 802.1ad); 0 if cut
 * short. */
static uint16_t ethertype(struct cursor *c)
{
	const uint8_t *p = take(c, ETH_HLEN);
	uint16_t type;

	if (!p)
		return 0;
	type = be16(p + 12);
	for (int tags = 0; type == ETH_P_8021Q || type == ETH_P_8021AD; tags++) {
		if (tags == VLAN_TAGS_MAX)
			return 0;
		p = take(c, 4);
		if (!p)
			return 0;
		type = be16(p + 2);
	}
	return type;
}

static void map_ipv4(uint32_t out[4], const uint8_t *address)
{
	out[0] = 0;
	out[1] = 0;
	out[2] = htonl(0xffff);
	memcpy(&out[3], address, 4);
}

/*
 * RFC 791. Leaves the cursor at TCP and the end of the datagram, from the frame's start, in
 * *end. A total length of 0 is Linux' "BIG TCP": the frame's own length counts.
 */
static bool ipv4(struct cursor *c, size_t frame_bytes, struct frame_tcp *out, size_t *end)
{
	const uint8_t *p = peek(c, IPV4_HEADER);
	size_t header, total;

	if (!p || p[0] >> 4 != 4 || p[9] != IPPROTO_TCP)
		return false;
	header = (size_t)(p[0] & 0xf) * 4;
	total = be16(p + 2);
	if (be16(p + 6) & 0x3fff) /* more fragments, or an offset */
		return false;
	map_ipv4(out->source, p + 12);
	map_ipv4(out->destination, p + 16);
	*end = total ? c->at + total : frame_bytes;
	return header >= IPV4_HEADER && take(c, header);
}

/* RFC 8200, 4: walk the extension headers to TCP; fragments are not followed. */
static bool ipv6_skip_extensions(struct cursor *c, uint8_t next)
{
	for (int i = 0; i <= EXTENSIONS_MAX; i++) {
		const uint8_t *p;
		size_t bytes;

		if (next == IPPROTO_TCP)
			return true;
		p = peek(c, 8);
		if (!p)
			return false;
		switch (next) {
		case IPPROTO_HOPOPTS:
		case IPPROTO_ROUTING:
		case IPPROTO_DSTOPTS:
			bytes = ((size_t)p[1] + 1) * 8;
			break;
		case IPPROTO_AH: /* RFC 4302, 2.2: in 4-byte units, less 2 */
			bytes = ((size_t)p[1] + 2) * 4;
			break;
		default:
			return false;
		}
		next = p[0];
		if (!take(c, bytes))
			return false;
	}
	return false;
}

static bool ipv6(struct cursor *c, size_t frame_bytes, struct frame_tcp *out, size_t *end)
{
	const uint8_t *p = take(c, IPV6_HEADER);
	size_t payload;

	if (!p || p[0] >> 4 != 6)
		return false;
	payload = be16(p + 4);
	memcpy(out->source, p + 8, 16);
	memcpy(out->destination, p + 24, 16);
	out->ipv6 = true;
	*end = payload ? c->at + payload : frame_bytes; /* 0: a jumbogram, RFC 2675 */
	return ipv6_skip_extensions(c, p[6]);
}

bool frame_parse_tcp(const uint8_t *bytes, size_t captured, size_t frame_bytes,
		     struct frame_tcp *out)
{
	struct cursor c = {bytes, captured, 0};
	const uint8_t *tcp;
	size_t end, header;
	uint16_t type;
	bool found;

	memset(out, 0, sizeof(*out));
	type = ethertype(&c);
	if (type == ETH_P_IP)
		found = ipv4(&c, frame_bytes, out, &end);
	else if (type == ETH_P_IPV6)
		found = ipv6(&c, frame_bytes, out, &end);
	else
		return false;
	tcp = found ? peek(&c, TCP_HEADER) : NULL;
	if (!tcp || end > frame_bytes)
		return false;
	header = (size_t)(tcp[12] >> 4) * 4;
	if (header < TCP_HEADER || c.at + header > end)
		return false;
	out->source_port = be16(tcp);
	out->destination_port = be16(tcp + 2);
	out->seq = be32(tcp + 4);
	out->fin = tcp[13] & TCP_FIN_OR_RST;
	out->payload_bytes = (uint32_t)(end - c.at - header);
	return true;
}
