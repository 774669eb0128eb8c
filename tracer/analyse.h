/*
 * From a recording to the model: two passes over the file. The first learns the clocks, what
 * was lost and what there is; the second finds the requests on the wire and joins the events to
 * them. Memory is bounded, however long the recording.
 */
#ifndef STRATA_TRACER_ANALYSE_H
#define STRATA_TRACER_ANALYSE_H

#include "tracer/filter.h"
#include "tracer/join.h"
#include "tracer/model.h"

struct analyse_options {
	size_t requests_max;  /* kept for looking at one by one; 0: the default, 10000 */
	bool latest;          /* keep the latest ones, not a sample of all */
	const char *protocol; /* look for its requests; NULL: for those of the recording's */
	bool growing;         /* it is still being written: it may have no blocks yet */
	size_t window;        /* events held back to order them; 0: the default */
	/* Requests that are not wanted leave no trace; NULL: all are. */
	const struct filter *filter;
	struct join_limits join; /* all zero: the defaults */
	/* What goes by, for whoever streams it: each request, and each segment on the wire in
	 * the order of time, on the host's line. Either may be NULL; not 0 ends the analysis.
	 */
	int (*on_request)(void *ctx, const struct model *m, const struct request *r);
	int (*on_wire)(void *ctx, const struct model *m, const struct strata_wire *w);
	void *ctx;
};

/* NULL options: all defaults. -1 with a sentence; a recording that is damaged or was cut short
 * is analysed as far as it goes (model->recording says so). */
int analyse(const char *path, const struct analyse_options *options, struct model **out);

/*
 * The same in steps: for a recording that is still being written, or to show its beginning
 * while the rest is read. Each step takes what follows in the file through both passes, so
 * that clocks, and which hops there are, are what is known by then. path must outlive it.
 */
struct analysis;

struct analysis *analysis_open(const char *path, const struct analyse_options *options);

/* The next so many bytes through both passes: 1: there were some; 0: nothing whole followed
 * (yet); -1: failed. */
int analysis_step(struct analysis *a, uint64_t bytes);

/* Or one pass after the other, as analyse() does: learn until that returns 0, then join until
 * that does. */
int analysis_learn(struct analysis *a, uint64_t bytes);
int analysis_join(struct analysis *a, uint64_t bytes);

/* Conclude the requests that were over shortly before the latest clock sample. */
int analysis_until_now(struct analysis *a);

/* Nothing follows: conclude all. */
int analysis_finish(struct analysis *a);

/* The analysis keeps it. */
struct model *analysis_model(struct analysis *a);

/* How far each pass came, and how long the file was when last looked at; in bytes. */
struct analysis_progress {
	uint64_t learnt, joined, size;
};

void analysis_progress(const struct analysis *a, struct analysis_progress *p);

/* Close it; the model is the caller's now. */
struct model *analysis_take(struct analysis *a);
void analysis_close(struct analysis *a);

#endif
