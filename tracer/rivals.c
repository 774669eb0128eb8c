/* Who they are that run instead: see rivals.h. */
#include "tracer/rivals.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/hop.h"
#include "lib/offcpu.h"
#include "lib/printable.h"
#include "lib/threads.h"
#include "tracer/process.h"

#define RIVALS_MAX 256
#define SLOTS      (4 * RIVALS_MAX)

struct rival {
	uint64_t comm[2];
	uint32_t tid;
	pid_t pid;
	char process[OFF_COMM_BYTES + 1];
	char vm[32];
	char cgroup[128];
};

struct rivals {
	const struct topology *topology;
	struct rival at[RIVALS_MAX];
	uint16_t slot[SLOTS]; /* indices less 1 */
	unsigned int count, told;
};

struct rivals *rivals_create(const struct topology *t)
{
	struct rivals *r = calloc(1, sizeof(*r));

	if (r)
		r->topology = t;
	return r;
}

void rivals_destroy(struct rivals *r)
{
	free(r);
}

/* A worker of vhost that is a thread of the kernel, before Linux 6.4, works for this VMM. */
static pid_t works_for(const struct rival *r)
{
	char comm[OFF_COMM_BYTES + 1] = "";
	int pid;

	memcpy(comm, r->comm, sizeof(r->comm));
	return sscanf(comm, "vhost-%d", &pid) == 1 ? pid : r->pid;
}

static void ask(const struct rivals *all, struct rival *r)
{
	const struct topology *t = all->topology;
	pid_t vmm;

	r->pid = process_of_thread((pid_t)r->tid);
	if (!r->pid) /* it is gone */
		return;
	threads_name(r->pid, r->process, sizeof(r->process));
	process_cgroup((pid_t)r->tid, r->cgroup, sizeof(r->cgroup));
	vmm = works_for(r);
	for (unsigned int i = 0; i < t->vm_count; i++)
		if (t->vms[i].pid == vmm)
			snprintf(r->vm, sizeof(r->vm), "%s", t->vms[i].name);
	if (!r->vm[0] && process_is_vm(vmm))
		process_vm_name(vmm, r->vm, sizeof(r->vm));
}

/* The slot of that one, or where it belongs. */
static uint16_t *slot_of(struct rivals *r, const struct strata_event *e)
{
	uint64_t h = flow_mix(flow_mix(e->flow, e->packet), e->arg32);

	for (;; h++) {
		uint16_t *slot = &r->slot[h % SLOTS];
		const struct rival *at = &r->at[*slot ? *slot - 1 : 0];

		if (!*slot ||
		    (at->tid == e->arg32 && at->comm[0] == e->flow && at->comm[1] == e->packet))
			return slot;
	}
}

static void see(struct rivals *r, const struct strata_event *e)
{
	uint16_t *slot = slot_of(r, e);
	struct rival *new = &r->at[r->count];

	if (*slot || r->count == RIVALS_MAX)
		return;
	new->comm[0] = e->flow;
	new->comm[1] = e->packet;
	new->tid = e->arg32;
	ask(r, new);
	*slot = (uint16_t)++r->count;
}

void rivals_see(struct rivals *r, const struct strata_event *e, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (e[i].hop == CONTEXT_TASK_OFF && e[i].arg32)
			see(r, &e[i]);
}

bool rivals_news(const struct rivals *r)
{
	return r->told < r->count;
}

static json_t *json_printable(const char *raw, size_t bytes)
{
	char text[sizeof(((struct rival *)0)->cgroup)];

	printable_copy(text, sizeof(text), raw, bytes);
	return json_string(text);
}

json_t *rivals_meta(struct rivals *r)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < r->count; i++) {
		const struct rival *at = &r->at[i];

		json_array_append_new(
			list,
			json_pack("{s:I,s:o,s:i,s:o,s:o,s:o}", "tid", (json_int_t)at->tid,
				  "comm", json_printable((const char *)at->comm, 16), "pid",
				  (int)at->pid, "process",
				  json_printable(at->process, sizeof(at->process)), "cgroup",
				  json_printable(at->cgroup, sizeof(at->cgroup)), "vm",
				  json_printable(at->vm, sizeof(at->vm))));
	}
	r->told = r->count;
	return list;
}
