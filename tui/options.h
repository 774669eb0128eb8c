/* What strata-tui can be told. */
#ifndef STRATA_TUI_OPTIONS_H
#define STRATA_TUI_OPTIONS_H

#include <stdbool.h>

#include "tui/ui.h"

enum export_kind { EXPORT_NONE, EXPORT_TEXT, EXPORT_JSON };

struct tui_options {
	const char *recordings[2];
	int recording_count;
	bool sample;
	bool follow; /* the recording is being written */
	char **live; /* options of strata trace, NULL-terminated; NULL: not live */
	bool plain, ascii, keys;
	enum export_kind export;
	int rows, columns; /* of an export */
	int scheme;        /* -1: what suits the terminal */
	/* the screen to begin with */
	int view; /* -1: none was named */
	unsigned long long request;
	const char *hop, *row, *bucket, *filter, *search;
	int sort; /* -1: none was named */
	bool reverse;
};

/* -1: wrong usage, said on stderr; 1: help was asked for and given. */
int tui_options_parse(struct tui_options *o, int argc, char **argv);

/* Put the interface where they say, once its model is loaded. -1 with a sentence. */
int tui_options_apply(const struct tui_options *o, struct ui *ui);

#endif
