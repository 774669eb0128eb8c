/* YAML by tables: see yaml.h. */
#include "scenarios/run/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"

int yaml_fail(const struct yaml *y, const yaml_node_t *n, const char *fmt, ...)
{
	char why[700];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set("%s:%d: %s", y->file, yaml_line(n), why);
}

int yaml_line(const yaml_node_t *n)
{
	return (int)n->start_mark.line + 1;
}

/* ---- one document ---- */

static int parse_failed(const yaml_parser_t *p, const char *file)
{
	return err_set("%s:%d: no YAML: %s%s%s", file, (int)p->problem_mark.line + 1,
		       p->context ? p->context : "", p->context ? ", " : "",
		       p->problem ? p->problem : "out of memory");
}

static int only_one(yaml_parser_t *p, const char *file)
{
	yaml_document_t more;
	yaml_node_t *n;
	int result = 0;

	if (!yaml_parser_load(p, &more))
		return parse_failed(p, file);
	n = yaml_document_get_root_node(&more);
	if (n)
		result = err_set("%s:%d: a second document begins here: one file, one scenario",
				 file, yaml_line(n));
	yaml_document_delete(&more);
	return result;
}

int yaml_parse(struct yaml *y, const char *file, const char *text, size_t bytes)
{
	yaml_parser_t p;
	int result;

	y->file = file;
	if (bytes > YAML_BYTES_MAX)
		return err_set("%s: a scenario has no more than %u bytes", file,
			       YAML_BYTES_MAX);
	if (!yaml_parser_initialize(&p))
		return err_set("%s: out of memory", file);
	yaml_parser_set_input_string(&p, (const unsigned char *)text, bytes);
	result = yaml_parser_load(&p, &y->document) ? 0 : parse_failed(&p, file);
	if (!result && yaml_root(y) && only_one(&p, file)) {
		yaml_close(y);
		result = -1;
	}
	yaml_parser_delete(&p);
	return result;
}

void yaml_close(struct yaml *y)
{
	yaml_document_delete(&y->document);
}

yaml_node_t *yaml_root(struct yaml *y)
{
	return yaml_document_get_root_node(&y->document);
}

static yaml_node_t *node(struct yaml *y, int index)
{
	return yaml_document_get_node(&y->document, index);
}

/* ---- mappings and lists ---- */

static bool is_key(yaml_node_t *n, const char *name)
{
	return n->type == YAML_SCALAR_NODE && n->data.scalar.length == strlen(name) &&
	       !memcmp(n->data.scalar.value, name, n->data.scalar.length);
}

static int unknown_key(struct yaml *y, yaml_node_t *key, const struct yaml_key *keys,
		       const char *what)
{
	char names[400] = "";
	size_t n = 0;

	for (const struct yaml_key *k = keys; k->name && n < sizeof(names); k++)
		n += (size_t)snprintf(names + n, sizeof(names) - n, "%s%s", n ? ", " : "",
				      k->name);
	if (key->type != YAML_SCALAR_NODE)
		return yaml_fail(y, key, "a key of %s is a word: %s", what, names);
	return yaml_fail(y, key, "%s has no key \"%.40s\"; its keys are %s", what,
			 (const char *)key->data.scalar.value, names);
}

static int check_keys(struct yaml *y, yaml_node_t *n, const struct yaml_key *keys,
		      const char *what)
{
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
	     p++) {
		const struct yaml_key *k = keys;

		while (k->name && !is_key(node(y, p->key), k->name))
			k++;
		if (!k->name)
			return unknown_key(y, node(y, p->key), keys, what);
	}
	return 0;
}

/* A key's value; NULL: it is not there. *again: its second occurrence. */
static yaml_node_t *value_of(struct yaml *y, yaml_node_t *n, const char *key,
			     yaml_node_t **again)
{
	yaml_node_t *found = NULL;

	*again = NULL;
	for (yaml_node_pair_t *p = n->data.mapping.pairs.start; p < n->data.mapping.pairs.top;
	     p++) {
		if (!is_key(node(y, p->key), key))
			continue;
		if (found)
			*again = node(y, p->key);
		else
			found = node(y, p->value);
	}
	return found;
}

int yaml_mapping(struct yaml *y, yaml_node_t *n, const struct yaml_key *keys, const char *what,
		 void *into)
{
	if (n->type != YAML_MAPPING_NODE)
		return yaml_fail(y, n, "%s is a list of \"key: value\"", what);
	if (check_keys(y, n, keys, what))
		return -1;
	for (const struct yaml_key *k = keys; k->name; k++) {
		yaml_node_t *again, *value = value_of(y, n, k->name, &again);

		if (again)
			return yaml_fail(y, again, "%s has \"%s\" twice", what, k->name);
		if (!value && k->required)
			return yaml_fail(y, n, "%s needs \"%s\"", what, k->name);
		if (value && k->take(y, value, into))
			return -1;
	}
	return 0;
}

int yaml_items(struct yaml *y, yaml_node_t *n, size_t most,
	       int (*take)(struct yaml *y, yaml_node_t *item, void *into), void *into)
{
	yaml_node_item_t *start, *top;

	if (n->type != YAML_SEQUENCE_NODE)
		return take(y, n, into);
	start = n->data.sequence.items.start;
	top = n->data.sequence.items.top;
	if (start == top)
		return yaml_fail(y, n, "the list is empty");
	if ((size_t)(top - start) > most)
		return yaml_fail(y, n, "the list has %zu items; %zu are the most there can be",
				 (size_t)(top - start), most);
	for (yaml_node_item_t *i = start; i < top; i++)
		if (take(y, node(y, *i), into))
			return -1;
	return 0;
}

/* ---- scalars ---- */

const char *yaml_text(struct yaml *y, yaml_node_t *n, size_t least, size_t most)
{
	const char *text = (const char *)n->data.scalar.value;

	if (n->type != YAML_SCALAR_NODE) {
		yaml_fail(y, n, "a single value is expected here");
		return NULL;
	}
	if (strlen(text) != n->data.scalar.length) {
		yaml_fail(y, n, "the value has a byte 0");
		return NULL;
	}
	if (n->data.scalar.length < least || n->data.scalar.length > most) {
		yaml_fail(y, n, "\"%.40s\": %zu to %zu characters are expected", text, least,
			  most);
		return NULL;
	}
	return text;
}

int yaml_copy(struct yaml *y, yaml_node_t *n, char *to, size_t bytes)
{
	const char *text = yaml_text(y, n, 1, bytes - 1);

	if (!text)
		return -1;
	memcpy(to, text, strlen(text) + 1);
	return 0;
}

int yaml_whole(struct yaml *y, yaml_node_t *n, uint64_t least, uint64_t most, uint64_t *out)
{
	const char *text = yaml_text(y, n, 1, 40);
	char *end;

	if (!text)
		return -1;
	errno = 0;
	*out = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || *out < least || *out > most)
		return yaml_fail(y, n, "\"%s\": a number from %llu to %llu is expected", text,
				 (unsigned long long)least, (unsigned long long)most);
	return 0;
}

int yaml_real(struct yaml *y, yaml_node_t *n, double least, double most, double *out)
{
	const char *text = yaml_text(y, n, 1, 40);
	char *end;

	if (!text)
		return -1;
	*out = strtod(text, &end);
	if (end == text || *end || !isfinite(*out) || *out < least || *out > most)
		return yaml_fail(y, n, "\"%s\": a number from %g to %g is expected", text,
				 least, most);
	return 0;
}

int yaml_bool(struct yaml *y, yaml_node_t *n, bool *out)
{
	const char *text = yaml_text(y, n, 1, 40);

	if (!text)
		return -1;
	*out = !strcmp(text, "true") || !strcmp(text, "yes");
	if (!*out && strcmp(text, "false") && strcmp(text, "no"))
		return yaml_fail(y, n, "\"%s\": true or false is expected", text);
	return 0;
}
