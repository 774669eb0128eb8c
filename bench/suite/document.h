/* Document strata.bench/1 (docs/bench.md says what is in it): a session written down, and taken
 * up again. */
#ifndef STRATA_BENCH_SUITE_DOCUMENT_H
#define STRATA_BENCH_SUITE_DOCUMENT_H

#include <jansson.h>

#include "bench/suite/session.h"

/* The caller's reference. NULL with a sentence. where: "here" or "testbed". environment is
 * borrowed: captured once, when the session began. */
json_t *document_make(const struct session *s, json_t *environment);

/* What is at work and how far it is, as document_make() puts it in; null: nothing is. For a
 * document that was made before and is to say what is new. */
json_t *document_progress(const struct session *s);

/* Write it beside its name first, so that there is always a whole one. -1 with a sentence. */
int document_write(json_t *document, const char *path);

/* NULL with a sentence. */
json_t *document_read(const char *path);

/* Options of the session that a document is of, except names and lists: those stay in the
 * document and are borrowed from it. -1 with a sentence. */
int document_options(json_t *document, struct session_options *o, char ***names);

/* Give the session's tasks the samples that the document has. -1 with a sentence: it is of
 * another machine, kernel or version, or of other benchmarks. */
int document_resume(json_t *document, struct session *s, json_t *environment);

#endif
