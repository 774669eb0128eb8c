/* Causes: see cause.h. */
#include "tracer/cause.h"

#include <stdio.h>
#include <string.h>

#include "lib/exits.h"

const struct cause_info cause_table[CAUSE_COUNT] = {
#define CAUSE(id, name_, note_, sentence_, text_) \
	[CAUSE_##id] = {.name = name_, .note = note_, .sentence = sentence_, .text = text_},
#include "tracer/cause.def"
#undef CAUSE
};

enum cause cause_held(enum strata_hop hop)
{
	static const struct {
		enum strata_hop hop;
		enum cause cause;
	} held[] = {
#define HELD(hop, cause) {HOP_##hop, CAUSE_##cause},
#include "tracer/cause.def"
#undef HELD
	};

	for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++)
		if (held[i].hop == hop)
			return held[i].cause;
	return CAUSE_COUNT;
}

const char *off_task_name(enum off_task task)
{
	static const char *const names[] = {[OFF_SERVER] = "the server's process",
					    [OFF_VCPU] = "a vCPU",
					    [OFF_WORKER] = "vhost's worker",
					    [OFF_VMM] = "a thread of the VMM"};

	return names[task];
}

/* ---- who ran instead ---- */

static bool same(const struct actor *a, const struct actor *b)
{
	return a->cgroup == b->cgroup && a->vm == b->vm && a->domain == b->domain &&
	       !memcmp(a->comm, b->comm, sizeof(a->comm));
}

/* The name goes to terminals, and a guest may have written it. */
static void take_comm(char comm[OFF_COMM_BYTES + 1], const struct strata_event *e)
{
	char raw[OFF_COMM_BYTES];

	memcpy(raw, &e->flow, 8);
	memcpy(raw + 8, &e->packet, 8);
	memset(comm, 0, OFF_COMM_BYTES + 1);
	for (size_t i = 0; i < OFF_COMM_BYTES && raw[i]; i++)
		comm[i] = raw[i] >= 0x20 && raw[i] < 0x7f ? raw[i] : '?';
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

/* ---- a request's ---- */

void causes_put(struct request_causes *c, const struct request_cause *part)
{
	if (c->count < REQUEST_CAUSES_MAX)
		c->at[c->count++] = *part;
	else
		c->full = true;
}

void causes_add(struct request_causes *c, const struct request_cause *part)
{
	struct request_cause once = *part;

	for (uint8_t i = 0; i < c->count; i++) {
		struct request_cause *at = &c->at[i];

		if (at->hop != part->hop || at->cause != part->cause ||
		    at->actor != part->actor || at->detail != part->detail ||
		    at->layer != part->layer)
			continue;
		at->ns += part->ns;
		if (at->count < UINT16_MAX)
			at->count++;
		return;
	}
	once.count = 1;
	causes_put(c, &once);
}

void cause_text(const struct actors *a, const struct request_cause *c, char *text, size_t bytes)
{
	const char *note = cause_table[c->cause].note;
	const struct actor *who = &a->at[c->actor];

	if (c->cause == CAUSE_EXIT)
		snprintf(text, bytes, "%s: %s, %u", note,
			 exit_kind_name((enum exit_kind)c->detail), c->count);
	else if (c->actor && who->vm)
		snprintf(text, bytes, "%s, which %s (%u) of VM %u had", note, who->comm,
			 who->tid, who->vm);
	else if (c->actor)
		snprintf(text, bytes, "%s, which %s (%u) had", note, who->comm, who->tid);
	else
		snprintf(text, bytes, "%s", note);
}

json_t *actor_json(const struct actors *a, uint16_t actor)
{
	const struct actor *who = &a->at[actor];

	return json_pack("{s:s,s:I,s:I,s:i,s:i}", "comm", who->comm, "tid",
			 (json_int_t)who->tid, "cgroup", (json_int_t)who->cgroup, "vm", who->vm,
			 "domain", who->domain);
}

json_t *cause_json(const struct actors *a, const struct request_cause *c)
{
	bool waited =
		c->cause == CAUSE_CPU || c->cause == CAUSE_QUOTA || c->cause == CAUSE_WAKE;
	json_t *o = json_pack("{s:s,s:I,s:i,s:s}", "cause", cause_table[c->cause].name, "ns",
			      (json_int_t)c->ns, "count", c->count, "layer",
			      layer_name((enum strata_layer)c->layer));

	if (c->cause == CAUSE_EXIT)
		json_object_set_new(o, "reason",
				    json_string(exit_kind_name((enum exit_kind)c->detail)));
	if (waited)
		json_object_set_new(o, "task",
				    json_string(off_task_name((enum off_task)c->detail)));
	if (c->actor)
		json_object_set_new(o, "rival", actor_json(a, c->actor));
	return o;
}
