/* A screen as it stands, for files and pipes: text, or JSON (schema strata.screen/1) with the
 * figures behind it. No escape codes in either. */
#ifndef STRATA_TUI_EXPORT_H
#define STRATA_TUI_EXPORT_H

#include <stdio.h>

#include "tui/scheme.h"
#include "tui/ui.h"

/* Lines without blanks at their ends. -1 with a sentence if the stream failed. */
int export_text(const struct cells *c, FILE *f);

int export_json(const struct ui *ui, const struct cells *c, FILE *f);

/* Under each line a second one that names what its cells look like in a scheme, one letter per
 * cell: for tests. */
int export_looks(const struct cells *c, const struct scheme *s, FILE *f);

#endif
