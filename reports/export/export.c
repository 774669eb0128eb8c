/* What all formats share: see export.h. */
#include "reports/export/export.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/err.h"
#include "tracer/exchanges.h"
#include "reports/export/formats.h"

const struct export_format *const export_formats[] = {
	&export_pcapng, &export_perfetto, &export_otlp, &export_openmetrics,
	&export_csv,    &export_jsonl,    NULL,
};

const struct export_format *export_format_by_name(const char *name)
{
	for (size_t i = 0; export_formats[i]; i++)
		if (!strcmp(export_formats[i]->name, name))
			return export_formats[i];
	return NULL;
}

int export_open(struct export *e, const struct export_format *format, FILE *out)
{
	*e = (struct export){.format = format, .out = out};
	e->state = calloc(1, format->state_bytes ? format->state_bytes : 1);
	return e->state ? 0 : err_set("out of memory for the export");
}

void export_close(struct export *e)
{
	if (e->state && e->format->free)
		e->format->free(e);
	free(e->state);
	e->state = NULL;
}

/* Recordings from before they knew better say the time of day to the second. */
static void find_wall(struct export *e)
{
	const json_t *offset = json_object_get(e->m->meta, "realtime_offset_ns");
	const json_t *started = json_object_get(e->m->meta, "started_ns");
	const char *time = json_string_value(
		json_object_get(json_object_get(e->m->meta, "environment"), "time"));
	struct tm tm = {0};

	if (json_is_integer(offset)) {
		e->wall_known = true;
		e->wall_offset_ns = json_integer_value(offset);
	} else if (json_is_integer(started) && time &&
		   strptime(time, "%Y-%m-%dT%H:%M:%SZ", &tm)) {
		e->wall_known = true;
		e->wall_offset_ns = timegm(&tm) * 1000000000 - json_integer_value(started);
	}
}

static int begin(struct export *e, const struct model *m)
{
	e->m = m;
	if (e->begun)
		return 0;
	e->begun = true;
	find_wall(e);
	return e->format->begin ? e->format->begin(e) : 0;
}

static int written(const struct export *e)
{
	return e->out && ferror(e->out) ? err_errno("writing the export") : 0;
}

int export_on_request(void *ctx, const struct model *m, const struct request *r)
{
	struct export *e = ctx;

	if (begin(e, m))
		return -1;
	e->requests++;
	e->partial += !r->complete;
	if ((e->format->request && e->format->request(e, r)) || written(e))
		return -1;
	return e->after_request ? e->after_request(e->ctx) : 0;
}

int export_on_wire(void *ctx, const struct model *m, const struct strata_wire *w)
{
	struct export *e = ctx;

	if (!e->format->wire ||
	    (e->filter && !filter_flow(e->filter, w->client_addr, w->server_addr,
				       w->event.client_port, w->event.server_port)))
		return 0;
	return begin(e, m) || e->format->wire(e, w) || written(e) ? -1 : 0;
}

int export_finish(struct export *e, const struct model *m)
{
	if (begin(e, m) || (e->format->end && e->format->end(e)))
		return -1;
	return fflush(e->out) || ferror(e->out) ? err_errno("writing the export") : 0;
}

uint64_t export_wall_ns(const struct export *e, uint64_t time_ns)
{
	return time_ns + (uint64_t)e->wall_offset_ns;
}

struct request_name export_request_name(const struct request *r)
{
	struct request_name name;

	if (r->http.protocol == PROTOCOL_HTTP)
		snprintf(name.s, sizeof(name.s), "%s %s", r->http.method, r->http.path);
	else
		snprintf(name.s, sizeof(name.s), "%s",
			 protocol_name((enum protocol)r->http.protocol));
	return name;
}
