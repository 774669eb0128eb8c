/* The figures behind a screen, for its export as JSON. */
#ifndef STRATA_TUI_EXPORT_DATA_H
#define STRATA_TUI_EXPORT_DATA_H

#include <jansson.h>

#include "tui/ui.h"

/* A new reference; null where there are none. */
json_t *export_data(const struct ui *ui);

#endif
