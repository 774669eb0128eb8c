/*
 * Open vSwitch: bridges and ports are rows of its database, made and marked in one transaction
 * (ovs-vsctl(8)), and they outlive a reboot. See plumbing_work.h.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/plumbing_work.h"

#define VSCTL "ovs-vsctl --timeout=10"

/* The names of a table's rows that match, one a line; the caller's. NULL with a sentence. */
static char *find(const char *table, const char *column, const char *value)
{
	return work_ask(VSCTL " --bare --columns=name find %s %s=%s", table, column, value);
}

static bool is_there(const char *table, const char *name)
{
	char *found = find(table, "name", name);
	bool yes = found && *found;

	free(found);
	return yes;
}

static int make(struct plumbing_work *w, const char *table, const char *name,
		const char *bridge, const char *command)
{
	json_t *item = work_begin(w, json_pack("{s:s,s:s++,s:s,s:s,s:s}", "kind", "ovs", "key",
					       table, ":", name, "table", table, "name", name,
					       "bridge", bridge));

	if (!item || work_run(w, VSCTL " %s -- set %s %s external_ids:strata=%s", command,
			      table, name, w->name))
		return -1;
	return work_done(w, item) || work_uses(w, "%s:%s", table, name) ? -1 : 0;
}

static int add_port(struct plumbing_work *w, const char *bridge, const char *port, int vlan)
{
	char command[160], tag[16] = "";

	if (vlan)
		snprintf(tag, sizeof(tag), " tag=%d", vlan);
	snprintf(command, sizeof(command), "add-port %s %s%s", bridge, port, tag);
	return make(w, "port", port, bridge, command);
}

static int plug(struct plumbing_work *w, const struct plumbing *p)
{
	char *bridge;

	if (!is_there("port", p->uplink))
		return (!p->force &&
			plumbing_card_is_free(p->uplink,
					      "as a port of Open vSwitch it would no longer "
					      "be reached under that")) ||
				       add_port(w, p->bridge, p->uplink, 0) ||
				       link_up(w, p->uplink)
			       ? -1
			       : 0;
	bridge = work_ask(VSCTL " port-to-br %s", p->uplink);
	if (!bridge || strcmp(bridge, p->bridge)) {
		err_set("%s is a port of %s already: give --bridge %s, or unplug it", p->uplink,
			bridge ? bridge : "another bridge", bridge ? bridge : "BRIDGE");
		free(bridge);
		return -1;
	}
	free(bridge);
	work_say(w, "%s is a port of %s already and stays one", p->uplink, p->bridge);
	return work_uses(w, "port:%s", p->uplink);
}

int way_ovs(struct plumbing_work *w, const struct plumbing *p)
{
	char *version = work_ask(VSCTL " show"), command[64];
	json_t *uplink = p->uplink ? link_get(p->uplink) : NULL;
	bool missing = p->uplink && !uplink;
	int result;

	json_decref(uplink);
	if (!version && !w->dry_run)
		return err_add("Open vSwitch (Debian's package openvswitch-switch) must run, "
			       "and ovs-vsctl be in PATH");
	if (missing)
		return err_set("there is no network device %s; \"ip link\" lists them",
			       p->uplink);
	if (version && is_there("bridge", p->bridge)) {
		work_say(w, "the bridge %s is there already and is used as it is", p->bridge);
		result = work_uses(w, "bridge:%s", p->bridge);
	} else {
		snprintf(command, sizeof(command), "add-br %s", p->bridge);
		result = make(w, "bridge", p->bridge, p->bridge, command) ||
			 work_run(w, "ip link set dev %s up", p->bridge);
	}
	free(version);
	if (result || (p->uplink && plug(w, p)) || make_tap(w, p) ||
	    add_port(w, p->bridge, p->tap, p->vlan))
		return -1;
	return work_run(w, "ip link set dev %s up", p->tap);
}

/* ---- undoing ---- */

static bool is_marked(const char *table, const char *name, const char *net)
{
	char *mark = work_ask(VSCTL " --if-exists get %s %s external_ids:strata", table, name);
	size_t n = mark ? strlen(mark) : 0;
	bool yes;

	if (n > 1 && mark[0] == '"' && mark[n - 1] == '"') {
		mark[n - 1] = '\0';
		yes = !strcmp(mark + 1, net);
	} else {
		yes = n && !strcmp(mark, net);
	}
	free(mark);
	return yes;
}

static enum undo_result delete (struct plumbing_work *w, const char *table, const char *name) {
	char *ports; bool empty;

	if (strcmp(table, "bridge")) return work_run(w, VSCTL " --if-exists del-port %s", name)
		? UNDO_FAILED
		: UNDO_GONE;
	ports = work_ask(VSCTL " list-ports %s", name);
	empty = !ports || !*ports;
	free(ports);
	if (!empty && !w->dry_run) return work_keep(
		w, "%s stays: it has other ports (ovs-vsctl list-ports %s)", name, name);
	return work_run(w, VSCTL " --if-exists del-br %s", name) ? UNDO_FAILED : UNDO_GONE;
}

static enum undo_result undo_ovs(struct plumbing_work *w, const json_t *item)
{
	const char *table = item_text(item, "table"), *name = item_text(item, "name");
	char *found = find(table, "name", name);
	bool gone = found && !*found;

	if (!found)
		return UNDO_FAILED;
	free(found);
	if (gone)
		return UNDO_GONE;
	if (is_marked(table, name, w->name))
		return delete (w, table, name);
	if (!item_is_made(item))
		return UNDO_GONE; /* never made by us: making marks it in one transaction */
	return work_keep(w,
			 "%s %s stays: it has lost its mark (external_ids:strata=%s), so it "
			 "may be somebody else's; remove it by hand",
			 table, name, w->name);
}

static bool ovs_there(const char *net, const json_t *item)
{
	return is_marked(item_text(item, "table"), item_text(item, "name"), net);
}

static int mark_ovs(struct plumbing_work *w, const json_t *item, const char *net)
{
	return work_run(w, VSCTL " set %s %s external_ids:strata=%s", item_text(item, "table"),
			item_text(item, "name"), net);
}

/* What is marked, though nothing is written down: after a reboot. Without Open vSwitch there is
 * nothing of it. */
int ovs_sweep(struct plumbing_work *w)
{
	static const char *const tables[] = {"port", "bridge"};

	for (size_t i = 0; i < 2; i++) {
		char *names = find(tables[i], "external_ids:strata", w->name), *save = NULL;
		int result = 0;

		for (char *n = names ? strtok_r(names, "\n ", &save) : NULL; n && !result;
		     n = strtok_r(NULL, "\n ", &save))
			result = delete (w, tables[i], n);
		free(names);
		if (result)
			return -1;
	}
	return 0;
}

const struct plumbing_kind plumbing_kinds_ovs[] = {
	{"ovs", undo_ovs, ovs_there, mark_ovs},
	{NULL, NULL, NULL, NULL},
};
