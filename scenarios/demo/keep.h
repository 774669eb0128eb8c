/* What a later demonstration in another mode is compared with: a copy of this one's recording,
 * called by its mode. */
#ifndef STRATA_SCENARIOS_DEMO_KEEP_H
#define STRATA_SCENARIOS_DEMO_KEEP_H

#include <stdbool.h>

#include "lib/hop.h"

/* recording into folder/MODE.strata. -1 with a sentence. */
int keep_recording(const char *recording, const char *folder, enum strata_place place);

/* Are there recordings of other modes? */
bool keep_has_others(const char *folder, enum strata_place place);

#endif
