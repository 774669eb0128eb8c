/* The experiment of the demonstration: see experiment.h. */
#include "scenarios/demo/experiment.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "lib/environment.h"
#include "lib/err.h"
#include "lib/progress.h"
#include "scenarios/demo/agreement.h"
#include "scenarios/demo/delay.h"
#include "scenarios/demo/keep.h"
#include "scenarios/lab/lab.h"
#include "scenarios/lab/rounds.h"
#include "tracer/analyse.h"
#include "tracer/json.h"
#include "tracer/print.h"
#include "tracer/session.h"

#define SERVER_UP_MS 120000
#define WARM_UP      20

struct experiment {
	const struct demo_options *options;
	struct lab_site site;
	struct lab lab;
	struct session *session;
	json_t *before, *traced, *after; /* rounds of load */
	char recording[PATH_MAX], samples[PATH_MAX], document[PATH_MAX];
};

static int server_up(struct experiment *x)
{
	const struct demo_options *o = x->options;

	progress("nginx in %s: starting", lab_place_text(o->place));
	if (lab_start(&x->lab, &x->site, o->place, o->cpus, NULL) ||
	    lab_await(&x->lab, SERVER_UP_MS))
		return -1;
	progress("nginx answers; the wire is %s",
		 x->site.wire.client[0] ? "a pair of network cards" : "a veth pair");
	if (o->delay && delay_apply(&x->lab, o->delay))
		return -1;
	if (o->delay)
		progress("put in a known delay: %s", o->delay);
	return 0;
}

/* One round without a tracer: what tracing is compared with. */
static int untraced(struct experiment *x, json_t **round)
{
	const struct demo_options *o = x->options;

	if (o->no_overhead)
		return 0;
	*round = round_run(&x->lab, o->path, o->requests / 2 ? o->requests / 2 : 1, NULL);
	return *round ? 0 : -1;
}

static int traced(struct experiment *x)
{
	const struct demo_options *o = x->options;
	struct session_options so = {
		.recording_path = x->recording, .no_fentry = o->no_fentry, .stats = true};
	struct topology t;

	progress("attaching probes%s", place_is_vm(o->place) ? " in host and guest" : "");
	if (lab_topology(&x->lab, &t)) {
		topology_free(&t);
		return -1;
	}
	x->session = session_start(&t, &so);
	topology_free(&t);
	if (!x->session)
		return -1;
	progress("tracing %d requests", o->requests);
	x->traced = round_run(&x->lab, o->path, o->requests, x->samples);
	if (session_stop(x->session) || !x->traced)
		return -1;
	progress("%llu events gathered", (unsigned long long)session_events(x->session));
	return 0;
}

/* Median latencies without, with, and again without tracing. */
static json_t *overhead(const struct experiment *x)
{
	long long a = round_figure(x->before, "latency_ns", "p50"),
		  b = round_figure(x->traced, "latency_ns", "p50"),
		  c = round_figure(x->after, "latency_ns", "p50");

	return json_pack(
		"{s:s,s:I,s:I,s:I,s:f,s:f}", "method",
		"median latency at the client: untraced round, traced round, untraced round",
		"untraced_before_p50_ns", a, "traced_p50_ns", b, "untraced_after_p50_ns", c,
		"ratio", 2.0 * (double)b / (double)(a + c), "untraced_ratio",
		(double)c / (double)a);
}

static int run_rounds(struct experiment *x)
{
	const struct demo_options *o = x->options;
	json_t *warm, *meta;
	int result = 0;

	progress("warming up, then an untraced round for comparison");
	warm = round_run(&x->lab, o->path, WARM_UP, NULL);
	json_decref(warm);
	if (!warm || untraced(x, &x->before) || traced(x) || untraced(x, &x->after))
		return -1;
	if (!o->no_overhead) {
		meta = json_pack("{s:o}", "overhead", overhead(x));
		result = session_meta(x->session, meta);
		json_decref(meta);
	}
	return result;
}

static int write_document(const struct experiment *x, json_t *document)
{
	if (json_dump_file(document, x->document, JSON_INDENT(1) | JSON_REAL_PRECISION(9)))
		return err_errno("write %s", x->document);
	if (x->options->json)
		json_dumpf(document, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(9));
	return 0;
}

/* For people, or for programs; the document is kept in any case. */
static int show(const struct experiment *x, struct model *m, const struct agreement *a)
{
	json_t *document = json_document(m, NULL);
	int result;

	if (!document)
		return -1;
	json_object_set_new(document, "client", agreement_json(a));
	result = write_document(x, document);
	json_decref(document);
	if (result || x->options->json)
		return result;
	if (print_report(m, stdout))
		return -1;
	agreement_print(a, stdout);
	printf("\nrecording %s, JSON %s\nto walk through it: strata tui %s%s\n", x->recording,
	       x->document, x->recording,
	       keep_has_others(x->options->folder, x->options->place)
		       ? " (there, 6 puts it beside other modes')"
		       : "");
	return 0;
}

static int report(const struct experiment *x)
{
	struct agreement a;
	struct model *m = NULL;
	int result;

	if (analyse(x->recording, NULL, &m))
		return -1;
	result = agreement_find(&a, m, x->samples,
				round_figure(x->traced, "resolution_ns", "p99"));
	if (!result)
		result = show(x, m, &a);
	model_free(m);
	return result;
}

static int run_once(const struct demo_options *o, bool *fell)
{
	struct experiment x = {.options = o, .lab = {.server_ns = -1}};
	struct lab_wire wire;
	int result = -1;

	snprintf(x.recording, sizeof(x.recording), "%s/trace.strata", o->folder);
	snprintf(x.samples, sizeof(x.samples), "%s/client.jsonl", o->folder);
	snprintf(x.document, sizeof(x.document), "%s/trace.json", o->folder);
	if (lab_wire_parse(&wire, o->wire) || lab_check(&wire, o->place, true))
		return -1;
	if (!lab_open(&x.site, &wire, o->folder, o->ovs) && !server_up(&x)) {
		result = run_rounds(&x);
		if (result)
			lab_add_end(&x.lab);
	}
	if (x.session && session_close(x.session))
		result = -1;
	if (!result)
		progress("shutting down and analysing");
	lab_stop(&x.lab);
	lab_close(&x.site);
	if (!result)
		result =
			keep_recording(x.recording, o->folder, o->place) || report(&x) ? -1 : 0;
	json_decref(x.before);
	json_decref(x.traced);
	json_decref(x.after);
	*fell = x.lab.fell;
	return result;
}

/* An emulated processor's virtualization is not beyond doubt: now and then a stock guest resets
 * itself by a triple fault there. On a real one that is a failure like any other. */
int experiment_run(const struct demo_options *o)
{
	bool fell = false;
	int result = run_once(o, &fell);

	if (!result || !fell || !environment_is_testbed())
		return result;
	err_print("strata-demo");
	progress("the server ended by itself, in an emulated machine: once more");
	return run_once(o, &fell);
}
