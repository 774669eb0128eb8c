/* What a session is to do: see session.h. */
#include <fnmatch.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench/peers/guest.h"
#include "bench/suite/session.h"
#include "lib/err.h"
#include "lib/random.h"

struct bench_limits session_limits(bool quick)
{
	return quick ? (struct bench_limits){.batches = 9,
					     .batch_ns = 500000,
					     .events = 16,
					     .arena_mib = 8,
					     .requests = 100,
					     .seconds = 1,
					     .disk_ms = 300,
					     .steps = 6,
					     .machines = 1}
		     : (struct bench_limits){.batches = 15,
					     .batch_ns = 2000000,
					     .events = 100,
					     .arena_mib = 64,
					     .requests = 1000,
					     .seconds = 5,
					     .disk_ms = 5000,
					     .steps = 12,
					     .machines = GUESTS_MAX};
}

static bool in_list(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (!strncmp(at, name, length) && (!at[length] || at[length] == ','))
			return true;
	return false;
}

bool session_has(const struct session_options *o, const struct subject *s)
{
	char label[48];

	if (s->monitor && strcmp(s->monitor, "strata") != 0 && !o->peers)
		return false;
	return !o->subjects || in_list(o->subjects, s->name) ||
	       in_list(o->subjects, subject_label(s, label));
}

bool session_wants(const struct session_options *o, const char *name)
{
	for (int i = 0; i < o->name_count; i++)
		if (!fnmatch(o->names[i], name, 0))
			return true;
	return !o->name_count;
}

static int add_task(struct session *s, const struct bench *b, const struct subject *subject)
{
	struct task *grown = realloc(s->task, (s->tasks + 1) * sizeof(*grown));
	struct task *t;

	if (!grown)
		return err_set("out of memory for benchmarks");
	s->task = grown;
	t = &grown[s->tasks++];
	memset(t, 0, sizeof(*t));
	t->bench = b;
	t->subject = subject;
	for (int f = 0; f < FIGURES_MAX; f++)
		for (int r = 0; r < ROUNDS_MAX; r++)
			t->value[f][r] = NAN;
	return 0;
}

static int check_delay(const struct session_options *o)
{
	if (!o->delay_name)
		return 0;
	for (size_t i = 0; benches[i]; i++)
		if (!strcmp(benches[i]->name, o->delay_name))
			return benches[i]->delays ? 0
						  : err_set("--delay: nothing of %s runs "
							    "in user space, where work "
							    "could be added",
							    o->delay_name);
	return err_set("--delay: there is no benchmark %s", o->delay_name);
}

static void choose_twins(struct session *s)
{
	struct random r;

	random_seed(&r, s->options->seed);
	for (unsigned int i = 0; i + 1 < ROUNDS_MAX; i += 2) {
		s->twin[i] = random_below(&r, 2);
		s->twin[i + 1] = !s->twin[i];
	}
}

int session_plan(struct session *s, const struct session_options *o, volatile bool *stop)
{
	bool known = false;

	*s = (struct session){.options = o, .stop = stop};
	for (unsigned int i = 0; i < subject_count; i++)
		known |= session_has(o, &subjects[i]);
	if (!known)
		return err_set("--subjects %s: there is no such subject; --list tells them",
			       o->subjects);
	if (check_delay(o))
		return -1;
	for (size_t i = 0; benches[i]; i++)
		for (unsigned int k = 0; k < subject_count; k++)
			if (benches[i]->kinds & subjects[k].kind & ~o->without &&
			    session_wants(o, benches[i]->name) &&
			    session_has(o, &subjects[k]) &&
			    add_task(s, benches[i], &subjects[k]))
				return -1;
	choose_twins(s);
	return s->tasks || o->without
		       ? 0
		       : err_set("no benchmark of such a name is run in such a subject; --list "
				 "tells them all");
}

unsigned int session_rounds(const struct session *s, const struct subject *subject)
{
	const struct session_options *o = s->options;

	if (subject->monitor)
		return o->boots;
	return !(subject->kind & SUBJECT_HOST) ? o->runs : o->quick ? o->boots : 2 * o->boots;
}

unsigned int session_turns(const struct session_options *o)
{
	return o->turns ? o->turns : 1;
}

unsigned int bench_figures(const struct bench *b)
{
	unsigned int n = 0;

	while (n < FIGURES_MAX && b->figures[n])
		n++;
	return n ? n : 1;
}

unsigned int task_samples(const struct task *t)
{
	unsigned int n = 0;

	for (int r = 0; r < ROUNDS_MAX; r++)
		n += !isnan(t->value[0][r]);
	return n;
}

void session_free(struct session *s)
{
	free(s->task);
	s->task = NULL;
	s->tasks = 0;
}
