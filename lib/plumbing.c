/* up, down and list: see plumbing.h. */
#include "lib/plumbing.h"

#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/plumbing_work.h"

static const struct {
	const char *name;
	int (*make)(struct plumbing_work *w, const struct plumbing *p);
} ways[] = {
	{"bridge", way_bridge},
	{"ovs", way_ovs},
	{"macvtap", way_macvtap},
	{"none", way_none},
};

static int make(struct plumbing_work *w, const struct plumbing *p)
{
	if (!p->way)
		return way_passthrough(w, p);
	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++)
		if (!strcmp(ways[i].name, p->way))
			return ways[i].make(w, p);
	return err_set("there is no switch \"%s\": bridge, ovs, macvtap or none", p->way);
}

/* The states of all nets but this one. NULL with a sentence. */
static json_t *all_others(const char *name)
{
	json_t *all = state_load_all();

	for (size_t i = json_array_size(all); i-- > 0;)
		if (!strcmp(item_text(json_array_get(all, i), "name"), name))
			json_array_remove(all, i);
	return all;
}

/* Items that cannot be there any more are not looked for: others may have taken their names. */
static int drop_unreachable(json_t *state)
{
	json_t *items = json_object_get(state, "items");
	enum state_reach reach = state_reach(state);

	if (reach == REACH_ELSEWHERE)
		return -1;
	for (size_t i = json_array_size(items); i-- > 0;) {
		const json_t *item = json_array_get(items, i);

		if (reach == REACH_REBOOTED ? !item_is_ovs(item)
					    : reach == REACH_NETNS_GONE && item_is_link(item))
			json_array_remove(items, i);
	}
	return 0;
}

/* The lock is held. */
static int take_down(const char *name, json_t *state, FILE *told, bool dry_run)
{
	struct plumbing blank = {.name = name};
	struct plumbing_work w = {.name = name, .told = told, .dry_run = dry_run};
	int result = -1;

	/* if nothing is written down, what carries the mark is looked for all the same */
	w.state = state ? json_incref(state) : state_new(&blank);
	w.others = all_others(name);
	if (w.others && (!state || !drop_unreachable(w.state)))
		result = work_undo(&w);
	if (!result && !dry_run)
		result = state_forget(name);
	json_decref(w.state);
	json_decref(w.others);
	return result;
}

int plumbing_down(const char *name, FILE *told, bool dry_run)
{
	int lock = dry_run ? 0 : state_lock(), result;
	json_t *state;

	if (lock < 0)
		return -1;
	result = state_load(name, &state) || take_down(name, state, told, dry_run) ? -1 : 0;
	json_decref(state);
	if (!dry_run)
		close(lock);
	return result;
}

int plumbing_repair(const char *name, FILE *told)
{
	int lock = state_lock(), result;
	json_t *state;

	if (lock < 0)
		return -1;
	result = state_load(name, &state);
	if (!result && state && !state_owner_lives(state))
		result = take_down(name, state, told, false);
	json_decref(state);
	close(lock);
	return result;
}

/* What is there under that name already: 1 it is what is wanted, 0 nothing is there (any more),
 * -1 with a sentence. */
static int look_at_old(const struct plumbing *p, const json_t *wanted, FILE *told, bool dry_run)
{
	bool complete, same, lives;
	json_t *old;
	int result;

	if (state_load(p->name, &old))
		return -1;
	if (!old)
		return 0;
	complete = json_is_true(json_object_get(old, "complete"));
	lives = state_reach(old) == REACH_HERE && state_owner_lives(old);
	same = json_equal(json_object_get(old, "options"), json_object_get(wanted, "options"));
	if (complete && lives && same && !p->owner) {
		fprintf(told, "# %s is up already\n", p->name);
		result = 1;
	} else if (complete && lives) {
		result = err_set("%s is up already%s: \"strata net down %s\" removes it",
				 p->name, same ? "" : ", made with other options", p->name);
	} else {
		fprintf(told, "# a leftover of %s is removed first\n", p->name);
		result = take_down(p->name, old, told, dry_run);
	}
	json_decref(old);
	return result;
}

static int finish(struct plumbing_work *w)
{
	json_object_set_new(w->state, "complete", json_true());
	return w->dry_run ? 0 : state_save(w->state);
}

/* Undo what was made; the sentence stays that of what failed. */
static void undo_failed(struct plumbing_work *w)
{
	char why[600];

	snprintf(why, sizeof(why), "%s", err_text());
	if (w->dry_run) {
		err_set("%s", why);
		return;
	}
	if (work_undo(w) || state_forget(w->name)) {
		err_add("%s; and what was made could not all be removed", why);
		return;
	}
	err_set("%s", why);
}

static int bring_up(const struct plumbing *p, FILE *told, bool dry_run)
{
	struct plumbing_work w = {.name = p->name, .told = told, .dry_run = dry_run};
	int result;

	w.state = state_new(p);
	w.others = all_others(p->name);
	if (!w.state || !w.others) {
		json_decref(w.state);
		json_decref(w.others);
		return -1;
	}
	result = look_at_old(p, w.state, told, dry_run);
	if (!result && (make(&w, p) || finish(&w))) {
		undo_failed(&w);
		result = -1;
	}
	json_decref(w.state);
	json_decref(w.others);
	return result < 0 ? -1 : 0;
}

int plumbing_up(const struct plumbing *p, FILE *told, bool dry_run)
{
	int lock = dry_run ? 0 : state_lock(), result;

	if (lock < 0)
		return -1;
	result = bring_up(p, told, dry_run);
	if (!dry_run)
		close(lock);
	return result;
}

/* ---- what is there ---- */

/* What is written down but is not there any more. */
static json_t *missing_of(const json_t *state)
{
	json_t *missing = json_array(), *item;
	size_t i;

	json_array_foreach (json_object_get(state, "items"), i, item) {
		const struct plumbing_kind *k = item_kind(item);

		if (k && k->there && !k->there(item_text(state, "name"), item))
			json_array_append(missing, json_object_get(item, "key"));
	}
	return missing;
}

static void judge(json_t *state)
{
	enum state_reach reach = state_reach(state);
	json_t *missing = reach == REACH_HERE ? missing_of(state) : json_array();
	const char *verdict = "up";

	if (reach == REACH_ELSEWHERE)
		verdict = "in another network namespace";
	else if (reach != REACH_HERE)
		verdict = "gone";
	else if (!json_is_true(json_object_get(state, "complete")))
		verdict = "half made";
	else if (json_array_size(missing))
		verdict = "damaged";
	json_object_set_new(state, "state", json_string(verdict));
	json_object_set_new(state, "missing", missing);
}

static bool is_listed(const json_t *nets, const char *name)
{
	json_t *net;
	size_t i;

	json_array_foreach (nets, i, net)
		if (!strcmp(item_text(net, "name"), name))
			return true;
	return false;
}

/* Links that carry a mark though nothing is written down of it. */
static void add_forgotten(json_t *nets)
{
	json_t *links = netns_links(-1), *link;
	size_t i;

	json_array_foreach (links, i, link) {
		const char *alias = item_text(link, "ifalias");

		if (strncmp(alias, "strata:", 7) || strchr(alias + 7, ':') ||
		    is_listed(nets, alias + 7))
			continue;
		json_array_append_new(nets,
				      json_pack("{s:s,s:s,s:{},s:[],s:[]}", "name", alias + 7,
						"state", "marked, but not written down",
						"options", "items", "missing"));
	}
	json_decref(links);
}

json_t *plumbing_list(void)
{
	json_t *nets = state_load_all(), *net;
	size_t i;

	if (!nets)
		return NULL;
	json_array_foreach (nets, i, net) {
		judge(net);
	}
	add_forgotten(nets);
	return json_pack("{s:s,s:o}", "schema", "strata.net/1", "nets", nets);
}
