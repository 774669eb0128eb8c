/* A scenario's file, read: see scenario.h. What is in it is somebody else's, and checked here
 * and in read_vms.c and read_load.c, all but the settings' values (settings.h). */
#include "scenarios/run/read.h"

#include <ctype.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"

#define SCHEMA        "strata.scenario/1"
#define CONNECTIONS   4
#define SECONDS       3
#define LOAD_FRACTION 0.5

/* Names become those of files, cgroups and processes. */
int read_name(struct yaml *y, yaml_node_t *n, char *to, size_t bytes)
{
	if (yaml_copy(y, n, to, bytes))
		return -1;
	for (const char *p = to; *p; p++)
		if (!islower((unsigned char)*p) && !isdigit((unsigned char)*p) &&
		    (p == to || !strchr("-+", *p)))
			return yaml_fail(y, n,
					 "\"%s\": a name has lower-case letters and digits, "
					 "and - and + between them",
					 to);
	return 0;
}

/* ---- cells ---- */

static int take_cell_name(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;
	struct scenario_cell *c = &s->cell[s->cells];

	if (read_name(y, n, c->name, sizeof(c->name)))
		return -1;
	return scenario_find_cell(s, c->name, strlen(c->name)) < 0
		       ? 0
		       : yaml_fail(y, n, "there are two cells called \"%s\"", c->name);
}

static int take_cell_noise(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;

	return yaml_bool(y, n, &s->cell[s->cells].noise);
}

static int take_cell_remedy(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;

	return yaml_bool(y, n, &s->cell[s->cells].remedy);
}

static const struct yaml_key cell_keys[] = {
	{"name", take_cell_name, true},
	{"noise", take_cell_noise, false},
	{"remedy", take_cell_remedy, false},
	{NULL},
};

static int take_cell(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;
	const struct scenario_cell *c = &s->cell[s->cells];

	if (yaml_mapping(y, n, cell_keys, "a cell", into))
		return -1;
	if (c->noise && !s->noise.any)
		return yaml_fail(y, n, "cell %s wants noise, and there is none", c->name);
	if (c->remedy && !s->remedies)
		return yaml_fail(y, n, "cell %s wants remedies, and there are none", c->name);
	s->cells++;
	return 0;
}

static int take_cells(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_items(y, n, SCENARIO_CELLS_MAX, take_cell, into);
}

/* Alone; with noise; with noise and remedies; remedies alone, which is their price. */
static void standard_cells(struct scenario *s)
{
	static const struct scenario_cell all[] = {
		{"alone", false, false},
		{"noise", true, false},
		{"noise+remedy", true, true},
		{"remedy", false, true},
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if ((!all[i].noise || s->noise.any) && (!all[i].remedy || s->remedies))
			s->cell[s->cells++] = all[i];
}

int scenario_find_cell(const struct scenario *s, const char *name, size_t length)
{
	for (unsigned int i = 0; i < s->cells; i++)
		if (strlen(s->cell[i].name) == length && !memcmp(s->cell[i].name, name, length))
			return (int)i;
	return -1;
}

/* ---- expectations ---- */

static int take_expect(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;
	struct expectation *e = &s->expect[s->expects];
	const char *text = yaml_text(y, n, 1, sizeof(e->text) - 1);

	if (!text)
		return -1;
	if (!s->cells)
		standard_cells(s);
	if (expect_parse(e, s, text)) {
		char why[500];

		snprintf(why, sizeof(why), "%s", err_text());
		return yaml_fail(y, n, "%s", why);
	}
	e->line = yaml_line(n);
	s->expects++;
	return 0;
}

static int take_expects(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_items(y, n, SCENARIO_EXPECTS_MAX, take_expect, into);
}

/* ---- all of it ---- */

static int take_schema(struct yaml *y, yaml_node_t *n, void *into)
{
	const char *text = yaml_text(y, n, 1, 40);

	(void)into;
	if (!text)
		return -1;
	return strcmp(text, SCHEMA) ? yaml_fail(y, n,
						"schema \"%s\": " SCHEMA " is what can be "
						"read here",
						text)
				    : 0;
}

static int take_scenario_name(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;

	return read_name(y, n, s->name, sizeof(s->name));
}

static int take_title(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;

	return yaml_copy(y, n, s->title, sizeof(s->title));
}

static int take_switch(struct yaml *y, yaml_node_t *n, void *into)
{
	const char *text = yaml_text(y, n, 1, 40);

	if (!text)
		return -1;
	((struct scenario *)into)->ovs = !strcmp(text, "ovs");
	return !strcmp(text, "ovs") || !strcmp(text, "bridge")
		       ? 0
		       : yaml_fail(y, n, "switch \"%s\": bridge or ovs is expected", text);
}

static int take_rounds(struct yaml *y, yaml_node_t *n, void *into)
{
	uint64_t v;

	if (yaml_whole(y, n, 1, SCENARIO_ROUNDS_MAX, &v))
		return -1;
	((struct scenario *)into)->rounds = (unsigned int)v;
	return 0;
}

/* In an order in which each stands on what is before it. */
static const struct yaml_key scenario_keys[] = {
	{"schema", take_schema, true},
	{"name", take_scenario_name, true},
	{"title", take_title, true},
	{"needs", read_needs, false},
	{"switch", take_switch, false},
	{"vms", read_vms, true},
	{"load", read_load, true},
	{"noise", read_noise, false},
	{"remedies", read_remedies, false},
	{"cells", take_cells, false},
	{"rounds", take_rounds, false},
	{"expect", take_expects, true},
	{NULL},
};

static int take_scenario(struct yaml *y, struct scenario *s)
{
	yaml_node_t *root = yaml_root(y);

	if (!root)
		return err_set("%s: there is nothing in it", y->file);
	return yaml_mapping(y, root, scenario_keys, "a scenario", s);
}

int scenario_parse(struct scenario *s, const char *name, const char *text, size_t bytes)
{
	struct yaml y;
	int result;

	*s = (struct scenario){.rounds = 3,
			       .load = {.fraction = LOAD_FRACTION,
					.seconds = SECONDS,
					.path = "/",
					.connections = CONNECTIONS}};
	if (yaml_parse(&y, name, text, bytes))
		return -1;
	result = take_scenario(&y, s);
	yaml_close(&y);
	return result;
}

int scenario_read(struct scenario *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), result;
	char *text = malloc(YAML_BYTES_MAX + 1);
	size_t used = 0;
	ssize_t n = 1;

	if (fd < 0 || !text) {
		result = err_errno("%s", path);
		goto out;
	}
	while (n > 0 && used <= YAML_BYTES_MAX) {
		n = read(fd, text + used, YAML_BYTES_MAX + 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	result = n < 0 ? err_errno("%s", path) : scenario_parse(s, path, text, used);
out:
	if (fd >= 0)
		close(fd);
	free(text);
	return result;
}
