/* The study: see study.h. */
#include "scenarios/compare/study.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lib/err.h"
#include "lib/progress.h"
#include "lib/random.h"
#include "scenarios/compare/block.h"

#define SERVER_UP_MS 120000

static void add_arm(struct study *s, enum strata_place place, int twin_of)
{
	struct arm *a = &s->arm[s->arms++];

	*a = (struct arm){.place = place, .twin_of = twin_of};
	a->lab.server_ns = -1;
	snprintf(a->name, sizeof(a->name), "%s%s", place_name(place),
		 twin_of < 0 ? "" : "-twin");
}

/* There is one card, and one kernel: a twin is a second VM, or else a second container. */
static int twin_of(const struct study *s)
{
	const unsigned int good = PLACE_EMULATED | PLACE_VIRTIO | PLACE_VHOST | PLACE_CONTAINER;

	if (s->arm[s->baseline].place & good)
		return s->baseline;
	for (int i = 0; i < s->arms; i++)
		if (s->arm[i].place & good)
			return i;
	return -1;
}

void study_plan(struct study *s, const struct compare_options *o, volatile bool *stop)
{
	int twin;

	memset(s, 0, sizeof(*s));
	s->options = o;
	s->stop = stop;
	for (int i = 0; i < o->mode_count; i++) {
		if (o->modes[i] == o->baseline)
			s->baseline = s->arms;
		add_arm(s, o->modes[i], -1);
	}
	twin = o->twin ? twin_of(s) : -1;
	if (twin >= 0)
		add_arm(s, s->arm[twin].place, twin);
}

int study_measured(const struct study *s)
{
	int n = 0;

	for (int i = 0; i < s->arms; i++)
		if (s->arm[i].twin_of < 0 && s->arm[i].requests)
			n++;
	return n;
}

/* ---- up ---- */

static void leave_out(struct arm *a)
{
	snprintf(a->left_out, sizeof(a->left_out), "%s", err_text());
	progress("%s is left out: %s", a->name, a->left_out);
}

static void start(struct study *s, struct arm *a)
{
	if (lab_check(&s->site.wire, a->place, false)) {
		leave_out(a);
		return;
	}
	progress("%s: nginx in %s: starting", a->name, lab_place_text(a->place));
	if (lab_start(&a->lab, &s->site, a->place, s->options->cpus, a->name) ||
	    lab_await(&a->lab, SERVER_UP_MS)) {
		leave_out(a);
		lab_stop(&a->lab);
	}
}

static int up(struct study *s)
{
	struct lab_wire wire;
	int running = 0;

	if (lab_wire_parse(&wire, s->options->wire) ||
	    lab_open(&s->site, &wire, s->options->folder, s->options->ovs))
		return -1;
	for (int i = 0; i < s->arms && !*s->stop; i++) {
		struct arm *a = &s->arm[i];

		if (a->twin_of >= 0 && s->arm[a->twin_of].left_out[0])
			snprintf(a->left_out, sizeof(a->left_out), "its twin is");
		else
			start(s, a);
		running += !a->left_out[0] && a->twin_of < 0;
	}
	return running < 2 && !*s->stop
		       ? err_set("nothing to compare: of the modes given, fewer than two can run "
				 "on this machine")
		       : 0;
}

static void down(struct study *s)
{
	for (int i = s->arms; i-- > 0;)
		lab_stop(&s->arm[i].lab);
	lab_close(&s->site);
}

/* ---- rounds ---- */

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void tell_progress(const struct study *s, int round, const char *name, double since,
			  int done)
{
	int running = 0, left;
	char time_left[48] = "";

	for (int i = 0; i < s->arms; i++)
		running += !s->arm[i].left_out[0];
	left = running * s->options->rounds - done;
	if (done && left > 0)
		snprintf(time_left, sizeof(time_left), ", about %.0f s left",
			 (now_s() - since) / done * left);
	progress("round %d of %d: %s%s", round + 1, s->options->rounds, name, time_left);
}

/* The round does not count if it was not whole. */
static void drop_round(struct study *s, int round)
{
	for (int i = 0; i < s->arms; i++)
		for (int row = 0; row < ROWS; row++)
			samples_free(&s->arm[i].samples[row][round]);
}

static int rounds(struct study *s, int (*after_round)(struct study *s))
{
	unsigned int order[ARMS_MAX];
	double since = now_s();
	struct random random;
	int done = 0;

	random_seed(&random, s->options->seed);
	for (int round = 0; round < s->options->rounds; round++) {
		random_order(&random, order, (unsigned int)s->arms);
		for (int i = 0; i < s->arms; i++) {
			struct arm *a = &s->arm[order[i]];

			if (a->left_out[0])
				continue;
			tell_progress(s, round, a->name, since, done);
			if (!*s->stop && block_run(s, a, round) && !*s->stop)
				leave_out(a);
			done++;
			if (*s->stop) {
				s->interrupted = true;
				drop_round(s, round);
				return 0;
			}
		}
		s->rounds = round + 1;
		if (after_round(s))
			return -1;
	}
	return 0;
}

int study_run(struct study *s, int (*after_round)(struct study *s))
{
	int result = up(s);

	if (!result && *s->stop)
		s->interrupted = true;
	else if (!result)
		result = rounds(s, after_round);
	progress("shutting down");
	down(s);
	if (!result && (!s->rounds || study_measured(s) < 2))
		result = s->interrupted
				 ? err_set("interrupted before the first round was whole")
				 : err_set("nothing to compare: fewer than two modes "
					   "could be measured");
	return result;
}

void study_free(struct study *s)
{
	for (int i = 0; i < s->arms; i++)
		for (int row = 0; row < ROWS; row++)
			for (int round = 0; round < COMPARE_ROUNDS_MAX; round++)
				samples_free(&s->arm[i].samples[row][round]);
}
