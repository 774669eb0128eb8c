/* A block: see block.h. */
#include "scenarios/compare/block.h"

#include <stdio.h>
#include <unistd.h>

#include "lib/err.h"
#include "scenarios/compare/cpu.h"
#include "scenarios/lab/rounds.h"
#include "tracer/analyse.h"
#include "tracer/json.h"
#include "tracer/session.h"

#define WARM_UP 10 /* the connection's way is known to all again, caches are its own */

struct block {
	const struct study *study;
	struct arm *arm;
	int round;
	char samples[PATH_MAX], recording[PATH_MAX];
};

static struct sample_set *set_of(const struct block *b, int row)
{
	return &b->arm->samples[row][b->round];
}

static int send(const struct block *b, int count, const char *samples)
{
	json_t *round = round_run(&b->arm->lab, b->study->options->path, count, samples);

	json_decref(round);
	return round ? 0 : -1;
}

static int untraced(const struct block *b)
{
	int requests = b->study->options->requests;
	struct cpu_time from, to;

	cpu_read(&from, b->arm->lab.server);
	if (send(b, requests, b->samples))
		return -1;
	cpu_read(&to, b->arm->lab.server);
	for (int i = 0; i < ROWS; i++) {
		int result = 0;

		switch (compare_rows[i].source) {
		case ROW_CLIENT:
			result = row_from_client(b->samples, set_of(b, i));
			break;
		case ROW_CPU_SERVER:
			result = row_single(cpu_server(&from, &to, requests), set_of(b, i));
			break;
		case ROW_CPU_HOST:
			result = row_single(cpu_host(&from, &to, requests), set_of(b, i));
			break;
		default:
			break;
		}
		if (result)
			return -1;
	}
	return 0;
}

static int record(const struct block *b)
{
	struct session_options so = {.recording_path = b->recording};
	struct session *session;
	struct topology t;
	int result;

	if (lab_topology(&b->arm->lab, &t)) {
		topology_free(&t);
		return -1;
	}
	session = session_start(&t, &so);
	topology_free(&t);
	if (!session)
		return -1;
	result = send(b, b->study->options->requests, NULL);
	return session_close(session) || result ? -1 : 0;
}

static void take_quality(struct arm *a, const json_t *document)
{
	const json_t *requests = json_object_get(document, "requests");
	const json_t *clock = json_object_get(document, "clock");
	json_t *domain;
	size_t i;

	a->requests += (unsigned int)json_integer_value(json_object_get(requests, "seen"));
	a->complete += (unsigned int)json_integer_value(json_object_get(requests, "complete"));
	a->violations += (unsigned int)json_integer_value(
		json_object_get(clock, "causality_violations"));
	json_array_foreach (json_object_get(clock, "domains"), i, domain) {
		double error = (double)json_integer_value(json_object_get(domain, "error_ns"));

		a->clock_error_ns = error > a->clock_error_ns ? error : a->clock_error_ns;
	}
}

static bool is_traced(const struct row *row)
{
	return row->source < ROW_CLIENT;
}

static int read_recording(const struct block *b)
{
	struct json_options all = {.requests = true};
	json_t *document;
	struct model *m;
	int result = 0;

	if (analyse(b->recording, NULL, &m))
		return -1;
	document = json_document(m, &all);
	model_free(m);
	if (!document)
		return -1;
	take_quality(b->arm, document);
	for (int i = 0; i < ROWS && !result; i++)
		if (is_traced(&compare_rows[i]))
			result = row_from_trace(&compare_rows[i], document, set_of(b, i));
	json_decref(document);
	return result;
}

int block_run(const struct study *s, struct arm *a, int round)
{
	struct block b = {.study = s, .arm = a, .round = round};

	snprintf(b.samples, sizeof(b.samples), "%s/client.jsonl", s->options->folder);
	snprintf(b.recording, sizeof(b.recording), "%s/%s.strata", s->options->folder, a->name);
	if (lab_select(&a->lab) || send(&b, WARM_UP, NULL) || untraced(&b) || record(&b) ||
	    read_recording(&b)) {
		for (int i = 0; i < ROWS; i++)
			samples_free(set_of(&b, i));
		unlink(b.samples);
		return -1;
	}
	unlink(b.samples);
	return 0;
}
