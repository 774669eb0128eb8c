/* The trace against the client's own clock: see agreement.h. */
#include "scenarios/demo/agreement.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/quantile.h"
#include "lib/table.h"
#include "lib/units.h"

struct sample {
	uint16_t port;
	uint32_t index; /* on its connection */
	uint64_t start_ns, end_ns;
};

static int by_connection(const struct sample *a, const struct sample *b)
{
	if (a->port != b->port)
		return a->port < b->port ? -1 : 1;
	return a->index < b->index ? -1 : a->index > b->index;
}

static int by_connection_and_time(const void *x, const void *y)
{
	const struct sample *a = x, *b = y;
	int order = by_connection(a, b);

	return order ? order : a->start_ns < b->start_ns ? -1 : a->start_ns > b->start_ns;
}

/* A port may come again, for another connection: the last sample that had begun when key did.
 */
static const struct sample *find_sample(const struct sample *all, size_t count,
					const struct sample *key)
{
	size_t low = 0, high = count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (by_connection_and_time(&all[middle], key) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low && !by_connection(&all[low - 1], key))
		return &all[low - 1];
	return low < count && !by_connection(&all[low], key) ? &all[low] : NULL;
}

static bool read_sample(const char *line, struct sample *s)
{
	json_t *o = json_loads(line, 0, NULL);
	bool good = json_is_integer(json_object_get(o, "end_ns"));

	s->port = (uint16_t)json_integer_value(json_object_get(o, "client_port"));
	s->index = (uint32_t)json_integer_value(json_object_get(o, "index_on_connection"));
	s->start_ns = (uint64_t)json_integer_value(json_object_get(o, "start_ns"));
	s->end_ns = (uint64_t)json_integer_value(json_object_get(o, "end_ns"));
	json_decref(o);
	return good;
}

/* All samples, sorted; NULL with a sentence. */
static struct sample *read_samples(const char *path, size_t *count)
{
	FILE *f = fopen(path, "re");
	struct sample *all = NULL, *grown;
	size_t room = 0;
	char line[512];

	*count = 0;
	if (!f) {
		err_errno("open the client's samples %s", path);
		return NULL;
	}
	while (fgets(line, sizeof(line), f)) {
		if (*count == room) {
			room = room ? 2 * room : 1024;
			grown = realloc(all, room * sizeof(*all));
			if (!grown)
				break;
			all = grown;
		}
		if (read_sample(line, &all[*count]))
			++*count;
	}
	fclose(f);
	if (*count)
		qsort(all, *count, sizeof(*all), by_connection_and_time);
	else
		err_set("the client's samples %s are empty", path);
	return all;
}

/* Mean run time of one hit of that probe. */
static int64_t mean_run_ns(const json_t *probe)
{
	json_int_t runs = json_integer_value(json_object_get(probe, "runs"));

	return runs ? json_integer_value(json_object_get(probe, "run_time_ns")) / runs : 0;
}

/* The probes that mark client.send and client.recv, as far as they are in force. */
static int64_t probes_at_the_ends(const struct model *m)
{
	static const char *const names[] = {"fentry/tcp_sendmsg", "tp_btf/tcp_sendmsg_locked",
					    "tp_btf/sock_send_length",
					    "tp_btf/sock_recv_length"};
	int64_t sum = 0;
	json_t *probe;
	size_t i;

	json_array_foreach (json_object_get(m->meta, "probes"), i, probe) {
		const char *name = json_string_value(json_object_get(probe, "name"));

		for (size_t n = 0; name && n < sizeof(names) / sizeof(*names); n++)
			if (!strcmp(name, names[n]))
				sum += mean_run_ns(probe);
	}
	return sum;
}

static void compare(struct agreement *a, struct quantile *differences, const struct request *r,
		    const struct sample *s)
{
	uint64_t start = r->hops[HOP_CLIENT_SEND].time_ns,
		 end = r->hops[HOP_CLIENT_RECV].time_ns;
	int64_t client = (int64_t)(s->end_ns - s->start_ns);
	int64_t difference = client - (int64_t)r->end_to_end_ns;

	a->compared++;
	if (start < s->start_ns || end > s->end_ns)
		a->outside++;
	else if (difference <= a->resolution_ns + a->probes_ns)
		a->within++;
	quantile_add(differences, difference > 0 ? (uint64_t)difference : 0);
}

int agreement_find(struct agreement *a, const struct model *m, const char *samples_path,
		   int64_t resolution_ns)
{
	struct quantile differences = {0}, client = {0}, trace = {0};
	const struct sample *s;
	struct sample *samples;
	size_t count;

	memset(a, 0, sizeof(*a));
	a->resolution_ns = resolution_ns;
	a->probes_ns = probes_at_the_ends(m);
	samples = read_samples(samples_path, &count);
	if (!samples)
		return -1;
	for (size_t i = 0; i < m->request_count && m->client_here; i++) {
		const struct request *r = &m->requests[i];
		struct sample key = {.port = r->http.client_port,
				     .index = r->http.index,
				     .start_ns = r->hops[HOP_CLIENT_SEND].time_ns};

		s = r->measured ? find_sample(samples, count, &key) : NULL;
		if (!s)
			continue;
		compare(a, &differences, r, s);
		quantile_add(&client, s->end_ns - s->start_ns);
		quantile_add(&trace, r->end_to_end_ns);
	}
	if (a->compared) {
		a->client_p50_ns = (int64_t)quantile_at(&client, 0.5);
		a->trace_p50_ns = (int64_t)quantile_at(&trace, 0.5);
		a->difference_p50_ns = (int64_t)quantile_at(&differences, 0.5);
		a->difference_max_ns = (int64_t)quantile_at(&differences, 1);
	}
	quantile_free(&differences);
	quantile_free(&client);
	quantile_free(&trace);
	free(samples);
	return 0;
}

json_t *agreement_json(const struct agreement *a)
{
	return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I,s:I}", "compared",
			 (json_int_t)a->compared, "outside_client_bracket",
			 (json_int_t)a->outside, "within_resolution", (json_int_t)a->within,
			 "client_p50_ns", (json_int_t)a->client_p50_ns, "trace_p50_ns",
			 (json_int_t)a->trace_p50_ns, "difference_p50_ns",
			 (json_int_t)a->difference_p50_ns, "difference_max_ns",
			 (json_int_t)a->difference_max_ns, "resolution_ns",
			 (json_int_t)a->resolution_ns, "probes_ns", (json_int_t)a->probes_ns);
}

void agreement_print(const struct agreement *a, FILE *out)
{
	bool utf8 = table_style_of(out).utf8;

	if (!a->compared)
		return;
	fprintf(out,
		"client      its own clock says p50 %s, the trace %s; difference p50 %s, max %s\n",
		units_ns((uint64_t)a->client_p50_ns, utf8).s,
		units_ns((uint64_t)a->trace_p50_ns, utf8).s,
		units_ns((uint64_t)a->difference_p50_ns, utf8).s,
		units_ns((uint64_t)a->difference_max_ns, utf8).s);
	fprintf(out, "            %s of %s requests agree within the client's resolution (%s",
		units_count(a->within).s, units_count(a->compared).s,
		units_ns((uint64_t)a->resolution_ns, utf8).s);
	if (a->probes_ns)
		fprintf(out, ", and %s of probes in it",
			units_ns((uint64_t)a->probes_ns, utf8).s);
	fprintf(out, "), %s contradict it\n", units_count(a->outside).s);
}
