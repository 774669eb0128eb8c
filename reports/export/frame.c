/* Packets' headers: see frame.h. RFC 791, RFC 8200, RFC 9293. */
#include "reports/export/frame.h"

#include <arpa/inet.h>
#include <string.h>

#define IPV4_BYTES 20
#define IPV6_BYTES 40
#define TCP_BYTES  20

static void put16(uint8_t *to, uint32_t v)
{
	to[0] = (uint8_t)(v >> 8);
	to[1] = (uint8_t)v;
}

/* What does not fit (segments that were merged) is 0, as a NIC's driver writes it. */
static uint32_t length16(uint64_t n)
{
	return n <= UINT16_MAX ? (uint32_t)n : 0;
}

static uint16_t checksum(const uint8_t *bytes, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < n; i += 2)
		sum += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static size_t ipv4(const struct frame *f, uint8_t *h)
{
	h[0] = 0x45;
	put16(h + 2, length16((uint64_t)IPV4_BYTES + TCP_BYTES + f->len));
	h[9] = IPPROTO_TCP;
	memcpy(h + 12, f->from + 12, 4);
	memcpy(h + 16, f->to + 12, 4);
	put16(h + 10, checksum(h, IPV4_BYTES));
	return IPV4_BYTES;
}

static size_t ipv6(const struct frame *f, uint8_t *h)
{
	h[0] = 0x60;
	put16(h + 4, length16((uint64_t)TCP_BYTES + f->len));
	h[6] = IPPROTO_TCP;
	memcpy(h + 8, f->from, 16);
	memcpy(h + 24, f->to, 16);
	return IPV6_BYTES;
}

size_t frame_headers(const struct frame *f, uint8_t headers[FRAME_HEADERS_MAX])
{
	size_t ip;
	uint8_t *tcp;

	memset(headers, 0, FRAME_HEADERS_MAX);
	ip = f->ipv6 ? ipv6(f, headers) : ipv4(f, headers);
	tcp = headers + ip;
	put16(tcp, f->from_port);
	put16(tcp + 2, f->to_port);
	put16(tcp + 4, f->seq >> 16);
	put16(tcp + 6, f->seq);
	tcp[12] = TCP_BYTES / 4 << 4;
	put16(tcp + 14, UINT16_MAX);
	return ip + TCP_BYTES;
}
