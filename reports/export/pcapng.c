/*
 * pcapng: an interface for the wire, with the first bytes of each segment as they were
 * captured there, and one per hop, with the packet that carried a request's (or reply's) last
 * byte as that hop saw it: its time, sequence number and length. Its comment says which
 * request's it is, and how long it took to come there.
 *
 * Packets' bytes are recorded on the wire alone; at a hop there are headers (see frame.h) and
 * the length that they stood for. Hops that see no packet (an interrupt, a switch of tasks, a
 * read) have a segment without payload.
 */
#include <endian.h>
#include <inttypes.h>
#include <string.h>

#include "lib/environment.h"
#include "lib/version.h"
#include "tracer/attribution.h"
#include "reports/export/formats.h"
#include "reports/export/frame.h"
#include "reports/export/pcapng_blocks.h"

#define LINKTYPE_RAW 101 /* a packet begins with its IP header */
#define WIRE_SNAPLEN (FRAME_HEADERS_MAX + WIRE_PAYLOAD_MAX)
#define NANOSECONDS  9

/* Bits 0 and 1 of a packet's flags, seen from the server. */
static const uint32_t direction_flags[DIRECTION_COUNT] = {
	[DIRECTION_REQUEST] = 1, [DIRECTION_REPLY] = 2};

struct pcapng {
	uint32_t interface[HOP_COUNT]; /* 0, the wire's: this hop has none */
	uint32_t interfaces;
	uint64_t last_ns;
};

static void section(const struct export *e)
{
	const json_t *environment = json_object_get(e->m->meta, "environment");
	const char *cpu = json_string_value(json_object_get(environment, "cpu"));
	const char *kernel = json_string_value(json_object_get(environment, "kernel"));
	struct pcapng_block b;
	char text[512];

	pcapng_begin(&b, PCAPNG_SECTION);
	pcapng_u32(&b, 0x1a2b3c4d); /* its bytes tell their order */
	pcapng_u16(&b, 1);          /* version 1.0 */
	pcapng_u16(&b, 0);
	pcapng_u64(&b, UINT64_MAX); /* the section's length is not known */
	if (cpu)
		pcapng_text(&b, PCAPNG_SECTION_HARDWARE, cpu);
	snprintf(text, sizeof(text), "Linux %s", kernel ? kernel : "");
	if (kernel)
		pcapng_text(&b, PCAPNG_SECTION_OS, text);
	pcapng_text(&b, PCAPNG_SECTION_PROGRAM, "strata " STRATA_VERSION);
	snprintf(
		text, sizeof(text),
		"Placement %s, mode %s, switch %s. Headers are rebuilt from what was recorded: "
		"addresses, ports, sequence numbers and lengths; window 65535 and all fields "
		"that are 0 were not recorded. Payload was recorded on the interface \"wire\" "
		"alone.%s",
		place_name(e->m->place), e->m->mode, e->m->switch_kind,
		e->wall_known ? "" : " Times count from the host's start.");
	pcapng_text(&b, PCAPNG_COMMENT, text);
	pcapng_write(&b, e->out);
}

static uint32_t interface(struct export *e, const char *name, const char *description,
			  uint32_t snaplen)
{
	const uint8_t resolution = NANOSECONDS;
	struct pcapng *p = e->state;
	struct pcapng_block b;

	pcapng_begin(&b, PCAPNG_INTERFACE);
	pcapng_u16(&b, LINKTYPE_RAW);
	pcapng_u16(&b, 0);
	pcapng_u32(&b, snaplen);
	pcapng_text(&b, PCAPNG_INTERFACE_NAME, name);
	pcapng_text(&b, PCAPNG_INTERFACE_DESCRIPTION, description);
	pcapng_option(&b, PCAPNG_INTERFACE_RESOLUTION, &resolution, sizeof(resolution));
	pcapng_write(&b, e->out);
	return p->interfaces++;
}

static int begin(struct export *e)
{
	struct pcapng *p = e->state;
	char text[256];

	section(e);
	interface(e, "wire", "where requests are found: the first bytes of each segment",
		  WIRE_SNAPLEN);
	for (int hop = 0; hop < HOP_COUNT; hop++) {
		const struct hop_info *info = &hop_table[hop];

		if (!e->m->hops[hop].here)
			continue;
		snprintf(text, sizeof(text), "%s, %s: %s", layer_name(info->layer),
			 direction_name(info->direction), info->title);
		p->interface[hop] = interface(e, info->name, text, FRAME_HEADERS_MAX);
	}
	return 0;
}

static void packet(struct export *e, uint32_t interface, uint64_t time_ns,
		   enum strata_direction d, const struct frame *f, const uint8_t *payload,
		   uint32_t captured, const char *comment)
{
	uint64_t at_ns = export_wall_ns(e, time_ns);
	uint8_t bytes[WIRE_SNAPLEN];
	struct pcapng *p = e->state;
	struct pcapng_block b;
	uint32_t flags = direction_flags[d], n = (uint32_t)frame_headers(f, bytes);

	if (captured)
		memcpy(bytes + n, payload, captured);
	pcapng_begin(&b, PCAPNG_PACKET);
	pcapng_u32(&b, interface);
	pcapng_u32(&b, (uint32_t)(at_ns >> 32));
	pcapng_u32(&b, (uint32_t)at_ns);
	pcapng_u32(&b, n + captured);
	pcapng_u32(&b, n + f->len);
	pcapng_bytes(&b, bytes, n + captured);
	pcapng_text(&b, PCAPNG_COMMENT, comment);
	pcapng_option(&b, PCAPNG_PACKET_FLAGS, &flags, sizeof(flags));
	pcapng_write(&b, e->out);
	p->last_ns = at_ns > p->last_ns ? at_ns : p->last_ns;
}

static int wire(struct export *e, const struct strata_wire *w)
{
	enum strata_direction d;
	bool request;

	/* as for whoever looks for requests in it: what makes no sense is none */
	if (w->event.hop >= HOP_COUNT || w->captured > WIRE_PAYLOAD_MAX ||
	    w->captured > w->event.len || w->event.len > FRAME_PAYLOAD_MAX)
		return 0;
	d = hop_table[w->event.hop].direction;
	request = d == DIRECTION_REQUEST;
	packet(e, 0, w->event.time_ns, d,
	       &(struct frame){
		       .from = request ? w->client_addr : w->server_addr,
		       .to = request ? w->server_addr : w->client_addr,
		       .from_port = request ? w->event.client_port : w->event.server_port,
		       .to_port = request ? w->event.server_port : w->event.client_port,
		       .ipv6 = w->event.flags & EVENT_IPV6,
		       .seq = w->event.seq,
		       .len = w->event.len,
	       },
	       w->payload, w->captured, w->event.flags & EVENT_FIN ? "carries FIN or RST" : "");
	return 0;
}

/* ---- hops ---- */

static struct frame frame_of(const struct request *r, enum strata_hop hop)
{
	const struct http_request *h = &r->http;
	const struct hop_seen *seen = &r->hops[hop];
	bool request = hop_table[hop].direction == DIRECTION_REQUEST;
	bool packet = !(seen->event_flags & (EVENT_CONTEXT | EVENT_UPTO)) &&
		      seen->len <= FRAME_PAYLOAD_MAX;
	uint32_t end = request ? h->request_end : h->reply_end;

	return (struct frame){
		.from = request ? h->client_addr : h->server_addr,
		.to = request ? h->server_addr : h->client_addr,
		.from_port = request ? h->client_port : h->server_port,
		.to_port = request ? h->server_port : h->client_port,
		.ipv6 = h->ipv6,
		.seq = packet ? seen->seq : end,
		.len = packet ? seen->len : 0,
	};
}

static void comment_on(char *text, size_t size, const struct request *r,
		       const struct rung *rungs, size_t n, size_t i)
{
	const struct hop_info *hop = &hop_table[rungs[i].hop];
	const struct hop_seen *seen = &r->hops[rungs[i].hop];
	size_t at = (size_t)snprintf(
		text, size,
		"request=%" PRIu64 " hop=%s layer=%s direction=%s at_ns=%" PRIu64
		" delta_ns=%" PRIu64,
		r->number, hop->name, layer_name(hop->layer), direction_name(hop->direction),
		rungs[i].time_ns, i ? rungs[i].time_ns - rungs[i - 1].time_ns : 0);

	if (i + 1 < n)
		at += (size_t)snprintf(text + at, size - at, " took_ns=%" PRIu64 "%s",
				       rungs[i].took_ns,
				       rungs[i].unattributed ? " unattributed" : "");
	if (rungs[i].outside_ns)
		at += (size_t)snprintf(text + at, size - at, " vcpu_outside_ns=%" PRIu64,
				       rungs[i].outside_ns);
	at += (size_t)snprintf(
		text + at, size - at, "%s%s\n%s", seen->flags & HOP_INFERRED ? " inferred" : "",
		seen->flags & HOP_CLAMPED ? " clamped" : "", export_request_name(r).s);
	if (r->http.answered && r->http.protocol == PROTOCOL_HTTP)
		at += (size_t)snprintf(text + at, size - at, " %u", r->http.status);
	snprintf(text + at, size - at, ": %s", hop->title);
}

static int request(struct export *e, const struct request *r)
{
	const struct pcapng *p = e->state;
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(e->m, r, rungs);

	for (size_t i = 0; i < n; i++) {
		enum strata_hop hop = rungs[i].hop;
		struct frame f = frame_of(r, hop);
		char comment[768];

		if (!p->interface[hop])
			continue;
		comment_on(comment, sizeof(comment), r, rungs, n, i);
		packet(e, p->interface[hop], r->hops[hop].time_ns, hop_table[hop].direction, &f,
		       NULL, 0, comment);
	}
	return 0;
}

/* How many events of each hop there were, for what is in packets is requests' alone. */
static int end(struct export *e)
{
	const struct pcapng *p = e->state;

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		struct pcapng_block b;
		uint64_t received;
		char text[128];

		if (!p->interface[hop])
			continue;
		pcapng_begin(&b, PCAPNG_STATISTICS);
		pcapng_u32(&b, p->interface[hop]);
		pcapng_u32(&b, (uint32_t)(p->last_ns >> 32));
		pcapng_u32(&b, (uint32_t)p->last_ns);
		snprintf(text, sizeof(text), "%" PRIu64 " events were lost, by all hops",
			 model_lost(e->m));
		pcapng_text(&b, PCAPNG_COMMENT, text);
		received = htole64(e->m->hops[hop].events);
		pcapng_option(&b, PCAPNG_STATISTICS_RECEIVED, &received, sizeof(received));
		pcapng_write(&b, e->out);
	}
	return 0;
}

const struct export_format export_pcapng = {
	.name = "pcapng",
	.title = "packets for Wireshark and its kin, an interface per hop",
	.ways = EXPORT_BINARY,
	.state_bytes = sizeof(struct pcapng),
	.begin = begin,
	.wire = wire,
	.request = request,
	.end = end,
};
