/* What is measured: see rows.h. */
#include "scenarios/compare/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/statistics.h"

#define REQUEST(l, t, r)                                                              \
	{                                                                             \
		ROW_LAYER, l, DIRECTION_REQUEST, "request", t, "request_" t, false, r \
	}
#define REPLY(l, t, r)                                                          \
	{                                                                       \
		ROW_LAYER, l, DIRECTION_REPLY, "reply", t, "reply_" t, false, r \
	}
#define OTHER(s, g, t, n, c, r)                                \
	{                                                      \
		s, LAYER_COUNT, DIRECTION_COUNT, g, t, n, c, r \
	}

const struct row compare_rows[ROWS] = {
	REQUEST(LAYER_EXTERNAL, "external", false),
	REQUEST(LAYER_HOST, "host", false),
	REQUEST(LAYER_HYPERVISOR, "hypervisor", false),
	REQUEST(LAYER_VM, "vm", false),
	REQUEST(LAYER_SERVICE, "service", false),
	REPLY(LAYER_SERVICE, "service", false),
	REPLY(LAYER_VM, "vm", false),
	REPLY(LAYER_HYPERVISOR, "hypervisor", false),
	REPLY(LAYER_HOST, "host", false),
	REPLY(LAYER_EXTERNAL, "external", false),
	OTHER(ROW_UNATTRIBUTED, "", "unattributed", "unattributed", false, true),
	OTHER(ROW_TOTAL, "traced", "end to end", "end_to_end", false, false),
	OTHER(ROW_EXITS, "traced", "exits", "exits", true, false),
	OTHER(ROW_INTERRUPTS, "traced", "interrupts", "interrupts", true, true),
	OTHER(ROW_CLIENT, "untraced", "client", "client_latency", false, false),
	OTHER(ROW_CPU_SERVER, "untraced", "CPU, server", "cpu_server", false, false),
	OTHER(ROW_CPU_HOST, "untraced", "CPU, host", "cpu_host", false, false),
};

void samples_free(struct sample_set *s)
{
	free(s->value);
	*s = (struct sample_set){0};
}

static int add(struct sample_set *s, size_t room, double value)
{
	if (!s->value)
		s->value = malloc(room * sizeof(*s->value));
	if (!s->value)
		return err_set("out of memory for samples");
	s->value[s->n++] = value;
	return 0;
}

int row_single(double value, struct sample_set *out)
{
	*out = (struct sample_set){0};
	return isnan(value) ? 0 : add(out, 1, value);
}

/* ---- from a trace ---- */

static bool has_layer(const json_t *document, const struct row *row)
{
	json_t *layer;
	size_t i;

	json_array_foreach (json_object_get(document, "layers"), i, layer) {
		const char *name = json_string_value(json_object_get(layer, "layer"));
		const char *d = json_string_value(json_object_get(layer, "direction"));

		if (name && d && !strcmp(name, layer_name(row->layer)) &&
		    !strcmp(d, direction_name(row->direction)))
			return true;
	}
	return false;
}

static double sum_of(json_t *counts)
{
	const char *key;
	json_t *n;
	double sum = 0;

	json_object_foreach (counts, key, n)
		sum += (double)json_integer_value(n);
	return sum;
}

/* What that request says; NaN: nothing. */
static double of_request(const struct row *row, const json_t *request)
{
	const json_t *n = NULL;
	json_t *exits;

	switch (row->source) {
	case ROW_LAYER:
		n = json_object_get(request, "layers_ns");
		n = json_object_get(n, layer_name(row->layer));
		n = json_object_get(n, direction_name(row->direction));
		break;
	case ROW_UNATTRIBUTED:
		n = json_object_get(request, "unattributed_ns");
		break;
	case ROW_TOTAL:
		n = json_object_get(request, "end_to_end_ns");
		break;
	case ROW_EXITS:
		exits = json_object_get(request, "exits");
		return exits ? sum_of(exits) : NAN;
	case ROW_INTERRUPTS:
		n = json_object_get(request, "interrupts");
		break;
	default:
		break;
	}
	return json_is_integer(n) ? (double)json_integer_value(n) : NAN;
}

int row_from_trace(const struct row *row, const json_t *document, struct sample_set *out)
{
	const json_t *requests = json_object_get(document, "requests_list");
	json_t *request;
	size_t i;

	*out = (struct sample_set){0};
	if (row->source == ROW_LAYER && !has_layer(document, row))
		return 0;
	json_array_foreach (requests, i, request) {
		double value = of_request(row, request);

		if (!isnan(value) && add(out, json_array_size(requests), value))
			return -1;
	}
	return 0;
}

/* ---- from the client ---- */

int row_from_client(const char *samples_path, struct sample_set *out)
{
	json_int_t start, end;
	size_t room = 0;
	char line[512];
	json_t *o;
	FILE *f = fopen(samples_path, "re");

	*out = (struct sample_set){0};
	if (!f)
		return err_errno("open the client's samples %s", samples_path);
	while (fgets(line, sizeof(line), f))
		room++;
	rewind(f);
	while (fgets(line, sizeof(line), f) && out->n < room) {
		o = json_loads(line, 0, NULL);
		start = json_integer_value(json_object_get(o, "start_ns"));
		end = json_integer_value(json_object_get(o, "end_ns"));
		json_decref(o);
		if (end > start && add(out, room, (double)(end - start)))
			break;
	}
	fclose(f);
	return 0;
}

double row_figure(const struct row *row, const struct sample_set *s)
{
	double sum = 0;

	if (!s->n)
		return NAN;
	if (!row->count)
		return statistics_median(s->value, s->n);
	for (size_t i = 0; i < s->n; i++)
		sum += s->value[i];
	return sum / (double)s->n;
}
