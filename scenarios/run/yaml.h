/*
 * A YAML document taken apart by tables: which keys a mapping may have, and who takes each.
 * Every error names file and line.
 *
 * The file is somebody else's: it is bounded in size, and nothing is followed but what the
 * tables name, so that no anchor leads in a circle.
 */
#ifndef STRATA_SCENARIOS_RUN_YAML_H
#define STRATA_SCENARIOS_RUN_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yaml.h>

#define YAML_BYTES_MAX (256u << 10)

struct yaml {
	const char *file; /* for sentences */
	yaml_document_t document;
};

/* Parse a text of exactly one document. -1 with a sentence; else yaml_close() is due. */
int yaml_parse(struct yaml *y, const char *file, const char *text, size_t bytes);
void yaml_close(struct yaml *y);

/* NULL if the document is empty. */
yaml_node_t *yaml_root(struct yaml *y);

int yaml_line(const yaml_node_t *n);

/* "FILE:LINE: ..."; always -1. */
int yaml_fail(const struct yaml *y, const yaml_node_t *n, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

struct yaml_key {
	const char *name; /* NULL ends the table */
	int (*take)(struct yaml *y, yaml_node_t *value, void *into);
	bool required;
};

/* Hand each key's value to who takes it, in the table's order. -1 with a sentence: it is no
 * mapping, a key is unknown, there twice or missing, or its value is refused. what: of the
 * sentence, "a VM". */
int yaml_mapping(struct yaml *y, yaml_node_t *n, const struct yaml_key *keys, const char *what,
		 void *into);

/* Call take with each of a sequence's items; a single item stands for a list of one. most: no
 * more than that. */
int yaml_items(struct yaml *y, yaml_node_t *n, size_t most,
	       int (*take)(struct yaml *y, yaml_node_t *item, void *into), void *into);

/* The text of a scalar, of least to most bytes; NULL with a sentence. Owned by the document. */
const char *yaml_text(struct yaml *y, yaml_node_t *n, size_t least, size_t most);

/* A copy of it, with room for bytes. */
int yaml_copy(struct yaml *y, yaml_node_t *n, char *to, size_t bytes);

int yaml_whole(struct yaml *y, yaml_node_t *n, uint64_t least, uint64_t most, uint64_t *out);
int yaml_real(struct yaml *y, yaml_node_t *n, double least, double most, double *out);
int yaml_bool(struct yaml *y, yaml_node_t *n, bool *out);

#endif
