/* Load and noise of a scenario's file: see read.h. */
#include "scenarios/run/read.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SECONDS_MAX 600
#define RATE_MAX    100000

/* ---- the load ---- */

static int take_load_to(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;

	return read_vm(y, n, s, &s->load.vm);
}

static int take_load_path(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario_load *l = &((struct scenario *)into)->load;

	if (yaml_copy(y, n, l->path, sizeof(l->path)))
		return -1;
	for (const char *p = l->path; *p; p++)
		if (!isgraph((unsigned char)*p))
			return yaml_fail(y, n, "the path has a character that an URL has not");
	return *l->path == '/' ? 0 : yaml_fail(y, n, "a path begins with /");
}

/* "200": requests a second; "50%": of the victim's own saturation. */
static int take_load_rate(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario_load *l = &((struct scenario *)into)->load;
	const char *text = yaml_text(y, n, 1, 20);
	char *end;
	double v;

	if (!text)
		return -1;
	v = strtod(text, &end);
	l->rate = l->fraction = 0;
	if (end != text && !strcmp(end, "%") && v >= 1 && v <= 200)
		l->fraction = v / 100;
	else if (end != text && !*end && v >= 0.1 && v <= RATE_MAX)
		l->rate = v;
	else
		return yaml_fail(y, n,
				 "rate \"%s\": requests a second (0.1 to %d), or a part of the "
				 "VM's own saturation (1%% to 200%%), are expected",
				 text, RATE_MAX);
	return 0;
}

static int take_load_seconds(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_real(y, n, 0.5, SECONDS_MAX, &((struct scenario *)into)->load.seconds);
}

static int take_load_connections(struct yaml *y, yaml_node_t *n, void *into)
{
	uint64_t v;

	if (yaml_whole(y, n, 1, 256, &v))
		return -1;
	((struct scenario *)into)->load.connections = (unsigned int)v;
	return 0;
}

static const struct yaml_key load_keys[] = {
	{"to", take_load_to, true},
	{"path", take_load_path, false},
	{"rate", take_load_rate, false},
	{"seconds", take_load_seconds, false},
	{"connections", take_load_connections, false},
	{NULL},
};

int read_load(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_mapping(y, n, load_keys, "load", into);
}

/* ---- noise ---- */

static int take_noise_from(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;

	return read_vm(y, n, s, &s->noise.vm);
}

static int take_noise_to(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;

	return read_vm(y, n, s, &s->noise.to);
}

static int take_noise_kind(struct yaml *y, yaml_node_t *n, void *into)
{
	const char *text = yaml_text(y, n, 1, 40);
	const struct noise_kind *k = noise_kinds;
	char names[200] = "";
	size_t used = 0;

	if (!text)
		return -1;
	for (; k->name && strcmp(k->name, text); k++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s",
					 used ? ", " : "", k->name);
	if (!k->name)
		return yaml_fail(y, n, "there is no noise \"%s\"; there are %s", text, names);
	((struct scenario *)into)->noise.kind = k;
	return 0;
}

static int take_strength(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario_noise *noise = &((struct scenario *)into)->noise;
	uint64_t v;

	if (yaml_whole(y, n, 1, noise->kind->most, &v))
		return -1;
	if (noise->strengths && v <= noise->strength[noise->strengths - 1])
		return yaml_fail(y, n, "strengths are given from the smallest to the largest");
	noise->strength[noise->strengths++] = (unsigned int)v;
	return 0;
}

static int take_strengths(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_items(y, n, SCENARIO_STRENGTHS_MAX, take_strength, into);
}

static const struct yaml_key noise_keys[] = {
	{"from", take_noise_from, true},
	{"kind", take_noise_kind, true},
	{"strength", take_strengths, true},
	{"to", take_noise_to, false},
	{NULL},
};

static int check_noise(struct yaml *y, yaml_node_t *n, const struct scenario *s)
{
	const struct scenario_noise *noise = &s->noise;
	const struct scenario_vm *vm = &s->vm[noise->vm];

	if (!vm->image->tools || (noise->kind->stress && !vm->image->stress))
		return yaml_fail(y, n,
				 "noise of kind %s needs a VM with image %s; VM %s has %s",
				 noise->kind->name, noise->kind->stress ? "bench" : "net",
				 vm->name, vm->image->name);
	if (noise->kind->disk && !vm->disk_bytes)
		return yaml_fail(y, n, "noise of kind %s needs a disk, and VM %s has none",
				 noise->kind->name, vm->name);
	if (!noise->kind->flows)
		return 0;
	if (noise->to == noise->vm)
		return yaml_fail(y, n, "noise of kind %s goes to another VM",
				 noise->kind->name);
	return s->vm[noise->to].image->tools
		       ? 0
		       : yaml_fail(y, n,
				   "noise of kind %s goes to a VM with image net or bench",
				   noise->kind->name);
}

int read_noise(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;

	s->noise.any = true;
	s->noise.to = s->load.vm;
	return yaml_mapping(y, n, noise_keys, "noise", into) || check_noise(y, n, s) ? -1 : 0;
}
