/*
 * From a recording to the model: two passes over the file. The first learns the clocks, what
 * was lost and what there is; the second finds the requests on the wire and joins the events to
 * them. Memory is bounded, however long the recording.
 */
#ifndef STRATA_TRACER_ANALYSE_H
#define STRATA_TRACER_ANALYSE_H

#include "tracer/join.h"
#include "tracer/model.h"

struct analyse_options {
	size_t requests_max;     /* kept for looking at one by one; 0: the default, 10000 */
	size_t window;           /* events held back to order them; 0: the default */
	struct join_limits join; /* all zero: the defaults */
};

/* NULL options: all defaults. -1 with a sentence; a recording that is damaged or was cut short
 * is analysed as far as it goes (model->recording says so). */
int analyse(const char *path, const struct analyse_options *options, struct model **out);

#endif
