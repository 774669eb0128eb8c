/* Boots in random order, and what is taken of each: see study.h. */
#include "bench/peers/study.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "lib/err.h"
#include "lib/progress.h"
#include "lib/random.h"

#define DISK_BYTES (64 << 20)

bool study_applies(const struct study_arm *a, const struct measure *m)
{
	return m->of & (strcmp(a->mode->name, "none") ? OF_DEVICES : OF_BARE);
}

static bool in_list(const char *list, const char *name)
{
	size_t length = strlen(name);

	for (const char *at = list; at && *at; at += strcspn(at, ","), at += *at == ',')
		if (!strncmp(at, name, length) && (!at[length] || at[length] == ','))
			return true;
	return false;
}

static bool is_wanted(const struct study_options *o, const struct measure *m)
{
	for (int i = 0; i < o->name_count; i++)
		if (!fnmatch(o->names[i], m->name, 0))
			return true;
	return !o->name_count;
}

static bool gives_anything(const struct study *s, const struct study_arm *a)
{
	for (unsigned int i = 0; i < measure_count; i++)
		if (s->wanted[i] && study_applies(a, &measures[i]))
			return true;
	return false;
}

static void add_arm(struct study *s, const struct monitor *m, const struct monitor_mode *mode)
{
	struct study_arm *a = &s->arm[s->arms];
	const char *why;

	*a = (struct study_arm){.monitor = m, .mode = mode};
	if (s->arms == ARMS_MAX || !gives_anything(s, a) ||
	    (s->options->modes && !in_list(s->options->modes, mode->name)))
		return;
	why = monitor_missing(m, mode);
	snprintf(a->skipped, sizeof(a->skipped), "%s", why ? why : "");
	s->arms++;
}

int study_plan(struct study *s, const struct study_options *o)
{
	bool any = false;

	*s = (struct study){.options = o, .site.netns = -1};
	for (unsigned int i = 0; i < measure_count; i++)
		any |= s->wanted[i] = is_wanted(o, &measures[i]);
	if (!any)
		return err_set("no benchmark has such a name; --list tells them all");
	for (unsigned int i = 0; i < monitor_count; i++)
		for (const struct monitor_mode *mode = monitors[i].mode; mode->name; mode++)
			add_arm(s, &monitors[i], mode);
	return s->arms ? 0 : err_set("--modes %s: no monitor has such a mode", o->modes);
}

static void failed(struct series *r, const struct study_arm *a, const struct guest *g,
		   const struct measure *m)
{
	snprintf(r->failed, sizeof(r->failed), "%s", err_text());
	fprintf(stderr, "%s of %s %s: %s\n", m->name, a->monitor->name, a->mode->name,
		r->failed);
	guest_last_words(g, stderr);
}

static void take_all(struct study *s, struct study_arm *a, struct guest *g)
{
	for (unsigned int i = 0; i < measure_count && !*s->stop; i++) {
		struct series *r = &a->series[i];
		double value;

		if (!s->wanted[i] || !study_applies(a, &measures[i]))
			continue;
		if (!measures[i].take(g, &s->options->measure, &value))
			r->value[r->n++] = value;
		else
			failed(r, a, g, &measures[i]);
	}
}

static void boot(struct study *s, struct study_arm *a)
{
	struct guest g;

	if (!guest_start(&g, &s->site, a->monitor, a->mode)) {
		take_all(s, a, &g);
		guest_stop(&g);
		return;
	}
	for (unsigned int i = 0; i < measure_count; i++)
		snprintf(a->series[i].failed, sizeof(a->series[i].failed), "%s", err_text());
}

/* The arms that do not answer in the first round are not waited for again. */
static void give_up(struct study_arm *a)
{
	const char *why = "";

	for (unsigned int i = 0; i < measure_count; i++) {
		if (a->series[i].n)
			return;
		if (*a->series[i].failed)
			why = a->series[i].failed;
	}
	snprintf(a->skipped, sizeof(a->skipped), "%s", why);
}

static int64_t now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec;
}

static void run_round(struct study *s, unsigned int round, struct random *r, int64_t began)
{
	unsigned int order[ARMS_MAX], done = round * s->arms;

	random_order(r, order, s->arms);
	for (unsigned int i = 0; i < s->arms && !*s->stop; i++, done++) {
		struct study_arm *a = &s->arm[order[i]];
		unsigned int all = s->arms * s->options->rounds;
		int64_t spent = now_s() - began;

		if (*a->skipped)
			continue;
		progress("round %u of %u: %s, %s%s", round + 1, s->options->rounds,
			 a->monitor->name, a->mode->name, done ? "" : " (first of all)");
		if (done && i == 0)
			progress("about %lld s left", (long long)(spent * (all - done) / done));
		boot(s, a);
		give_up(a);
	}
}

int study_run(struct study *s, const char *folder)
{
	int64_t began = now_s();
	struct random r;
	int result = -1;

	random_seed(&r, s->options->seed);
	s->site.stop = s->stop;
	if (!site_open(&s->site, folder, DISK_BYTES)) {
		for (unsigned int i = 0; i < s->options->rounds && !*s->stop; i++)
			run_round(s, i, &r, began);
		result = 0;
	}
	site_close(&s->site);
	return result;
}
