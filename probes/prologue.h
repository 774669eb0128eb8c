/* Where in a function's first instructions a uprobe is cheapest. Internal to libprobes. */
#ifndef STRATA_PROBES_PROLOGUE_H
#define STRATA_PROBES_PROLOGUE_H

#include <stddef.h>
#include <sys/types.h>

#define PROLOGUE_BYTES 16

/* Given a function's first bytes: an offset at which its arguments are still in place. */
size_t prologue_cheapest(const unsigned char *code, size_t bytes);

/* The same for a function of an ELF file; 0, its very start, if there is nothing to gain; -1 if
 * it has no such function. */
ssize_t prologue_of(const char *path, const char *function);

#endif
