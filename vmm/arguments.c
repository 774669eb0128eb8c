/* A device option's text taken apart: "mode=virtio,tap=web0,readonly". */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "vmm/device.h"

static const struct argument *lookup(const struct argument *table, const char *key)
{
	for (; table && table->key; table++)
		if (!strcmp(table->key, key))
			return table;
	return NULL;
}

static int add_pair(struct arguments *a, char *item, const struct argument *table)
{
	char *equals = strchr(item, '=');
	const struct argument *row;

	if (equals)
		*equals++ = '\0';
	row = lookup(table, item);
	if (!row)
		return err_set("\"%s\" is not a setting it has", item);
	if (row->value && (!equals || !*equals))
		return err_set("\"%s\" needs a value: %s=%s", item, item, row->value);
	if (!row->value && equals)
		return err_set("\"%s\" takes no value", item);
	if (arguments_has(a, item))
		return err_set("\"%s\" is given twice", item);
	if (a->count == ARGUMENTS_MAX)
		return err_set("more than %d settings", ARGUMENTS_MAX);
	a->pair[a->count].key = item;
	a->pair[a->count].value = equals ? equals : "";
	a->count++;
	return 0;
}

int arguments_parse(struct arguments *a, const char *text, const struct argument *table)
{
	char *save = NULL, *item;

	*a = (struct arguments){0};
	a->text = strdup(text ? text : "");
	if (!a->text)
		return err_errno("cannot read an option");
	for (item = strtok_r(a->text, ",", &save); item; item = strtok_r(NULL, ",", &save))
		if (add_pair(a, item, table))
			goto fail;
	for (; table && table->key; table++) {
		if (!table->required || arguments_has(a, table->key))
			continue;
		err_set("%s=%s is missing", table->key, table->value);
		goto fail;
	}
	return 0;
fail:
	arguments_free(a);
	return -1;
}

void arguments_free(struct arguments *a)
{
	free(a->text);
	*a = (struct arguments){0};
}

const char *arguments_get(const struct arguments *a, const char *key, const char *otherwise)
{
	for (int i = 0; i < a->count; i++)
		if (!strcmp(a->pair[i].key, key))
			return a->pair[i].value;
	return otherwise;
}

bool arguments_has(const struct arguments *a, const char *key)
{
	return arguments_get(a, key, NULL) != NULL;
}

int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	char *end;
	unsigned long long v;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || *end || errno || v < min || v > max)
		return err_set("\"%s\" is not a number from %llu to %llu", text,
			       (unsigned long long)min, (unsigned long long)max);
	*out = v;
	return 0;
}

int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
	static const char units[] = "KMGT";
	unsigned int shift = 0;
	unsigned long long v;
	const char *unit;
	char *end;

	errno = 0;
	v = strtoull(text, &end, 10);
	if (*end && (unit = strchr(units, *end)) && !end[1])
		shift = 10 * (unsigned int)(unit - units + 1);
	if (text[0] < '0' || text[0] > '9' || errno || (*end && !shift) ||
	    v > UINT64_MAX >> shift)
		return err_set("\"%s\" is not a size like 65536, 64K, 512M or 2G", text);
	v <<= shift;
	if (v < min || v > max)
		return err_set("\"%s\" is out of range: %llu to %llu bytes", text,
			       (unsigned long long)min, (unsigned long long)max);
	*out = v;
	return 0;
}

int arguments_number(const struct arguments *a, const char *key, uint64_t min, uint64_t max,
		     uint64_t *out)
{
	const char *text = arguments_get(a, key, NULL);

	return text && parse_number(text, min, max, out) ? err_add("%s", key) : 0;
}

int arguments_size(const struct arguments *a, const char *key, uint64_t min, uint64_t max,
		   uint64_t *out)
{
	const char *text = arguments_get(a, key, NULL);

	return text && parse_size(text, min, max, out) ? err_add("%s", key) : 0;
}
