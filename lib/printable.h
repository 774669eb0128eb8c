/*
 * Text that somebody else chose, a guest or a process's owner, on its way to terminals and into
 * JSON: what is not printable ASCII becomes '?'.
 */
#ifndef STRATA_LIB_PRINTABLE_H
#define STRATA_LIB_PRINTABLE_H

#include <stddef.h>
#include <string.h>

static inline char printable(char c)
{
	return c >= 0x20 && c < 0x7f ? c : '?';
}

/* Up to n bytes of from, or to its end; cut where to is full, which has room for so many bytes
 * and is filled up with zeroes. */
static inline void printable_copy(char *to, size_t bytes, const char *from, size_t n)
{
	size_t i;

	for (i = 0; i < n && i + 1 < bytes && from[i]; i++)
		to[i] = printable(from[i]);
	memset(to + i, 0, bytes - i);
}

#endif
