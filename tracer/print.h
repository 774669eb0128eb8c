/*
 * The result for people: one typical request as a ladder, the layers in numbers, and what is
 * to be known of how far the numbers can be trusted.
 */
#ifndef STRATA_TRACER_PRINT_H
#define STRATA_TRACER_PRINT_H

#include <stdio.h>

#include "lib/table.h"
#include "tracer/model.h"

#define PRINT_COLUMNS 96

/* All of it, in the style that suits the stream. -1 with a sentence if the stream failed. */
int print_report(struct model *m, FILE *f);

/* All hops, with what marks them and a paragraph on each; needs no trace. */
int print_hops(FILE *f);

/* A paragraph, broken at blanks where there are any in so many columns, its lines indented. */
void print_paragraph(FILE *f, const char *text, int indent, int columns);

/* The report's parts. */
void print_ladder(const struct model *m, const struct request *r, FILE *f,
		  struct table_style style);
/* Nothing, if no server asked another one for it. */
void print_tree(const struct model *m, const struct request *r, FILE *f,
		struct table_style style);
int print_layers(struct model *m, FILE *f, struct table_style style);
void print_facts(const struct model *m, FILE *f, struct table_style style);

#endif
