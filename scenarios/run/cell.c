/* One cell of one round: see run.h. Noise first, then remedies, then the recording; what is
 * read before and after the load lies within both. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/err.h"
#include "lib/progress.h"
#include "lib/stop.h"
#include "lib/threads.h"
#include "lib/units.h"
#include "scenarios/run/guest.h"
#include "scenarios/run/load.h"

#define REQUESTS_LEAST 20
#define SETTLE_LOOK_NS 100000000
#define SETTLE_LOOKS   50
#define SETTLE_IDLE    2

/* What the kernel says of the victim's vCPUs: time on a CPU, and waiting for one (schedstat).
 */
struct host_time {
	uint64_t ran_ns, waited_ns;
};

struct readings {
	struct host_time host;
	struct guest_time guest;
	bool guest_told;
};

static const struct machine *victim_of(const struct run *r)
{
	return &r->machine[r->s->load.vm];
}

static void read_host(const struct machine *m, struct host_time *t)
{
	*t = (struct host_time){0};
	for (unsigned int i = 0; i < m->vcpus; i++) {
		uint64_t ran, waited;

		if (!threads_sched(m->lab.server, (pid_t)m->vcpu[i], &ran, &waited))
			continue;
		t->ran_ns += ran;
		t->waited_ns += waited;
	}
}

static int take_readings(const struct run *r, struct readings *x)
{
	const struct machine *m = victim_of(r);

	x->guest_told = m->vm->image->tools;
	if (x->guest_told && guest_time(r, m, &x->guest))
		return -1;
	read_host(m, &x->host);
	return 0;
}

static double part(uint64_t some, uint64_t all)
{
	return all ? (double)some / (double)all : 0;
}

static void keep_readings(struct variant *v, unsigned int round, const struct readings *from,
			  const struct readings *to)
{
	uint64_t waited_ns = to->host.waited_ns - from->host.waited_ns;

	v->value[MEASURE_WAIT][round] =
		part(waited_ns, waited_ns + to->host.ran_ns - from->host.ran_ns);
	if (to->guest_told)
		v->value[MEASURE_STEAL][round] = part(to->guest.stolen - from->guest.stolen,
						      to->guest.all - from->guest.all);
}

static void keep_load(struct variant *v, unsigned int round, const json_t *document)
{
	static const struct {
		const char *key;
		enum measure measure;
	} keys[] = {{"p50", MEASURE_P50},
		    {"p90", MEASURE_P90},
		    {"p99", MEASURE_P99},
		    {"p99.9", MEASURE_P999},
		    {"max", MEASURE_MAX}};
	const json_t *latency = json_object_get(document, "latency_ns");

	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		const json_t *n = json_object_get(latency, keys[i].key);

		if (json_is_integer(n))
			v->value[keys[i].measure][round] = (double)json_integer_value(n);
	}
	v->value[MEASURE_SERVED][round] =
		json_number_value(json_object_get(document, "requests_per_second"));
}

static int measure(struct run *r, struct variant *v, unsigned int round)
{
	double wanted = r->rate * (r->o->seconds > 0 ? r->o->seconds : r->s->load.seconds);
	struct readings from, to;
	char path[PATH_MAX];
	json_t *document;
	int result;

	cell_recording(r, v, round, path);
	if (session_next(r->session, path) || take_readings(r, &from))
		return -1;
	document = load_run(r, wanted > REQUESTS_LEAST ? (unsigned int)wanted : REQUESTS_LEAST,
			    r->rate);
	result = document && !take_readings(r, &to) ? 0 : -1;
	if (!result) {
		keep_readings(v, round, &from, &to);
		keep_load(v, round, document);
	}
	json_decref(document);
	return result;
}

/* ---- noise and remedies around it ---- */

static int apply_remedies(struct run *r)
{
	for (unsigned int i = 0; i < r->s->remedies; i++) {
		const struct scenario_setting *x = &r->s->remedy[i];

		if (remedy_set(r->machine[x->vm].remedy, x->name, x->value))
			return err_add("remedy %s of VM %s", x->name, r->s->vm[x->vm].name);
	}
	return 0;
}

/* What a limit had set before, it sets again. */
static int revert_remedy(struct run *r, const struct scenario_setting *x)
{
	const char *before = NULL;

	for (unsigned int i = 0; i < r->s->limits; i++)
		if (r->s->limit[i].vm == x->vm && !strcmp(r->s->limit[i].name, x->name))
			before = r->s->limit[i].value;
	return before ? remedy_set(r->machine[x->vm].remedy, x->name, before)
		      : remedy_unset(r->machine[x->vm].remedy, x->name);
}

static int revert_remedies(struct run *r)
{
	int result = 0;

	for (unsigned int i = r->s->remedies; i-- > 0;)
		if (revert_remedy(r, &r->s->remedy[i]))
			result = err_add("take back %s of VM %s", r->s->remedy[i].name,
					 r->s->vm[r->s->remedy[i].vm].name);
	return result;
}

/* Processes that were killed take a while to be gone, in a guest that had a part of a core:
 * until its vCPUs were idle for a while, or for so long. */
static int settle(const struct run *r)
{
	const struct machine *m = &r->machine[r->s->noise.vm];
	const struct timespec pause = {.tv_nsec = SETTLE_LOOK_NS};
	struct host_time from, to;
	int idle = 0;

	for (int i = 0; i < SETTLE_LOOKS && idle < SETTLE_IDLE; i++) {
		read_host(m, &from);
		nanosleep(&pause, NULL);
		read_host(m, &to);
		if (stop_check())
			return -1;
		idle = to.ran_ns - from.ran_ns + to.waited_ns - from.waited_ns <
				       SETTLE_LOOK_NS / 5 * m->vcpus
			       ? idle + 1
			       : 0;
	}
	return 0;
}

static int with_remedies(struct run *r, struct variant *v, unsigned int round)
{
	int result = apply_remedies(r);

	if (!result)
		result = measure(r, v, round);
	if (!result)
		result = revert_remedies(r);
	return result;
}

/* Its maker begins before remedies hold it back, and ends after them: under a small limit
 * either would take long. */
static int with_noise(struct run *r, struct variant *v, unsigned int round)
{
	bool remedy = r->s->cell[v->cell].remedy;
	int result = guest_noise(r, (unsigned int)v->strength);

	if (!result)
		result = remedy ? with_remedies(r, v, round) : measure(r, v, round);
	if (!result)
		result = guest_quiet(r);
	return result ? result : settle(r);
}

static void tell(const struct run *r, const struct variant *v, unsigned int round)
{
	bool utf8 = false;

	progress("round %u of %u: %s: p50 %s, p99 %s", round + 1, r->o->rounds,
		 variant_name(r, v).s, units_ns((uint64_t)v->value[MEASURE_P50][round], utf8).s,
		 units_ns((uint64_t)v->value[MEASURE_P99][round], utf8).s);
}

int cell_run(struct run *r, struct variant *v, unsigned int round)
{
	const struct scenario_cell *c = &r->s->cell[v->cell];
	int result = stop_check();

	if (!result)
		result = c->noise    ? with_noise(r, v, round)
			 : c->remedy ? with_remedies(r, v, round)
				     : measure(r, v, round);
	if (result)
		return err_add("cell %s", variant_name(r, v).s);
	tell(r, v, round);
	return 0;
}
