/* A document for people: Markdown, which is also what the terminal shows. */
#ifndef STRATA_BENCH_SUITE_MARKDOWN_H
#define STRATA_BENCH_SUITE_MARKDOWN_H

#include <stdio.h>

#include <jansson.h>

#include "bench/suite/judge.h"

/* -1 with a sentence: the document is not of its schema, or the stream failed. */
int markdown_report(json_t *document, FILE *out);

/* Two documents compared, and what differs between their environments. */
int markdown_comparison(json_t *a, json_t *b, const struct comparison *c, size_t count,
			FILE *out);

/* A figure in its unit, and text from a document, for tables. */
void markdown_value(FILE *out, double v, const char *unit);
void markdown_text(FILE *out, const char *text);

#endif
