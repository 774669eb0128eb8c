/* Colour schemes: which colours and attributes the meanings of cells have. Data, no code. */
#ifndef STRATA_TUI_SCHEME_H
#define STRATA_TUI_SCHEME_H

#include "tui/cells.h"

enum scheme_attribute {
	ATTRIBUTE_BOLD = 1 << 0,
	ATTRIBUTE_DIM = 1 << 1,
	ATTRIBUTE_UNDERLINE = 1 << 2,
};

#define COLOUR_DEFAULT (-1)

struct scheme_style {
	short colour; /* of 8, or of 256 where they are needed; COLOUR_DEFAULT: the terminal's
		       */
	unsigned char attributes;
};

struct scheme {
	const char *name, *title;
	int colours; /* that it needs */
	struct scheme_style style[STYLES];
};

extern const struct scheme schemes[];
extern const int scheme_count;

#define SCHEME_MONO 0 /* index of the one without colours */
#define SCHEME_DARK 1

/* -1: there is none of that name. */
int scheme_by_name(const char *name);

#endif
