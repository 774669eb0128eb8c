/* Who ran instead: see actor.h. */
#include "tracer/actor.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "lib/printable.h"

static bool same(const struct actor *a, const struct actor *b)
{
	return a->cgroup == b->cgroup && a->vm == b->vm && a->domain == b->domain &&
	       !memcmp(a->comm, b->comm, sizeof(a->comm));
}

static void take_comm(char comm[OFF_COMM_BYTES + 1], const struct strata_event *e)
{
	char raw[OFF_COMM_BYTES];

	memcpy(raw, &e->flow, 8);
	memcpy(raw + 8, &e->packet, 8);
	printable_copy(comm, OFF_COMM_BYTES + 1, raw, sizeof(raw));
}

uint16_t actors_learn(struct actors *a, const struct strata_event *e)
{
	struct actor new = {.tid = e->arg32,
			    .cgroup = e->client_port | (uint32_t)e->server_port << 16,
			    .vm = e->device,
			    .domain = e->domain};
	uint64_t h;
	uint16_t *slot;

	if (!e->arg32)
		return 0;
	take_comm(new.comm, e);
	h = flow_mix(flow_mix(e->flow, e->packet), (uint64_t) new.cgroup << 16 | new.vm);
	for (;; h++) {
		slot = &a->slot[h % (sizeof(a->slot) / sizeof(a->slot[0]))];
		if (!*slot)
			break;
		if (same(&a->at[*slot], &new))
			return *slot;
	}
	if (!a->count)
		a->count = 1;
	if (a->count == ACTORS_MAX)
		return 0;
	a->at[a->count] = new;
	*slot = a->count;
	return a->count++;
}

/* ---- what META says ---- */

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

static void take_text(char *to, size_t bytes, const json_t *o, const char *key)
{
	printable_copy(to, bytes, text_of(o, key), bytes);
}

void actor_take(struct actor *a, const json_t *rivals)
{
	json_t *o;
	size_t i;

	if (a->domain) /* of a guest's threads only the guest knows more */
		return;
	json_array_foreach (rivals, i, o) {
		if (json_integer_value(json_object_get(o, "tid")) != (json_int_t)a->tid ||
		    strcmp(text_of(o, "comm"), a->comm) != 0)
			continue;
		a->pid = (uint32_t)json_integer_value(json_object_get(o, "pid"));
		take_text(a->process, sizeof(a->process), o, "process");
		take_text(a->vm_name, sizeof(a->vm_name), o, "vm");
		take_text(a->cgroup_path, sizeof(a->cgroup_path), o, "cgroup");
	}
}

/* ---- telling ---- */

struct actor_vm actor_vm(const struct actor *a)
{
	struct actor_vm text = {""};

	if (a->vm_name[0])
		snprintf(text.s, sizeof(text.s), "VM %s", a->vm_name);
	else if (a->vm)
		snprintf(text.s, sizeof(text.s), "VM %u", a->vm);
	return text;
}

void actor_text(const struct actor *a, char *text, size_t bytes)
{
	struct actor_vm vm = actor_vm(a);
	char of[OFF_COMM_BYTES + 8] = "", cgroup[ACTOR_CGROUP_BYTES];

	if (a->process[0] && a->pid != a->tid)
		snprintf(of, sizeof(of), " of %s", a->process);
	snprintf(cgroup, sizeof(cgroup), "%u", a->cgroup);
	snprintf(text, bytes, "%s (thread %u%s%s%s, cgroup %s%s)", a->comm, a->tid, of,
		 vm.s[0] ? ", " : "", vm.s, a->cgroup_path[0] ? a->cgroup_path : cgroup,
		 a->domain ? ", in the guest" : "");
}

static json_t *known(const char *text)
{
	return text[0] ? json_string(text) : json_null();
}

json_t *actor_json(const struct actors *a, uint16_t actor)
{
	const struct actor *who = &a->at[actor];

	return json_pack("{s:s,s:I,s:I,s:i,s:i,s:o,s:o,s:o,s:o}", "comm", who->comm, "tid",
			 (json_int_t)who->tid, "cgroup", (json_int_t)who->cgroup, "vm", who->vm,
			 "domain", who->domain, "pid",
			 who->pid ? json_integer(who->pid) : json_null(), "process",
			 known(who->process), "vm_name", known(who->vm_name), "cgroup_path",
			 known(who->cgroup_path));
}
