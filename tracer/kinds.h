/*
 * The numbers of hops in a recording. They are those of lib/hop.def as it was when the
 * recording was made, which is why META names them; a reader goes by the names.
 */
#ifndef STRATA_TRACER_KINDS_H
#define STRATA_TRACER_KINDS_H

#include <stdint.h>

#include <jansson.h>

#define KINDS_MAX    256
#define KIND_UNKNOWN 0xff

struct kinds {
	uint8_t kind[KINDS_MAX]; /* enum strata_hop or strata_context, or KIND_UNKNOWN */
};

/* A new reference: the names of this program's numbers, for META. */
json_t *kinds_meta(void);

/* As META's names say; NULL: those of the first recordings, which had none. */
void kinds_learn(struct kinds *k, const json_t *names);

static inline unsigned int kinds_of(const struct kinds *k, unsigned int number)
{
	return number < KINDS_MAX ? k->kind[number] : KIND_UNKNOWN;
}

#endif
