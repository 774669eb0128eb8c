/* The command line that yields a screen. */
#ifndef STRATA_TUI_COMMAND_H
#define STRATA_TUI_COMMAND_H

#include "tui/ui.h"

/* "strata tui --view ladder ...", each word quoted where a shell would change it. */
void ui_command(const struct ui *ui, char *text, size_t bytes);

/* One word for a shell, with a blank in front, at the end of text. */
void command_word(char *text, size_t bytes, const char *word);

#endif
