/* What strata-tui can be told. */
#ifndef STRATA_TUI_OPTIONS_H
#define STRATA_TUI_OPTIONS_H

#include <stdbool.h>

#include "tui/ui.h"

enum export_kind { EXPORT_NONE, EXPORT_TEXT, EXPORT_JSON };

struct tui_options {
	const char *recordings[1 + OTHERS_MAX]; /* the first, and others to compare with */
	int recording_count;
	const char *document; /* of a bench or a scenario; NULL: none was named */
	bool sample;
	bool follow; /* the recording is being written */
	char **live; /* options of strata trace, NULL-terminated; NULL: not live */
	bool plain, ascii, keys;
	enum export_kind export;
	int rows, columns; /* of an export */
	int scheme;        /* -1: what suits the terminal */
	/* the screen to begin with */
	int view; /* -1: none was named */
	bool help;
	unsigned int top, bar, with; /* counted as people do; 0: not given */
	const char *marks;
	uint64_t request;
	const char *hop, *row, *bucket, *filter, *search;
	int sort; /* -1: none was named */
	bool reverse;
};

/* -1: wrong usage, said on stderr; 1: help was asked for and given. */
int tui_options_parse(struct tui_options *o, int argc, char **argv);

/* Put the interface where they say, once its model is loaded. -1 with a sentence. */
int tui_options_apply(const struct tui_options *o, struct ui *ui);

#endif
