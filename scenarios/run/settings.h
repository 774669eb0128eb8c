/* The settings that a scenario wants of its VMs, and what it needs of its host: checked before
 * anything is made. */
#ifndef STRATA_SCENARIOS_RUN_SETTINGS_H
#define STRATA_SCENARIOS_RUN_SETTINGS_H

#include "scenarios/run/scenario.h"

/* Is there such a setting, and is that a value of it? -1 with "FILE:LINE: ...". */
int settings_check(const struct scenario *s, const char *file);

/* "cpu.weight (share)": a setting's name and kind. */
struct setting_text {
	char s[64];
};
struct setting_text setting_text(const struct scenario_setting *x);

/* Has this host what the file needs? -1 with a sentence. */
int host_check(const struct scenario *s);

#endif
