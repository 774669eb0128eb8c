/* The VMs of a scenario's file, their settings, and what the host must have: see read.h. */
#include "scenarios/run/read.h"

#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/units.h"

#define CPUS_MAX     16
#define MEMORY_LEAST (64u << 20)
#define MEMORY_MOST  (64ULL << 30)
#define DISK_MOST    (64ULL << 30)

int read_vm(struct yaml *y, yaml_node_t *n, const struct scenario *s, unsigned int *vm)
{
	const char *text = yaml_text(y, n, 1, 40);

	for (*vm = 0; text && *vm < s->vms; ++*vm)
		if (!strcmp(s->vm[*vm].name, text))
			return 0;
	return text ? yaml_fail(y, n, "there is no VM \"%s\"", text) : -1;
}

static int take_bytes(struct yaml *y, yaml_node_t *n, uint64_t least, uint64_t most,
		      uint64_t *out)
{
	const char *text = yaml_text(y, n, 1, 20);

	if (!text)
		return -1;
	if (units_parse_bytes(text, out))
		return yaml_fail(y, n, "%s", err_text());
	if (*out < least || *out > most)
		return yaml_fail(y, n, "\"%s\": from %s to %s are possible", text,
				 units_bytes(least).s, units_bytes(most).s);
	return 0;
}

/* ---- what the host must have ---- */

static int take_needs_cpus(struct yaml *y, yaml_node_t *n, void *into)
{
	uint64_t v;

	if (yaml_whole(y, n, 1, SCENARIO_CPUS_MAX, &v))
		return -1;
	((struct scenario_needs *)into)->cpus = (unsigned int)v;
	return 0;
}

static int take_needs_memory(struct yaml *y, yaml_node_t *n, void *into)
{
	return take_bytes(y, n, 1, UINT64_MAX, &((struct scenario_needs *)into)->memory_bytes);
}

static int take_needs_cgroup2(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_bool(y, n, &((struct scenario_needs *)into)->cgroup2);
}

static const struct yaml_key needs_keys[] = {
	{"cpus", take_needs_cpus, false},
	{"memory", take_needs_memory, false},
	{"cgroup2", take_needs_cgroup2, false},
	{NULL},
};

int read_needs(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_mapping(y, n, needs_keys, "needs", &((struct scenario *)into)->needs);
}

/* ---- settings ---- */

static int take_setting_name(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario_setting *x = into;

	x->line = yaml_line(n);
	return yaml_copy(y, n, x->name, sizeof(x->name));
}

static int take_setting_value(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario_setting *x = into;

	return yaml_copy(y, n, x->value, sizeof(x->value));
}

static const struct yaml_key setting_keys[] = {
	{"set", take_setting_name, true},
	{"to", take_setting_value, true},
	{NULL},
};

static int take_limit(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;

	if (s->limits == SCENARIO_SETTINGS_MAX)
		return yaml_fail(y, n, "%d limits are the most there can be",
				 SCENARIO_SETTINGS_MAX);
	s->limit[s->limits].vm = s->vms;
	return yaml_mapping(y, n, setting_keys, "a limit", &s->limit[s->limits++]);
}

/* A mapping with "vm" beside the setting's keys. */
struct taken_remedy {
	struct scenario *s;
	struct scenario_setting *x;
};

static int take_remedy_vm(struct yaml *y, yaml_node_t *n, void *into)
{
	struct taken_remedy *t = into;

	return read_vm(y, n, t->s, &t->x->vm);
}

static int take_remedy_set(struct yaml *y, yaml_node_t *n, void *into)
{
	return take_setting_name(y, n, ((struct taken_remedy *)into)->x);
}

static int take_remedy_to(struct yaml *y, yaml_node_t *n, void *into)
{
	return take_setting_value(y, n, ((struct taken_remedy *)into)->x);
}

static const struct yaml_key remedy_keys[] = {
	{"vm", take_remedy_vm, true},
	{"set", take_remedy_set, true},
	{"to", take_remedy_to, true},
	{NULL},
};

static int take_remedy(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;
	struct taken_remedy t = {s, &s->remedy[s->remedies++]};

	return yaml_mapping(y, n, remedy_keys, "a remedy", &t);
}

int read_remedies(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_items(y, n, SCENARIO_SETTINGS_MAX, take_remedy, into);
}

/* ---- VMs ---- */

static struct scenario_vm *this_vm(void *into)
{
	struct scenario *s = into;

	return &s->vm[s->vms];
}

static int take_vm_own_name(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;
	struct scenario_vm *vm = this_vm(into);

	if (read_name(y, n, vm->name, sizeof(vm->name)))
		return -1;
	for (unsigned int i = 0; i < s->vms; i++)
		if (!strcmp(s->vm[i].name, vm->name))
			return yaml_fail(y, n, "there are two VMs called \"%s\"", vm->name);
	return 0;
}

static int take_vm_mode(struct yaml *y, yaml_node_t *n, void *into)
{
	const char *text = yaml_text(y, n, 1, 40);
	struct scenario_vm *vm = this_vm(into);

	if (!text)
		return -1;
	vm->place = place_by_name(text);
	return vm->place & (PLACE_EMULATED | PLACE_VIRTIO | PLACE_VHOST)
		       ? 0
		       : yaml_fail(y, n, "mode \"%s\": emulated, virtio or vhost is expected",
				   text);
}

static int take_vm_image(struct yaml *y, yaml_node_t *n, void *into)
{
	const char *text = yaml_text(y, n, 1, 40);
	const struct scenario_image *i = scenario_images;

	if (!text)
		return -1;
	while (i->name && strcmp(i->name, text))
		i++;
	if (!i->name)
		return yaml_fail(
			y, n, "there is no image \"%s\"; there are nginx, net and bench", text);
	this_vm(into)->image = i;
	return 0;
}

static int take_vm_cpus(struct yaml *y, yaml_node_t *n, void *into)
{
	uint64_t v;

	if (yaml_whole(y, n, 1, CPUS_MAX, &v))
		return -1;
	this_vm(into)->cpus = (unsigned int)v;
	return 0;
}

static int take_vm_memory(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario_vm *vm = this_vm(into);
	uint64_t bytes;

	return take_bytes(y, n, MEMORY_LEAST, MEMORY_MOST, &bytes) ||
			       yaml_copy(y, n, vm->memory, sizeof(vm->memory))
		       ? -1
		       : 0;
}

static int take_vm_disk(struct yaml *y, yaml_node_t *n, void *into)
{
	return take_bytes(y, n, 1u << 20, DISK_MOST, &this_vm(into)->disk_bytes);
}

static int take_cpu(struct yaml *y, yaml_node_t *n, void *into)
{
	uint64_t cpu;

	if (yaml_whole(y, n, 0, SCENARIO_CPUS_MAX - 1, &cpu))
		return -1;
	*(uint64_t *)into |= 1ULL << cpu;
	return 0;
}

static int take_vm_pin(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_items(y, n, SCENARIO_CPUS_MAX, take_cpu, &this_vm(into)->pin);
}

static int take_vm_io(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_items(y, n, SCENARIO_CPUS_MAX, take_cpu, &this_vm(into)->io);
}

static int take_vm_limits(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_items(y, n, SCENARIO_SETTINGS_MAX, take_limit, into);
}

static const struct yaml_key vm_keys[] = {
	{"name", take_vm_own_name, true},  {"mode", take_vm_mode, false},
	{"image", take_vm_image, false},   {"cpus", take_vm_cpus, false},
	{"memory", take_vm_memory, false}, {"disk", take_vm_disk, false},
	{"pin", take_vm_pin, false},       {"io", take_vm_io, false},
	{"limits", take_vm_limits, false}, {NULL},
};

static int take_vm(struct yaml *y, yaml_node_t *n, void *into)
{
	struct scenario *s = into;
	struct scenario_vm *vm = this_vm(into);

	*vm = (struct scenario_vm){.place = PLACE_VIRTIO,
				   .image = &scenario_images[1],
				   .cpus = 1,
				   .line = yaml_line(n)};
	if (yaml_mapping(y, n, vm_keys, "a VM", into))
		return -1;
	if (!*vm->memory)
		snprintf(vm->memory, sizeof(vm->memory), "%s", vm->image->memory);
	if (s->vms && vm->place != s->vm[0].place)
		return yaml_fail(y, n,
				 "VM %s is of mode %s and VM %s of mode %s: all are of one",
				 vm->name, place_name(vm->place), s->vm[0].name,
				 place_name(s->vm[0].place));
	s->vms++;
	return 0;
}

int read_vms(struct yaml *y, yaml_node_t *n, void *into)
{
	return yaml_items(y, n, SCENARIO_VMS_MAX, take_vm, into);
}
