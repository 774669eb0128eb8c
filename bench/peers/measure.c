/* What is measured of a machine, and how: see measure.h. */
#include "bench/peers/measure.h"

#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

#include "lib/err.h"
#include "lib/own_memory.h"
#include "lib/paths.h"
#include "lib/proc.h"

#define TIMEOUT_MS 180000

static int since_start(int64_t ns, const char *what, double *value)
{
	if (ns < 0)
		return err_set("%s was not seen", what);
	*value = (double)ns / 1e6;
	return 0;
}

static int start_first(struct guest *g, const struct measure_options *o, double *value)
{
	(void)o;
	return since_start(g->first_entry_ns, "the first entry into guest mode (kvm:kvm_entry)",
			   value);
}

static int start_init(struct guest *g, const struct measure_options *o, double *value)
{
	(void)o;
	return since_start(g->init_ns, "the guest's init", value);
}

static int start_nginx(struct guest *g, const struct measure_options *o, double *value)
{
	(void)o;
	return since_start(g->ready_ns, "the guest's nginx", value);
}

static int memory_own(struct guest *g, const struct measure_options *o, double *value)
{
	int64_t bytes = own_memory(g->pid, (uint64_t)g->plan.memory_mib << 20);

	(void)o;
	*value = (double)bytes / (1 << 20);
	return bytes < 0 ? -1 : 0;
}

/* Run a program where the machines live; its JSON, the caller's. NULL with a sentence. */
static json_t *ask(const struct guest *g, struct words *w)
{
	struct proc_options opt = PROC_DEFAULTS;
	const char *const *argv = words_argv(w);
	json_t *answer = NULL;
	json_error_t why;
	char *text = NULL;

	opt.netns_fd = g->site->netns;
	if (argv && !proc_run(argv, &opt, TIMEOUT_MS, &text)) {
		answer = json_loads(text, JSON_DISABLE_EOF_CHECK, &why);
		if (!answer)
			err_set("%s: its answer is no JSON: %s", argv[0], why.text);
	}
	free(text);
	words_free(w);
	return answer;
}

/* A number deep in a document: "end.sum_received.bits_per_second" by its keys. */
static int dig(json_t *document, const char *const *keys, double scale, double *value)
{
	const json_t *at = document;

	if (!document)
		return -1;
	for (; *keys; keys++)
		at = json_is_array(at) ? json_array_get(at, 0) : json_object_get(at, *keys);
	if (!json_is_number(at)) {
		json_decref(document);
		return err_set("the answer has no such figure");
	}
	*value = json_number_value(at) * scale;
	json_decref(document);
	return 0;
}

static json_t *load(struct guest *g, unsigned int requests, unsigned int connections)
{
	struct words w = {0};
	char path[PATH_MAX];

	if (path_program(path, sizeof(path), "strata-load"))
		return NULL;
	words_add(&w, "%s", path);
	words_split(&w, "--json --timeout 30 --wait 30 --requests");
	words_add(&w, "%u", requests);
	words_add(&w, "--connections");
	words_add(&w, "%u", connections);
	words_add(&w, "http://" GUEST_ADDRESS "/");
	return ask(g, &w);
}

static int nginx_latency(struct guest *g, const struct measure_options *o, double *value)
{
	return dig(load(g, o->requests, 1), (const char *const[]){"latency_ns", "p50", NULL},
		   1e-3, value);
}

static int nginx_rps(struct guest *g, const struct measure_options *o, double *value)
{
	return dig(load(g, 4 * o->requests, 8),
		   (const char *const[]){"requests_per_second", NULL}, 1, value);
}

static int iperf(struct guest *g, const struct measure_options *o, const char *direction,
		 double *value)
{
	static const char *const received[] = {"end", "sum_received", "bits_per_second", NULL};
	struct words w = {0};

	words_split(&w,
		    "iperf3 --json --omit 1 --connect-timeout 10000 -c " GUEST_ADDRESS " -t");
	words_add(&w, "%u", o->seconds);
	words_split(&w, direction);
	return dig(ask(g, &w), received, 1e-6, value);
}

/* Named as the guest sees it. */
static int stream_rx(struct guest *g, const struct measure_options *o, double *value)
{
	return iperf(g, o, "", value);
}

static int stream_tx(struct guest *g, const struct measure_options *o, double *value)
{
	return iperf(g, o, "--reverse", value);
}

static int fio(struct guest *g, const struct measure_options *o, unsigned int depth,
	       double *value)
{
	static const char *const iops[] = {"jobs", "", "read", "iops", NULL};
	struct words w = {0};

	words_split(&w, "curl --silent --show-error --fail --max-time 120");
	words_add(&w,
		  "http://" GUEST_ADDRESS ":8080/cgi-bin/fio?rw=randread&depth=%u&seconds=%u",
		  depth, o->seconds);
	return dig(ask(g, &w), iops, 1, value);
}

static int block_1(struct guest *g, const struct measure_options *o, double *value)
{
	return fio(g, o, 1, value);
}

static int block_32(struct guest *g, const struct measure_options *o, double *value)
{
	return fio(g, o, 32, value);
}

const struct measure measures[] = {
	{"boot.first_instruction", "ms", false, OF_BARE, start_first},
	{"boot.init", "ms", false, OF_BARE, start_init},
	{"boot.nginx", "ms", false, OF_BARE, start_nginx},
	{"vm.memory", "MiB", false, OF_ALL, memory_own},
	{"nginx.latency", "µs", false, OF_DEVICES, nginx_latency},
	{"nginx.rps", "requests/s", true, OF_DEVICES, nginx_rps},
	{"net.tcp_stream.rx", "Mbit/s", true, OF_DEVICES, stream_rx},
	{"net.tcp_stream.tx", "Mbit/s", true, OF_DEVICES, stream_tx},
	{"block.randread.4k.1", "IOPS", true, OF_DEVICES, block_1},
	{"block.randread.4k.32", "IOPS", true, OF_DEVICES, block_32},
};

const unsigned int measure_count = sizeof(measures) / sizeof(measures[0]);
