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
	struct actor_vm vm = actor_vm(who);

	if (c->cause == CAUSE_EXIT)
		snprintf(text, bytes, "%s: %s, %u", note,
			 exit_kind_name((enum exit_kind)c->detail), c->count);
	else if (c->actor)
		snprintf(text, bytes, "%s, which %s (%u)%s%s had", note, who->comm, who->tid,
			 vm.s[0] ? " of " : "", vm.s);
	else
		snprintf(text, bytes, "%s", note);
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
