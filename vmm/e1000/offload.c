/*
 * What transmit descriptors ask of the card (checksums, segmentation, VLAN tags; 8254x manual,
 * 3.3.6, 3.3.7, 3.5, 9.3) told to the host's network stack by a virtio-net header: it segments
 * and sums better than we could, or not at all where nobody needs it.
 */
#include <linux/if_ether.h>
#include <linux/virtio_net.h>
#include <string.h>

#include "vmm/e1000/e1000.h"
#include "vmm/virtio/iov.h"

#define TAG_BYTES 4

/* Places in IP headers: RFC 791, RFC 8200. */
#define IPV4_LENGTH_AT 2
#define IPV6_LENGTH_AT 4
#define IPV6_HEADER    40

void context_parse(struct e1000_context *c, const struct tx_descriptor *d)
{
	*c = (struct e1000_context){
		.ip_start = (uint8_t)d->address,
		.ip_offset = (uint8_t)(d->address >> 8),
		.ip_end = (uint16_t)(d->address >> 16),
		.l4_start = (uint8_t)(d->address >> 32),
		.l4_offset = (uint8_t)(d->address >> 40),
		.l4_end = (uint16_t)(d->address >> 48),
		.tcp = d->lower & TXD_CONTEXT_TCP,
		.ipv4 = d->lower & TXD_CONTEXT_IP,
		.header = (uint8_t)(d->upper >> 8),
		.mss = (uint16_t)(d->upper >> 16),
	};
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint16_t fold(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

/* The Internet checksum of bytes in one piece. */
static uint16_t checksum(const uint8_t *at, size_t bytes)
{
	uint32_t sum = 0;

	for (; bytes > 1; at += 2, bytes -= 2)
		sum += get16(at);
	if (bytes)
		sum += (uint32_t)*at << 8;
	return (uint16_t)~fold(sum);
}

/* Have so many of the frame's first bytes in head, where they can be changed. */
static void take_head(struct e1000_packet *p, size_t bytes)
{
	p->head_bytes = iov_copy_from(p->iov, p->iovs, 0, p->head, bytes);
	p->replaced = p->head_bytes;
}

/* IXSM: the sum over a part of the head, put into it. */
static bool insert_ip_checksum(struct e1000_packet *p, const struct e1000_context *c)
{
	size_t end = (size_t)c->ip_end + 1;

	if (end > p->head_bytes || c->ip_start >= end || c->ip_offset + 2u > p->head_bytes)
		return false;
	put16(p->head + c->ip_offset, checksum(p->head + c->ip_start, end - c->ip_start));
	return true;
}

/* TXSM and IC: the host does it, over all from start on. */
static bool ask_for_checksum(struct e1000_packet *p, unsigned int start, unsigned int offset,
			     unsigned int end)
{
	if (offset < start || offset + 2 > p->bytes || (end && end + 1 < p->bytes))
		return false;
	p->header.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	p->header.csum_start = (uint16_t)start;
	p->header.csum_offset = (uint16_t)(offset - start);
	return true;
}

/* The guest's headers are those of a segment without length: give them that of the whole. */
static bool prepare_segments(struct e1000_packet *p, const struct e1000_context *c)
{
	size_t l4_bytes = p->bytes - c->l4_start, ip_bytes = p->bytes - c->ip_start;
	uint8_t *ip = p->head + c->ip_start, *sum = p->head + c->l4_offset;

	if (!c->tcp || !c->mss || c->header >= p->bytes || ip_bytes > UINT16_MAX ||
	    c->ip_start + IPV6_HEADER > c->header || c->l4_start >= c->header ||
	    c->l4_offset + 2u > c->header ||
	    !ask_for_checksum(p, c->l4_start, c->l4_offset, c->l4_end))
		return false;
	take_head(p, c->header);
	if (c->ipv4)
		put16(ip + IPV4_LENGTH_AT, (uint32_t)ip_bytes);
	else
		put16(ip + IPV6_LENGTH_AT, (uint32_t)ip_bytes - IPV6_HEADER);
	put16(sum, fold(get16(sum) + (uint32_t)l4_bytes));
	p->header.hdr_len = c->header;
	if (p->bytes - c->header > c->mss) {
		p->header.gso_type =
			c->ipv4 ? VIRTIO_NET_HDR_GSO_TCPV4 : VIRTIO_NET_HDR_GSO_TCPV6;
		p->header.gso_size = c->mss;
	}
	return !(p->options & TXD_IXSM) || insert_ip_checksum(p, c);
}

static bool prepare_sums(struct e1000_packet *p, const struct e1000_context *c)
{
	if (!p->extended && (p->lower & TXD_IC))
		return ask_for_checksum(p, p->upper >> TXD_CSS_SHIFT & 0xff,
					p->lower >> TXD_CSO_SHIFT & 0xff, 0);
	if (p->options & TXD_IXSM) {
		take_head(p, E1000_HEAD_MAX - TAG_BYTES);
		if (!insert_ip_checksum(p, c))
			return false;
	}
	return !(p->options & TXD_TXSM) ||
	       ask_for_checksum(p, c->l4_start, c->l4_offset, c->l4_end);
}

static void insert_tag(struct e1000_packet *p, uint16_t type)
{
	uint8_t *tag = p->head + 2 * ETH_ALEN;

	if (!p->head_bytes)
		take_head(p, 2 * ETH_ALEN);
	memmove(tag + TAG_BYTES, tag, p->head_bytes - 2 * ETH_ALEN);
	put16(tag, type);
	put16(tag + 2, p->upper >> TXD_SPECIAL_SHIFT);
	p->head_bytes += TAG_BYTES;
	if (p->header.flags)
		p->header.csum_start += TAG_BYTES;
	if (p->header.hdr_len)
		p->header.hdr_len += TAG_BYTES;
}

bool offload_prepare(struct e1000_packet *p, const struct e1000_context *c, bool tag,
		     uint16_t tag_type)
{
	memset(&p->header, 0, sizeof(p->header));
	p->head_bytes = p->replaced = 0;
	if (p->segment ? !prepare_segments(p, c) : !prepare_sums(p, c))
		return false;
	if (tag)
		insert_tag(p, tag_type);
	return true;
}
