/*
 * CSV (RFC 4180): one record per request, a column per layer and direction, and a column per
 * hop that this placement has, with the time since the request's start. What is missing is
 * empty, never 0.
 */
#include <inttypes.h>
#include <string.h>

#include "lib/err.h"
#include "tracer/attribution.h"
#include "tracer/exchanges.h"
#include "reports/export/formats.h"
#include "reports/export/text.h"
#include "tracer/summary.h"

struct csv {
	bool hops[HOP_COUNT]; /* that have a column */
};

static void number(const struct export *e, bool known, uint64_t n)
{
	fputc(',', e->out);
	if (known)
		fprintf(e->out, "%" PRIu64, n);
}

static void text(const struct export *e, const char *t)
{
	fputc(',', e->out);
	text_csv(e->out, t);
}

static int begin(struct export *e)
{
	struct csv *csv = e->state;

	fputs("request,time,client,server,flow,index,new_connection,protocol,method,path,status,"
	      "request_bytes,reply_bytes,complete,end_to_end_ns,unattributed_request_ns,"
	      "unattributed_reply_ns",
	      e->out);
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		for (int d = 0; d < DIRECTION_COUNT; d++)
			fprintf(e->out, ",%s_%s_ns", layer_name((enum strata_layer)layer),
				direction_name((enum strata_direction)d));
	fputs(",vcpu_outside_request_ns,vcpu_outside_reply_ns,exits,interrupts", e->out);
	for (int hop = 0; hop < HOP_COUNT; hop++) {
		csv->hops[hop] = e->m->hops[hop].here;
		if (csv->hops[hop])
			fprintf(e->out, ",%s", hop_table[hop].name);
	}
	fputs("\r\n", e->out);
	return 0;
}

static void identity(const struct export *e, const struct request *r)
{
	const struct http_request *h = &r->http;

	fprintf(e->out, "%" PRIu64 ",", r->number);
	if (e->wall_known)
		fputs(text_time(export_wall_ns(e, h->request_first_ns)).s, e->out);
	text(e, summary_address(h->client_addr, h->client_port).s);
	text(e, summary_address(h->server_addr, h->server_port).s);
	fprintf(e->out, ",%016" PRIx64, h->flow);
	number(e, true, h->index);
	number(e, true, h->new_connection);
	text(e, protocol_name((enum protocol)h->protocol));
	text(e, h->method);
	text(e, h->path);
	number(e, h->answered && h->protocol == PROTOCOL_HTTP, h->status);
	number(e, true, h->request_bytes);
	number(e, h->answered, h->reply_bytes);
	number(e, true, r->complete);
}

static void figures(const struct export *e, const struct request *r)
{
	bool vm = r->measured && place_is_vm(e->m->place);
	uint64_t exits = 0;

	number(e, r->measured, r->end_to_end_ns);
	for (int d = 0; d < DIRECTION_COUNT; d++)
		number(e, r->measured, r->unattributed_ns[d]);
	for (int layer = 0; layer < LAYER_COUNT; layer++)
		for (int d = 0; d < DIRECTION_COUNT; d++)
			number(e, r->measured, r->layer_ns[layer][d]);
	for (int d = 0; d < DIRECTION_COUNT; d++)
		number(e, vm, r->outside_ns[d]);
	for (int kind = 0; kind < EXIT_KINDS; kind++)
		exits += r->exits[kind];
	number(e, r->counted, exits);
	number(e, r->counted, r->interrupts);
}

static void hops(const struct export *e, const struct request *r)
{
	const struct csv *csv = e->state;
	struct rung rungs[HOP_COUNT];
	size_t n = request_ladder(e->m, r, rungs), at = 0;

	for (int hop = 0; hop < HOP_COUNT; hop++) {
		while (at < n && (int)rungs[at].hop < hop)
			at++;
		if (csv->hops[hop])
			number(e, at < n && (int)rungs[at].hop == hop,
			       at < n ? rungs[at].time_ns : 0);
	}
}

static int request(struct export *e, const struct request *r)
{
	identity(e, r);
	figures(e, r);
	hops(e, r);
	fputs("\r\n", e->out);
	return 0;
}

const struct export_format export_csv = {
	.name = "csv",
	.title = "a record per request, a column per layer and hop (RFC 4180)",
	.state_bytes = sizeof(struct csv),
	.begin = begin,
	.request = request,
};
