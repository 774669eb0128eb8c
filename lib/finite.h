/* Figures in JSON, which knows no infinity and no "not a number" (RFC 8259, 6). */
#ifndef STRATA_LIB_FINITE_H
#define STRATA_LIB_FINITE_H

#include <math.h>

#include <jansson.h>

/* A new reference: the number, or null where it is none. */
static inline json_t *json_finite(double v)
{
	return isfinite(v) ? json_real(v) : json_null();
}

#endif
