/* What strata net can be told. */
#ifndef STRATA_SCENARIOS_NET_OPTIONS_H
#define STRATA_SCENARIOS_NET_OPTIONS_H

#include <stdbool.h>

#include "lib/plumbing.h"

struct net_options {
	enum { NET_UP, NET_DOWN, NET_SHOW } command;
	struct plumbing net; /* up: all of it; down, show: only the name, NULL for all */
	bool dry_run;
	bool json;
	bool all;     /* down: whatever is marked */
	char tap[16]; /* the name made up for it */
};

/* -1: wrong usage, said on stderr; 1: help was asked for and given. */
int net_options_parse(struct net_options *o, int argc, char **argv);

#endif
