/*
 * Why the slow requests were slow: the slowest against the middle half, cause by cause.
 *
 * Each request's time is taken apart, to the nanosecond, by who is to blame: a layer and a
 * cause (tracer/cause.def), or a hop whose time nobody explains. What the slow ones took longer
 * is then the sum of what they took longer in each part; nothing is modelled. Whether a part
 * differs by more than chance is a permutation test (lib/statistics.h), corrected for having
 * looked at several.
 *
 * The slow ones were chosen for being slow: any part that varies is larger in them. So a part
 * is blamed for its share of the difference, and chance is ruled out only besides.
 */
#ifndef STRATA_TRACER_EXPLAIN_H
#define STRATA_TRACER_EXPLAIN_H

#include <stdio.h>

#include <jansson.h>

#include "lib/table.h"
#include "tracer/model.h"

#define EXPLAIN_REQUESTS_MIN 20   /* fewer are no evidence */
#define EXPLAIN_SLOW_MIN     5    /* one in a hundred, but so many at least */
#define EXPLAIN_TAIL         1.5  /* slower by less than that factor is not slow */
#define EXPLAIN_BLAMED       0.1  /* of the difference: what is less is told as the rest */
#define EXPLAIN_CHANCE       0.05 /* p after correction */
#define EXPLAIN_ENOUGH       0.5  /* of the difference, for an explanation */

enum explain_verdict {
	EXPLAIN_TOO_FEW, /* requests */
	EXPLAIN_EVEN,    /* none is slow beside the others */
	EXPLAIN_KNOWN,   /* causes are known of half of the difference or more */
	EXPLAIN_WHERE,   /* only where it passed: nothing that was recorded says why */
	EXPLAIN_UNKNOWN, /* nor where: it is here and there */
};

#define EXPLAIN_EXAMPLES 3
#define EXPLAIN_FINDINGS 16

/* A part of the requests' time: of a cause; or of none, at one hop. */
struct finding {
	enum cause cause; /* CAUSE_COUNT: nothing says why */
	enum strata_layer layer;
	bool unattributed;        /* nobody knows whose: a hop is missing; layer says nothing */
	enum strata_hop hop;      /* where most of what the slow ones took longer passed */
	double hop_share;         /* and how much of it: 0 to 1 */
	uint8_t detail;           /* most of it: as in struct request_cause */
	uint16_t actor;           /* who ran instead for longest; 0: nobody, or not known */
	double slow_ns, usual_ns; /* means */
	uint64_t slow_p50_ns, usual_p50_ns;
	double more_ns;       /* slow_ns - usual_ns */
	double share;         /* of what the slow requests took longer: 0 to 1 */
	double p;             /* that it is by chance, corrected; 1: not tested */
	unsigned int in_slow; /* of them, how many have more of it than 19 in 20 usual ones */
	bool blamed;
	const struct request *examples[EXPLAIN_EXAMPLES]; /* most of it first; may be NULL */
	uint64_t examples_ns[EXPLAIN_EXAMPLES];
};

struct explain_layer {
	double slow_ns, usual_ns; /* means */
	uint64_t slow_p50_ns, usual_p50_ns;
};

struct explanation {
	enum explain_verdict verdict;
	size_t requests;    /* measured, and at hand */
	size_t slow, usual; /* so many of them are compared */
	uint64_t p50_ns, p99_ns, max_ns;
	uint64_t slow_least_ns; /* what the fastest slow one took */
	double slow_ns, usual_ns, more_ns;
	uint64_t slow_p50_ns, usual_p50_ns;
	double known_share, blamed_share; /* of more_ns: with a known cause; whatever cause */
	struct explain_layer layers[LAYER_COUNT][DIRECTION_COUNT], unattributed;
	struct finding findings[EXPLAIN_FINDINGS]; /* by share, the largest first */
	size_t finding_count;
	struct finding usually[EXPLAIN_FINDINGS]; /* by usual_ns: what the usual time is made of
						   */
	size_t usually_count;
};

/* Examples point into m. -1 with a sentence if memory is short. */
int explain(const struct model *m, struct explanation *e);

/* "explained", "where", ... */
const char *explain_verdict_name(enum explain_verdict v);

/* In sentences, in lines of so many columns. name: of the recording. -1 with a sentence if the
 * stream failed. */
int explain_print(const struct model *m, const struct explanation *e, const char *name, FILE *f,
		  struct table_style style, int columns);

/* A new reference, schema strata.explain/1. */
json_t *explain_json(const struct model *m, const struct explanation *e);

#endif
