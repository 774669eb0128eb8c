/* Results of a run: see result.h. */
#include "bench/load/result.h"

#include <inttypes.h>

#include <jansson.h>

#include "lib/err.h"
#include "lib/table.h"
#include "lib/units.h"

uint64_t sample_latency_ns(const struct sample *s)
{
	return s->end_ns - (s->intended_ns ? s->intended_ns : s->start_ns);
}

static int add_sample(struct result *res, const struct sample *s)
{
	res->failures[s->failure]++;
	if (s->connect_ns && quantile_add(&res->connect, s->connect_ns) < 0)
		return -1;
	if (s->empty_ns && quantile_add(&res->empty, s->empty_ns) < 0)
		return -1;
	if (s->failure != FAILURE_NONE)
		return 0;
	res->good++;
	res->bytes += s->bytes;
	return quantile_add(&res->latency, sample_latency_ns(s));
}

int result_make(struct result *res, const struct run *r)
{
	*res = (struct result){.run = r, .seconds = (r->end_ns - r->start_ns) / 1e9};
	for (unsigned int i = 0; i < r->issued; i++)
		if (add_sample(res, &r->samples[i]) < 0)
			return -1;
	return 0;
}

void result_free(struct result *res)
{
	quantile_free(&res->latency);
	quantile_free(&res->connect);
	quantile_free(&res->empty);
}

static const struct {
	const char *name;
	double part;
} parts[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}, {"max", 1}};

#define PARTS (sizeof(parts) / sizeof(parts[0]))

static void add_row(struct table *t, bool utf8, const char *name, struct quantile *q,
		    const char *what)
{
	if (q->count == 0)
		return;
	table_cell(t, COLOUR_NONE, "%s", name);
	for (size_t i = 0; i < PARTS; i++)
		table_cell(t, COLOUR_NONE, "%s",
			   units_ns(quantile_at(q, parts[i].part), utf8).s);
	table_cell(t, COLOUR_DIM, "%s", what);
}

int result_table(struct result *res, FILE *out)
{
	static const struct table_column columns[] = {
		{.header = ""},
		{.header = "p50", .right = true},
		{.header = "p90", .right = true},
		{.header = "p99", .right = true},
		{.header = "p99.9", .right = true},
		{.header = "max", .right = true},
		{.header = ""},
	};
	struct table_style style = table_style_of(out);
	const struct run *r = res->run;
	const struct load_options *o = r->options;
	struct table *t = table_create(columns, sizeof(columns) / sizeof(columns[0]));
	int ret;

	if (!t)
		return -1;
	fprintf(out, "%u of %u requests to %s answered, %u errors (%s, %u connection%s)\n",
		res->good, o->requests, o->url, atomic_load(&r->errors), mode_name(o->mode),
		o->connections, o->connections == 1 ? "" : "s");
	if (r->interrupted)
		fprintf(out, "interrupted: this is what there was until then\n");
	fprintf(out, "%.3f s, %.1f requests/s, %s of replies\n\n", res->seconds,
		res->good / res->seconds, units_bytes(res->bytes).s);
	add_row(t, style.utf8, "latency", &res->latency,
		o->rate > 0 ? "from when it should have been sent" : "write() to last read()");
	add_row(t, style.utf8, "connect", &res->connect, "connect()");
	add_row(t, style.utf8, "resolution", &res->empty, "an empty measurement");
	ret = table_print(t, out, style, 0);
	table_destroy(t);
	return ret;
}

static json_t *quantile_json(struct quantile *q)
{
	json_t *all;

	if (q->count == 0)
		return json_null();
	all = json_pack("{s:I}", "count", (json_int_t)q->count);
	for (size_t i = 0; i < PARTS; i++)
		json_object_set_new(all, parts[i].name,
				    json_integer(quantile_at(q, parts[i].part)));
	return all;
}

static json_t *failures_json(const struct result *res)
{
	json_t *all = json_object();

	for (int f = FAILURE_NONE + 1; f < FAILURE_STOPPED; f++)
		json_object_set_new(all, failure_name(f), json_integer(res->failures[f]));
	return all;
}

int result_json(struct result *res, FILE *out)
{
	const struct run *r = res->run;
	const struct load_options *o = r->options;
	json_t *doc = json_pack(
		"{s:s, s:s, s:s, s:i, s:o, s:i, s:i, s:i, s:o, s:s*, s:i, s:b, s:f, s:f, s:I, "
		"s:s, "
		"s:o, s:o, s:o}",
		"schema", "strata.load/1", "url", o->url, "mode", mode_name(o->mode),
		"connections", o->connections, "rate",
		o->rate > 0 ? json_real(o->rate) : json_null(), "asked", o->requests,
		"requests", res->good, "errors", atomic_load(&r->errors), "errors_by_kind",
		failures_json(res), "first_error", r->first_error[0] ? r->first_error : NULL,
		"reconnects", atomic_load(&r->reconnects), "interrupted", r->interrupted,
		"seconds", res->seconds, "requests_per_second", res->good / res->seconds,
		"bytes", (json_int_t)res->bytes, "latency_from",
		o->rate > 0 ? "intended" : "write", "latency_ns", quantile_json(&res->latency),
		"connect_ns", quantile_json(&res->connect), "resolution_ns",
		quantile_json(&res->empty));
	int ret = doc ? json_dumpf(doc, out, JSON_INDENT(2) | JSON_REAL_PRECISION(9)) : -1;

	json_decref(doc);
	if (ret < 0)
		return err_set("the result cannot be written as JSON");
	fputc('\n', out);
	return 0;
}

static void print_sample(const struct sample *s, FILE *out)
{
	fprintf(out, "{\"client_port\":%u,\"index_on_connection\":%u,\"start_ns\":%" PRIu64 ",",
		s->client_port, s->index_on_connection, s->start_ns);
	if (s->intended_ns)
		fprintf(out, "\"intended_ns\":%" PRIu64 ",", s->intended_ns);
	if (s->end_ns)
		fprintf(out, "\"end_ns\":%" PRIu64 ",\"latency_ns\":%" PRIu64 ",", s->end_ns,
			sample_latency_ns(s));
	if (s->connect_ns)
		fprintf(out, "\"connect_ns\":%" PRIu64 ",", s->connect_ns);
	if (s->failure != FAILURE_NONE)
		fprintf(out, "\"error\":\"%s\",", failure_name(s->failure));
	fprintf(out, "\"status\":%u,\"bytes\":%" PRIu64 "}\n", s->status, s->bytes);
}

int result_samples(const struct run *r, FILE *out, const char *path)
{
	for (unsigned int i = 0; i < r->issued && !ferror(out); i++)
		if (r->samples[i].start_ns)
			print_sample(&r->samples[i], out);
	if (fflush(out) != 0 || ferror(out))
		return err_errno("writing the samples to %s", path);
	return 0;
}
