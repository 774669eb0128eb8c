/* JSON lines: one object per request, as in the list of "strata trace --json --requests". */
#include "lib/err.h"
#include "reports/export/formats.h"
#include "reports/export/text.h"
#include "tracer/json.h"

static int request(struct export *e, const struct request *r)
{
	json_t *o = json_request(e->m, r);
	int failed;

	if (!o)
		return err_set("out of memory for a request");
	json_object_set_new(o, "request", json_integer((json_int_t)r->number));
	json_object_set_new(
		o, "time",
		e->wall_known
			? json_string(text_time(export_wall_ns(e, r->http.request_first_ns)).s)
			: json_null());
	failed = json_dumpf(o, e->out, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(o);
	return failed || fputc('\n', e->out) == EOF ? err_errno("writing the export") : 0;
}

const struct export_format export_jsonl = {
	.name = "jsonl",
	.title = "a JSON object per line and request, with all its hops",
	.request = request,
};
