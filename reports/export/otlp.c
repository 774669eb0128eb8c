/*
 * OpenTelemetry spans as OTLP/JSON: per request one span, and in it one per hop. Lines of the
 * file, and bodies that are posted, are the same: an ExportTraceServiceRequest of some
 * requests.
 *
 * Each layer is a service of its own, so that viewers, which colour by service, show where the
 * time went. Format: opentelemetry-proto's trace.proto in the JSON of the OTLP specification
 * (ids in hexadecimal, 64-bit numbers as strings, enums as numbers); HTTP's attributes from
 * OpenTelemetry's semantic conventions.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/version.h"
#include "tracer/attribution.h"
#include "tracer/cause.h"
#include "tracer/exchanges.h"
#include "reports/export/formats.h"
#include "reports/export/ids.h"
#include "reports/export/text.h"
#include "tracer/summary.h"

#define REQUESTS_PER_LINE 64

enum { KIND_INTERNAL = 1, KIND_SERVER = 2 };
enum { STATUS_ERROR = 2 };

/* Flags of a span: whether its parent is another process's is known, and so it is. */
#define FLAG_HAS_IS_REMOTE 0x100u
#define FLAG_IS_REMOTE     0x200

/* Who a span belongs to: the request as a whole, a layer, or nobody. */
enum service {
	SERVICE_REQUEST = LAYER_COUNT,
	SERVICE_UNATTRIBUTED,
	SERVICES,
};

/* The spans of one service, as JSON objects with commas between them. */
struct spans {
	FILE *f;
	char *text;
	size_t bytes;
	unsigned int count;
};

struct otlp {
	struct spans spans[SERVICES];
	unsigned int requests;
};

static const char *service_name(unsigned int service)
{
	switch (service) {
	case SERVICE_REQUEST:
		return "request";
	case SERVICE_UNATTRIBUTED:
		return "unattributed";
	default:
		return layer_name((enum strata_layer)service);
	}
}

static int begin(struct export *e)
{
	struct otlp *o = e->state;

	for (int i = 0; i < SERVICES; i++) {
		o->spans[i].f = open_memstream(&o->spans[i].text, &o->spans[i].bytes);
		if (!o->spans[i].f)
			return err_errno("out of memory for spans");
	}
	return 0;
}

static void free_state(struct export *e)
{
	struct otlp *o = e->state;

	for (int i = 0; i < SERVICES; i++) {
		if (o->spans[i].f)
			fclose(o->spans[i].f);
		free(o->spans[i].text);
	}
}

/* ---- attributes ---- */

/* An array's elements need commas between them. */
struct list {
	FILE *f;
	bool any;
};

static void key(struct list *l, const char *name)
{
	fprintf(l->f, "%s{\"key\":\"%s\",\"value\":", l->any ? "," : "", name);
	l->any = true;
}

static void attribute_text(struct list *l, const char *name, const char *value)
{
	key(l, name);
	fputs("{\"stringValue\":", l->f);
	text_json(l->f, value);
	fputs("}}", l->f);
}

static void attribute_number(struct list *l, const char *name, uint64_t value)
{
	key(l, name);
	fprintf(l->f, "{\"intValue\":\"%" PRIu64 "\"}}", value);
}

static void attribute_flag(struct list *l, const char *name, bool value)
{
	key(l, name);
	fprintf(l->f, "{\"boolValue\":%s}}", value ? "true" : "false");
}

static void address(struct list *l, const char *name, const uint8_t addr[16], uint16_t port)
{
	char text[64], label[32], *colon;

	/* without the port, and an IPv6 address without its brackets */
	snprintf(text, sizeof(text), "%s", summary_address(addr, port).s);
	colon = strrchr(text, ':');
	if (colon)
		*colon = '\0';
	text[strcspn(text, "]")] = '\0';
	snprintf(label, sizeof(label), "%s.address", name);
	attribute_text(l, label, text + (text[0] == '['));
	snprintf(label, sizeof(label), "%s.port", name);
	attribute_number(l, label, port);
}

static void http_attributes(struct list *l, const struct http_request *h)
{
	size_t n = strcspn(h->path, "?");
	char path[HTTP_PATH_MAX];

	snprintf(path, sizeof(path), "%.*s", (int)n, h->path);
	attribute_text(l, "http.request.method", h->method);
	attribute_text(l, "url.path", path);
	attribute_text(l, "url.scheme", "http");
	if (h->path[n])
		attribute_text(l, "url.query", h->path + n + 1);
	if (h->answered)
		attribute_number(l, "http.response.status_code", h->status);
	attribute_text(l, "network.protocol.name", "http");
	attribute_text(l, "network.protocol.version", h->version ? "1.1" : "1.0");
}

/* ---- spans ---- */

/* Up to its attributes. */
static FILE *open_span(struct export *e, unsigned int service, const struct trace_ids *ids,
		       const char *id, const char *parent, const char *name)
{
	struct otlp *o = e->state;
	struct spans *s = &o->spans[service];

	fprintf(s->f, "%s{\"traceId\":\"%s\",\"spanId\":\"%s\"", s->count++ ? "," : "",
		ids->trace_id, id);
	if (parent[0])
		fprintf(s->f, ",\"parentSpanId\":\"%s\"", parent);
	fputs(",\"name\":", s->f);
	text_json(s->f, name);
	return s->f;
}

static void times(FILE *f, const struct export *e, uint64_t begin_ns, uint64_t took_ns)
{
	uint64_t at_ns = export_wall_ns(e, begin_ns);

	fprintf(f,
		",\"startTimeUnixNano\":\"%" PRIu64 "\",\"endTimeUnixNano\":\"%" PRIu64
		"\",\"attributes\":[",
		at_ns, at_ns + took_ns);
}

static void request_attributes(struct list *l, const struct export *e, const struct request *r)
{
	const struct http_request *h = &r->http;

	if (h->protocol == PROTOCOL_HTTP)
		http_attributes(l, h);
	address(l, "client", h->client_addr, h->client_port);
	address(l, "server", h->server_addr, h->server_port);
	attribute_number(l, "strata.request", r->number);
	attribute_number(l, "strata.request.bytes", h->request_bytes);
	if (h->answered)
		attribute_number(l, "strata.reply.bytes", h->reply_bytes);
	attribute_flag(l, "strata.complete", r->complete);
	if (r->measured)
		attribute_number(l, "strata.unattributed_ns",
				 r->unattributed_ns[DIRECTION_REQUEST] +
					 r->unattributed_ns[DIRECTION_REPLY]);
	if (r->vm)
		attribute_number(l, "strata.vm", r->vm);
	attribute_text(l, "strata.mode", e->m->mode);
}

static void request_span(struct export *e, const struct request *r, const struct trace_ids *ids,
			 uint64_t begin_ns, uint64_t took_ns)
{
	const struct http_request *h = &r->http;
	const char *name = h->protocol == PROTOCOL_HTTP
				   ? h->method
				   : protocol_name((enum protocol)h->protocol);
	struct list l = {.f = open_span(e, SERVICE_REQUEST, ids, span_id(ids, 0).s,
					ids->parent_id, name)};

	fprintf(l.f, ",\"kind\":%d,\"flags\":%u", KIND_SERVER,
		ids->flags | (ids->parent_id[0] ? FLAG_HAS_IS_REMOTE | FLAG_IS_REMOTE : 0u));
	times(l.f, e, begin_ns, took_ns);
	request_attributes(&l, e, r);
	fputc(']', l.f);
	if (!h->answered)
		fprintf(l.f, ",\"status\":{\"code\":%d,\"message\":\"no reply was seen\"}",
			STATUS_ERROR);
	else if (h->status >= 500)
		fprintf(l.f, ",\"status\":{\"code\":%d}", STATUS_ERROR);
	fputc('}', l.f);
}

/* What the hop's time was made of, an event each. */
static void cause_events(FILE *f, const struct export *e, const struct request *r,
			 enum strata_hop hop)
{
	bool any = false;

	for (uint8_t i = 0; i < r->causes.count; i++) {
		const struct request_cause *c = &r->causes.at[i];
		struct list l = {.f = f};
		char text[256];

		if (c->hop != hop)
			continue;
		cause_text(&e->m->actors, c, text, sizeof(text));
		fprintf(f, "%s{\"timeUnixNano\":\"%" PRIu64 "\",\"name\":",
			any ? "," : ",\"events\":[", export_wall_ns(e, r->hops[hop].time_ns));
		any = true;
		text_json(f, text);
		fputs(",\"attributes\":[", f);
		attribute_text(&l, "strata.cause", cause_table[c->cause].name);
		attribute_number(&l, "strata.cause.ns", c->ns);
		attribute_number(&l, "strata.cause.count", c->count);
		fputs("]}", f);
	}
	if (any)
		fputc(']', f);
}

static void hop_span(struct export *e, const struct request *r, const struct trace_ids *ids,
		     const struct rung *rung, unsigned int n, uint64_t begin_ns)
{
	const struct hop_info *hop = &hop_table[rung->hop];
	const struct hop_seen *seen = &r->hops[rung->hop];
	struct list l = {.f = open_span(e,
					rung->unattributed ? SERVICE_UNATTRIBUTED : hop->layer,
					ids, span_id(ids, n).s, span_id(ids, 0).s, hop->name)};

	fprintf(l.f, ",\"kind\":%d,\"flags\":%u", KIND_INTERNAL,
		ids->flags | FLAG_HAS_IS_REMOTE);
	times(l.f, e, begin_ns + rung->time_ns, rung->took_ns);
	attribute_text(&l, "strata.what", hop->title);
	attribute_text(&l, "strata.layer", layer_name(hop->layer));
	attribute_text(&l, "strata.direction", direction_name(hop->direction));
	attribute_text(&l, "strata.clock", e->m->domains[seen->domain].name);
	attribute_number(&l, "strata.cpu", seen->cpu);
	attribute_number(&l, "thread.id", seen->tid);
	if (rung->outside_ns)
		attribute_number(&l, "strata.vcpu_outside_ns", rung->outside_ns);
	if (seen->flags & HOP_INFERRED)
		attribute_flag(&l, "strata.inferred", true);
	if (seen->flags & HOP_CLAMPED)
		attribute_flag(&l, "strata.clamped", true);
	fputc(']', l.f);
	cause_events(l.f, e, r, rung->hop);
	fputc('}', l.f);
}

/* ---- lines ---- */

static void write_service(struct export *e, unsigned int service, bool first)
{
	struct otlp *o = e->state;
	struct spans *s = &o->spans[service];
	struct list l = {.f = e->out};

	fputs(first ? "{\"resource\":{\"attributes\":[" : ",{\"resource\":{\"attributes\":[",
	      e->out);
	attribute_text(&l, "service.name", service_name(service));
	attribute_text(&l, "service.namespace", "strata");
	attribute_text(&l, "strata.place", place_name(e->m->place));
	fputs("]},\"scopeSpans\":[{\"scope\":{\"name\":\"strata\",\"version\":\"" STRATA_VERSION
	      "\"},\"spans\":[",
	      e->out);
	fwrite(s->text, 1, s->bytes, e->out);
	fputs("]}]}", e->out);
	rewind(s->f);
	s->count = 0;
}

static int write_line(struct export *e)
{
	struct otlp *o = e->state;
	bool first = true;

	if (!o->requests)
		return 0;
	o->requests = 0;
	fputs("{\"resourceSpans\":[", e->out);
	for (unsigned int i = 0; i < SERVICES; i++) {
		if (!o->spans[i].count)
			continue;
		if (fflush(o->spans[i].f) || ferror(o->spans[i].f))
			return err_set("out of memory for spans");
		write_service(e, i, first);
		first = false;
	}
	fputs("]}\n", e->out);
	return 0;
}

static int request(struct export *e, const struct request *r)
{
	struct otlp *o = e->state;
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(e->m, r, rungs);
	struct trace_ids ids;
	uint64_t begin_ns;

	if (n < 2)
		return 0; /* nothing took any time */
	begin_ns = r->hops[rungs[0].hop].time_ns;
	trace_ids_of(e, r, &ids);
	request_span(e, r, &ids, begin_ns, rungs[n - 1].time_ns);
	for (size_t i = 0; i + 1 < n; i++)
		hop_span(e, r, &ids, &rungs[i], (unsigned int)i + 1, begin_ns);
	return ++o->requests < REQUESTS_PER_LINE ? 0 : write_line(e);
}

const struct export_format export_otlp = {
	.name = "otlp",
	.title = "OpenTelemetry spans, a line of OTLP/JSON per 64 requests",
	.ways = EXPORT_POSTS,
	.content_type = "application/json",
	.state_bytes = sizeof(struct otlp),
	.begin = begin,
	.request = request,
	.end = write_line,
	.free = free_state,
};
