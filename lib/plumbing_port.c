/* What is changed on links that were there: set up, plugged in. See plumbing_work.h. */
#include <string.h>

#include "lib/err.h"
#include "lib/plumbing_work.h"

int link_up(struct plumbing_work *w, const char *name)
{
	json_t *link = link_get(name), *item;
	bool up = link && link_is_up(link);

	json_decref(link);
	if (work_uses(w, "up:%s", name) || up)
		return up ? 0 : -1;
	item = work_begin(
		w, json_pack("{s:s,s:s+,s:s}", "kind", "up", "key", "up:", name, "name", name));
	if (!item || work_run(w, "ip link set dev %s up", name))
		return -1;
	return work_done(w, item);
}

enum undo_result undo_up(struct plumbing_work *w, const json_t *item)
{
	const char *name = item_text(item, "name");
	json_t *link = link_get(name);
	bool up = link && link_is_up(link);

	json_decref(link);
	return up && work_run(w, "ip link set dev %s down", name) ? UNDO_FAILED : UNDO_GONE;
}

int link_plug(struct plumbing_work *w, const char *uplink, const char *bridge)
{
	json_t *link = link_get(uplink), *item;
	const char *master = item_text(link, "master");
	bool marked = !*item_text(link, "ifalias"), plugged = !strcmp(master, bridge);
	char mark[64];

	if (*master && !plugged) {
		err_set("%s is plugged into %s already: give --bridge %s, or unplug it", uplink,
			master, master);
		json_decref(link);
		return -1;
	}
	json_decref(link);
	if (plugged)
		work_say(w, "%s is a port of %s already and stays one", uplink, bridge);
	if (work_uses(w, "port:%s", uplink) || plugged)
		return plugged ? 0 : -1;
	port_mark_of(mark, w->name);
	item = work_begin(w, json_pack("{s:s,s:s+,s:s,s:s,s:b}", "kind", "port", "key",
				       "port:", uplink, "name", uplink, "bridge", bridge,
				       "marked", marked));
	if (!item || (marked && work_run(w, "ip link set dev %s alias %s", uplink, mark)) ||
	    work_run(w, "ip link set dev %s master %s", uplink, bridge))
		return -1;
	return work_done(w, item) || link_up(w, uplink) ? -1 : 0;
}

enum undo_result undo_port(struct plumbing_work *w, const json_t *item)
{
	const char *name = item_text(item, "name");
	json_t *link = link_get(name);
	bool plugged = !strcmp(item_text(link, "master"), item_text(item, "bridge"));
	bool marked = json_is_true(json_object_get(item, "marked")), ours;
	enum undo_result r = UNDO_GONE;
	char mark[64];

	port_mark_of(mark, w->name);
	ours = marked && !strcmp(item_text(link, "ifalias"), mark);
	if (plugged && marked && !ours && item_is_made(item))
		r = work_keep(w,
			      "%s stays in %s: it has lost its mark (alias %s); unplug it by "
			      "hand: ip link set %s nomaster",
			      name, item_text(item, "bridge"), mark, name);
	else if ((plugged && work_run(w, "ip link set dev %s nomaster", name)) ||
		 (ours && work_run(w, "ip link set dev %s alias ''", name)))
		r = UNDO_FAILED;
	json_decref(link);
	return r;
}

bool port_there(const char *net, const json_t *item)
{
	json_t *link = link_get(item_text(item, "name"));
	bool yes = !strcmp(item_text(link, "master"), item_text(item, "bridge"));

	(void)net;
	json_decref(link);
	return yes;
}

int mark_port(struct plumbing_work *w, const json_t *item, const char *net)
{
	if (!json_is_true(json_object_get(item, "marked")))
		return 0;
	return work_run(w, "ip link set dev %s alias strata:%s:port", item_text(item, "name"),
			net);
}
