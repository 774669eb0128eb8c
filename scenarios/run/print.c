/* A dry run: see scenario.h. */
#include <stdio.h>

#include "lib/units.h"
#include "scenarios/lab/lab.h"
#include "scenarios/run/load.h"
#include "scenarios/run/settings.h"

static void print_cpus(uint64_t cpus, const char *what, FILE *f)
{
	if (!cpus)
		return;
	fprintf(f, ", %s on CPU", what);
	for (int cpu = 0; cpu < SCENARIO_CPUS_MAX; cpu++)
		if (cpus >> cpu & 1)
			fprintf(f, " %d", cpu);
}

static void print_needs(const struct scenario *s, FILE *f)
{
	const struct scenario_needs *n = &s->needs;

	fputs("needs      root, KVM, eBPF", f);
	if (n->cpus)
		fprintf(f, "; %u CPUs", n->cpus);
	if (n->memory_bytes)
		fprintf(f, "; %s of memory", units_bytes(n->memory_bytes).s);
	if (n->cgroup2)
		fputs("; cgroup v2", f);
	fputs("\n", f);
}

static void print_vm(const struct scenario *s, unsigned int i, FILE *f)
{
	const struct scenario_vm *vm = &s->vm[i];

	fprintf(f, "VM         %s: 10.77.0.%u, %s, image %s (build/%s), %u vCPU%s, %s",
		vm->name, 2 + i, place_name(vm->place), vm->image->name, vm->image->path,
		vm->cpus, vm->cpus == 1 ? "" : "s", vm->memory);
	if (vm->disk_bytes)
		fprintf(f, ", a disk of %s", units_bytes(vm->disk_bytes).s);
	print_cpus(vm->pin, "vCPUs", f);
	print_cpus(vm->io, "the VMM's other threads", f);
	fputs("\n", f);
	for (unsigned int l = 0; l < s->limits; l++)
		if (s->limit[l].vm == i)
			fprintf(f, "           from the start: %s = %s\n",
				setting_text(&s->limit[l]).s, s->limit[l].value);
}

static void print_load(const struct scenario *s, FILE *f)
{
	const struct scenario_load *l = &s->load;

	fprintf(f, "load       GET %s of VM %s, %u connections, open loop, ", l->path,
		s->vm[l->vm].name, l->connections);
	if (l->rate > 0)
		fprintf(f, "%g requests a second", l->rate);
	else
		fprintf(f, "%g %% of what it serves in a closed loop, found first",
			100 * l->fraction);
	fprintf(f, ", for %g s in each cell\n", l->seconds);
}

static void print_noise(const struct scenario *s, FILE *f)
{
	const struct scenario_noise *n = &s->noise;

	if (!n->any)
		return;
	fprintf(f, "noise      %s (%s) by VM %s", n->kind->name, n->kind->help,
		s->vm[n->vm].name);
	if (n->kind->flows)
		fprintf(f, " to VM %s", s->vm[n->to].name);
	fputs(", strength", f);
	for (unsigned int i = 0; i < n->strengths; i++)
		fprintf(f, "%s %u", i ? "," : "", n->strength[i]);
	fprintf(f, " %s\n", n->kind->unit);
}

static unsigned int variants(const struct scenario *s)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < s->cells; i++)
		n += s->cell[i].noise ? s->noise.strengths : 1;
	return n;
}

void scenario_print(const struct scenario *s, FILE *f)
{
	fprintf(f, "%s: %s\n\n", s->name, s->title);
	print_needs(s, f);
	fprintf(f,
		"network    a client (" LAB_CLIENT_ADDRESS
		") on a wire, %s, a tap for each VM; "
		"all in namespaces without a name\n",
		s->ovs ? "Open vSwitch" : "a Linux bridge");
	for (unsigned int i = 0; i < s->vms; i++)
		print_vm(s, i, f);
	print_load(s, f);
	print_noise(s, f);
	for (unsigned int i = 0; i < s->remedies; i++)
		fprintf(f, "remedy     VM %s: %s = %s\n", s->vm[s->remedy[i].vm].name,
			setting_text(&s->remedy[i]).s, s->remedy[i].value);
	fprintf(f, "trace      requests to VM %s", s->vm[s->load.vm].name);
	for (unsigned int i = 0; i < s->vms; i++)
		if (i != s->load.vm && load_needs(s, i))
			fprintf(f, ", %s", s->vm[i].name);
	fputs(", in host and guest; what made them wait, of all VMs\n", f);
	fprintf(f, "cells      in random order, %u times (%u in all, about %.0f s of load):\n",
		s->rounds, s->rounds * variants(s), s->rounds * variants(s) * s->load.seconds);
	for (unsigned int i = 0; i < s->cells; i++)
		fprintf(f, "           %s:%s%s%s\n", s->cell[i].name,
			s->cell[i].noise ? " noise" : "", s->cell[i].remedy ? " remedies" : "",
			s->cell[i].noise || s->cell[i].remedy ? "" : " the load alone");
	for (unsigned int i = 0; i < s->expects; i++)
		fprintf(f, "%s%s\n", i ? "           " : "expect     ", s->expect[i].text);
}
