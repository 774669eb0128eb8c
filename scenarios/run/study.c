/* The rounds of a run, and what is made of them: see run.h. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/progress.h"
#include "lib/random.h"
#include "lib/stop.h"
#include "scenarios/run/load.h"
#include "tracer/analyse.h"
#include "tracer/exchanges.h"

#define WARM_UP        20
#define FIRST_LOOK     60
#define SATURATION_S   1
#define SATURATION_MAX 100000

/* ---- variants ---- */

static void add_variant(struct run *r, unsigned int cell, int strength)
{
	struct variant *v = &r->variant[r->variants++];

	v->cell = cell;
	v->strength = strength;
	for (int m = 0; m < MEASURES; m++)
		for (int i = 0; i < SCENARIO_ROUNDS_MAX; i++)
			v->value[m][i] = NAN;
}

static int plan(struct run *r)
{
	const struct scenario *s = r->s;

	r->variant = calloc(VARIANTS_MAX, sizeof(*r->variant));
	if (!r->variant)
		return err_set("out of memory for %d cells", VARIANTS_MAX);
	for (unsigned int c = 0; c < s->cells; c++) {
		if (!s->cell[c].noise)
			add_variant(r, c, -1);
		for (unsigned int i = 0; s->cell[c].noise && i < s->noise.strengths; i++)
			add_variant(r, c, (int)s->noise.strength[i]);
	}
	return 0;
}

struct variant_name variant_name(const struct run *r, const struct variant *v)
{
	struct variant_name n;
	const char *cell = r->s->cell[v->cell].name;

	if (v->strength < 0 || r->s->noise.strengths == 1)
		snprintf(n.s, sizeof(n.s), "%s", cell);
	else
		snprintf(n.s, sizeof(n.s), "%s@%d", cell, v->strength);
	return n;
}

const struct variant *run_variant(const struct run *r, unsigned int cell, int strength)
{
	const struct variant *found = NULL;

	for (unsigned int i = 0; i < r->variants; i++)
		if (r->variant[i].cell == cell &&
		    (strength < 0 || r->variant[i].strength == strength))
			found = &r->variant[i]; /* the last is the strongest */
	return found;
}

const struct variant *run_quiet(const struct run *r)
{
	for (unsigned int i = 0; i < r->variants; i++) {
		const struct scenario_cell *c = &r->s->cell[r->variant[i].cell];

		if (!c->noise && !c->remedy)
			return &r->variant[i];
	}
	return NULL;
}

void cell_recording(const struct run *r, const struct variant *v, unsigned int round,
		    char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, "%s/%s.%u.strata", r->o->folder, variant_name(r, v).s,
		 round + 1);
}

double variant_figure(const struct run *r, const struct variant *v, enum measure m)
{
	double known[SCENARIO_ROUNDS_MAX];
	size_t n = 0;

	for (unsigned int i = 0; i < r->o->rounds; i++)
		if (!isnan(v->value[m][i]))
			known[n++] = v->value[m][i];
	return statistics_median(known, n);
}

/* ---- rounds ---- */

static int start_tracing(struct run *r)
{
	struct session_options so = {0};
	struct topology t;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/before.strata", r->o->folder);
	so.recording_path = path;
	so.protocol = protocol_name(PROTOCOL_AUTO); /* a VM may ask a cache, or a database */
	progress("attaching probes in host and guest");
	if (!machines_topology(r, &t))
		r->session = session_start(&t, &so);
	topology_free(&t);
	return r->session ? 0 : -1;
}

/* Without a rate of its own the load is a part of what the victim can do while it is traced, as
 * it is in all cells. */
static int find_rate(struct run *r)
{
	unsigned int counts[] = {WARM_UP, FIRST_LOOK, 0};

	r->rate = r->s->load.rate;
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		double enough = r->saturation * SATURATION_S;
		json_t *document;

		if (i && r->s->load.rate > 0)
			return 0;
		if (!counts[i] && enough < FIRST_LOOK)
			break; /* that look took long enough */
		if (!counts[i])
			counts[i] =
				enough > SATURATION_MAX ? SATURATION_MAX : (unsigned int)enough;
		document = load_run(r, counts[i], 0);
		if (!document)
			return err_add("find the victim's saturation");
		r->saturation =
			json_number_value(json_object_get(document, "requests_per_second"));
		json_decref(document);
	}
	r->rate = r->saturation * r->s->load.fraction;
	progress("it serves %.1f requests a second at most; the load is %.1f", r->saturation,
		 r->rate);
	return r->rate > 0 ? 0 : err_set("the victim serves nothing");
}

/* Whoever looks on (strata tui) reads how far it is from the document. */
static int say_progress(struct run *r)
{
	json_t *document = run_document(r);
	int result = document ? run_publish(r, document) : -1;

	json_decref(document);
	return result;
}

static int one_cell(struct run *r, struct variant *v, unsigned int round)
{
	r->now.variant = v;
	r->now.round = round;
	if (say_progress(r) || cell_run(r, v, round))
		return -1;
	r->now.done++;
	return 0;
}

static int rounds(struct run *r)
{
	unsigned int order[VARIANTS_MAX];
	struct random random;

	random_seed(&random, r->o->seed);
	r->now = (struct run_now){.cells = r->variants * r->o->rounds, .began_s = time(NULL)};
	for (unsigned int round = 0; round < r->o->rounds; round++) {
		random_order(&random, order, r->variants);
		for (unsigned int i = 0; i < r->variants; i++)
			if (one_cell(r, &r->variant[order[i]], round))
				return -1;
		r->rounds_done = round + 1;
	}
	r->now.variant = NULL;
	return 0;
}

static int end_tracing(struct run *r, int result)
{
	char why[1024], path[PATH_MAX];

	if (!r->session)
		return result;
	snprintf(why, sizeof(why), "%s", err_text());
	if (session_close(r->session) && !result)
		result = -1;
	else
		err_set("%s", why);
	r->session = NULL;
	snprintf(path, sizeof(path), "%s/before.strata", r->o->folder);
	unlink(path);
	return result;
}

/* ---- what the recordings say ---- */

static int keep_model(struct variant *v, unsigned int round, const struct model *m)
{
	static const enum measure layers[LAYER_COUNT] = {[LAYER_EXTERNAL] = MEASURE_EXTERNAL,
							 [LAYER_HOST] = MEASURE_HOST,
							 [LAYER_HYPERVISOR] =
								 MEASURE_HYPERVISOR,
							 [LAYER_VM] = MEASURE_VM,
							 [LAYER_SERVICE] = MEASURE_SERVICE};
	struct tally once = {0};

	if (tally_add(&once, m) || tally_add(&v->tally, m))
		return -1;
	v->value[MEASURE_TRACED][round] = (double)m->measured;
	for (int l = 0; l < LAYER_COUNT; l++)
		v->value[layers[l]][round] = tally_mean(&once, once.layer_ns[l]);
	v->value[MEASURE_CPU_WAIT][round] = tally_cpu_wait(&once);
	v->value[MEASURE_TREE][round] = tally_mean(&once, (double)(once.requests + once.asked));
	return 0;
}

static int read_recordings(struct run *r)
{
	const struct variant *quiet = run_quiet(r);

	progress("reading the recordings");
	for (unsigned int i = 0; i < r->variants * r->rounds_done; i++) {
		struct variant *v = &r->variant[i % r->variants];
		unsigned int round = i / r->variants;
		char path[PATH_MAX];
		struct model *m;
		int result;

		cell_recording(r, v, round, path);
		if (analyse(path, NULL, &m))
			return -1;
		result = keep_model(v, round, m);
		model_free(m);
		if (result)
			return -1;
	}
	for (unsigned int i = 0; quiet && i < r->variants; i++)
		if (&r->variant[i] != quiet)
			r->variant[i].blame = tally_blame(&quiet->tally, &r->variant[i].tally);
	return 0;
}

static int open_site(struct run *r)
{
	struct lab_wire wire;

	if (lab_wire_parse(&wire, r->o->wire))
		return -1;
	for (unsigned int i = 0; i < r->s->vms; i++)
		if (lab_check(&wire, r->s->vm[i].place, false))
			return -1;
	r->site_open = true;
	if (lab_open(&r->site, &wire, r->o->folder, r->s->ovs))
		return -1;
	r->site.together = true;
	return 0;
}

int study_run(struct run *r)
{
	int result = plan(r);

	if (!result)
		result = open_site(r) || machines_up(r) || start_tracing(r) || find_rate(r) ||
					 rounds(r)
				 ? -1
				 : 0;
	result = end_tracing(r, result);
	progress("shutting down");
	machines_down(r);
	return result || read_recordings(r) ? -1 : 0;
}
