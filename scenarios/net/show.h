/* What plumbing there is, for people and for programs. */
#ifndef STRATA_SCENARIOS_NET_SHOW_H
#define STRATA_SCENARIOS_NET_SHOW_H

#include <stdbool.h>
#include <stdio.h>

/* name NULL: all. -1 with a sentence. */
int net_show(const char *name, bool json, FILE *f);

/* The option with which strata vmm uses it: "--net tap=web"; the caller's buffer. */
void net_use(char *text, size_t bytes, const char *name);

#endif
