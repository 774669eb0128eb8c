/* VLANs on a Linux bridge: see plumbing_work.h. */
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/plumbing_work.h"

static const json_t *bridge_data(const json_t *link)
{
	return json_object_get(json_object_get(link, "linkinfo"), "info_data");
}

int link_filter(struct plumbing_work *w, const char *bridge)
{
	json_t *link = link_get(bridge), *item;
	bool on = json_integer_value(json_object_get(bridge_data(link), "vlan_filtering"));

	json_decref(link);
	if (work_uses(w, "filter:%s", bridge) || on)
		return on ? 0 : -1;
	item = work_begin(w, json_pack("{s:s,s:s+,s:s}", "kind", "filter", "key",
				       "filter:", bridge, "name", bridge));
	if (!item || work_run(w, "ip link set dev %s type bridge vlan_filtering 1", bridge))
		return -1;
	return work_done(w, item);
}

enum undo_result undo_filter(struct plumbing_work *w, const json_t *item)
{
	const char *bridge = item_text(item, "name");
	json_t *link = link_get(bridge);
	bool on = json_integer_value(json_object_get(bridge_data(link), "vlan_filtering"));

	json_decref(link);
	return on && work_run(w, "ip link set dev %s type bridge vlan_filtering 0", bridge)
		       ? UNDO_FAILED
		       : UNDO_GONE;
}

/* Is that VLAN allowed on that port? Rows of "bridge vlan" are numbers or ranges. */
static bool port_has_vlan(const char *port, int vlan)
{
	char *out = work_ask("bridge -json vlan show dev %s", port);
	json_t *list = out ? json_loads(out, 0, NULL) : NULL, *row;
	bool yes = false;
	size_t i;

	json_array_foreach (json_object_get(json_array_get(list, 0), "vlans"), i, row) {
		json_int_t from = json_integer_value(json_object_get(row, "vlan"));
		json_int_t to = json_integer_value(json_object_get(row, "vlanEnd"));

		yes = yes || (vlan >= from && vlan <= (to ? to : from));
	}
	json_decref(list);
	free(out);
	return yes;
}

int link_vlan(struct plumbing_work *w, const char *uplink, int vlan)
{
	char key[48];
	json_t *item;

	snprintf(key, sizeof(key), "vlan:%s:%d", uplink, vlan);
	if (work_uses(w, "%s", key))
		return -1;
	if (port_has_vlan(uplink, vlan))
		return 0;
	item = work_begin(w, json_pack("{s:s,s:s,s:s,s:i}", "kind", "vlan", "key", key, "name",
				       uplink, "vlan", vlan));
	if (!item || work_run(w, "bridge vlan add dev %s vid %d", uplink, vlan))
		return -1;
	return work_done(w, item);
}

enum undo_result undo_vlan(struct plumbing_work *w, const json_t *item)
{
	const char *port = item_text(item, "name");
	int vlan = (int)json_integer_value(json_object_get(item, "vlan"));
	json_t *link = link_get(port);
	bool plugged = *item_text(link, "master");

	json_decref(link);
	return plugged && port_has_vlan(port, vlan) &&
			       work_run(w, "bridge vlan delete dev %s vid %d", port, vlan)
		       ? UNDO_FAILED
		       : UNDO_GONE;
}
