/* A recording's way through an export. */
#ifndef STRATA_REPORTS_EXPORT_FEED_H
#define STRATA_REPORTS_EXPORT_FEED_H

#include "reports/export/export.h"

/* All of it, from the first byte to the last; says how far it is where that takes long. */
int feed_whole(struct export *e, const char *recording);

/*
 * One that may still be growing: what there is by now, and then, time and again, what has come,
 * until the end is wanted (lib/stop.h). In between meanwhile() is called, which may
 * take its time if idle says that there was nothing more.
 */
int feed_growing(struct export *e, const char *recording,
		 int (*meanwhile)(void *ctx, bool idle), void *ctx);

#endif
