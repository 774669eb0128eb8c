/*
 * Fuzz filters. The first byte says: the words of a text, each a number in the table below; a
 * text as it is; or a program from the other side, which is refused or runs. A text that is
 * read must be written so that it is read as the same, and must say of connections what libpcap
 * says.
 */
#include <pcap/pcap.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/flow_filter.h"
#include "tracer/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const words[] = {
	"and",      "or",         "not",
	"(",        ")",          "&&",
	"||",       "!",          "host",
	"net",      "port",       "portrange",
	"src",      "dst",        "ip",
	"ip6",      "tcp",        "udp",
	"proto",    "10.77.0.1",  "10.77.0.0/24",
	"fd77::1",  "fd77::/16",  "80",
	"443",      "80-443",     "6",
	"tcp[0:2]", "tcp[2]",     "ip[12:4]",
	"ip[16]",   "ip6[8:4]",   "tcp[13]",
	"ip[2:2]",  "len",        "=",
	"!=",       ">",          "<=",
	"&",        "|",          "+",
	"*",        "/",          "<<",
	">>",       "-",          "0",
	"1",        "0x0a4d0001", "--slower-than",
	"--status", "--path",     "--vm",
	"--sample", "5ms",        "250us",
	"404",      "5xx,200",    "1/16",
	"'a b'",    "/x*",        "\"it's\"",
	"=5",       "-1",         "--",
	"--path=",  "'",          "[",
	"]",        "greater",    "vlan",
	"ether",
};

#define WORDS (sizeof(words) / sizeof(words[0]))

/* IPv4 and IPv6; mapped as connections have it */
static const uint8_t addresses[][16] = {
	{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 10, 77, 0, 1},
	{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 168, 9, 8},
	{0xfd, 0x77, [15] = 1},
	{0x20, 0x01, 0x0d, 0xb8, [15] = 7},
};

static const uint16_t ports[] = {80, 443, 40001};

static bool pcap_says(const struct bpf_program *p, const uint8_t *src, const uint8_t *dst,
		      uint16_t src_port, uint16_t dst_port)
{
	uint8_t packet[FLOW_PACKET_BYTES];
	struct pcap_pkthdr h = {.caplen = FLOW_PACKET_BYTES - FLOW_PACKET_PADDING,
				.len = FLOW_PACKET_BYTES - FLOW_PACKET_PADDING};

	flow_packet_fill(packet, src, dst, src_port, dst_port);
	return pcap_offline_filter(p, &h, packet + FLOW_PACKET_PADDING);
}

static void compare_with_pcap(const struct filter *f)
{
	pcap_t *pcap = pcap_open_dead(DLT_EN10MB, 65535);
	struct filter flows = {.flows = f->flows};
	struct bpf_program p;

	if (pcap_compile(pcap, &p, f->expression, 1, PCAP_NETMASK_UNKNOWN))
		abort();
	for (unsigned int i = 0; i < 4 * 9; i++) {
		const uint8_t *one = addresses[i / 9], *other = addresses[i / 9 ^ 1];
		uint16_t client = ports[i % 9 / 3], server = ports[i % 3];

		if (filter_flow(&flows, one, other, client, server) !=
		    (pcap_says(&p, one, other, client, server) ||
		     pcap_says(&p, other, one, server, client)))
			abort();
	}
	pcap_freecode(&p);
	pcap_close(pcap);
}

static void try_text(const char *text)
{
	struct filter f = {.sample = 0}, again = {.sample = 0};
	char written[FILTER_TEXT_MAX], rewritten[FILTER_TEXT_MAX];

	if (filter_parse(&f, text))
		return;
	filter_text(&f, written, sizeof(written));
	if (filter_parse(&again, written))
		abort();
	filter_text(&again, rewritten, sizeof(rewritten));
	if (strcmp(written, rewritten) || memcmp(&f.flows, &again.flows, sizeof(f.flows)))
		abort();
	if (f.flows.count)
		compare_with_pcap(&f);
}

static void try_program(const uint8_t *data, size_t size)
{
	struct filter f = {.sample = 0};

	for (; size >= 8 && f.flows.count < FLOW_FILTER_MAX; data += 8, size -= 8)
		memcpy(&f.flows.code[f.flows.count++], data, 8);
	if (!flow_filter_valid(&f.flows))
		return;
	filter_flow(&f, addresses[0], addresses[1], 80, 443);
	filter_flow(&f, addresses[2], addresses[3], 80, 443);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[4096] = "";
	size_t used = 0;

	if (!size)
		return 0;
	if (data[0] % 3 == 1) {
		try_program(data + 1, size - 1);
		return 0;
	}
	if (data[0] % 3 == 2)
		snprintf(text, sizeof(text), "%.*s", (int)(size - 1), (const char *)data + 1);
	for (size_t i = 1; data[0] % 3 == 0 && i < size && i < 200; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used, "%s%s",
					 words[data[i] % WORDS],
					 data[i] >= 2 * WORDS ? "" : " ");
	try_text(text);
	return 0;
}
