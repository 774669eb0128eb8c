/* Links that are made, and how links are looked at: see plumbing_work.h. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/plumbing_work.h"

void mark_of(char mark[64], const char *net)
{
	snprintf(mark, 64, "strata:%s", net);
}

void port_mark_of(char mark[64], const char *net)
{
	snprintf(mark, 64, "strata:%s:port", net);
}

/* ---- looking ---- */

json_t *link_get(const char *name)
{
	json_t *links = netns_links(-1), *link, *found = NULL;
	size_t i;

	json_array_foreach (links, i, link)
		if (!strcmp(item_text(link, "ifname"), name))
			found = json_incref(link);
	json_decref(links);
	return found;
}

const char *link_type(const json_t *link)
{
	return item_text(json_object_get(link, "linkinfo"), "info_kind");
}

bool link_is_up(const json_t *link)
{
	json_t *flag;
	size_t i;

	json_array_foreach (json_object_get(link, "flags"), i, flag)
		if (!strcmp(json_string_value(flag), "UP"))
			return true;
	return false;
}

/* Text of the first address that is not link-local, "" if there is none. */
static void first_address(char text[64], const char *name)
{
	char *out = work_ask("ip -json address show dev %s", name);
	json_t *list = out ? json_loads(out, 0, NULL) : NULL, *address;
	size_t i;

	text[0] = '\0';
	json_array_foreach (json_object_get(json_array_get(list, 0), "addr_info"), i, address)
		if (!text[0] && strcmp(item_text(address, "scope"), "link"))
			snprintf(text, 64, "%s", item_text(address, "local"));
	json_decref(list);
	free(out);
}

static bool has_default_route(const char *name)
{
	char *v4 = work_ask("ip -4 route show default dev %s", name);
	char *v6 = work_ask("ip -6 route show default dev %s", name);
	bool yes = (v4 && *v4) || (v6 && *v6);

	free(v4);
	free(v6);
	return yes;
}

int plumbing_card_is_free(const char *name, const char *what_happens)
{
	char address[64];
	bool route = has_default_route(name);

	first_address(address, name);
	if (!address[0] && !route)
		return 0;
	return err_set("%s carries this host's %s%s: %s; nothing was changed (--force does it "
		       "all the same)",
		       name, address[0] ? "address " : "default route", address, what_happens);
}

/* ---- links of our own ---- */

int link_make(struct plumbing_work *w, const char *name, const char *type, const char *fmt, ...)
{
	char command[400], key[32], mark[64];
	json_t *item, *link = link_get(name);
	va_list ap;

	if (link) {
		json_decref(link);
		return err_set("%s is there already, and was not made here: choose another "
			       "name, or remove it (ip link delete %s)",
			       name, name);
	}
	snprintf(key, sizeof(key), "link:%s", name);
	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	mark_of(mark, w->name);
	item = work_begin(w, json_pack("{s:s,s:s,s:s,s:s}", "kind", "link", "key", key, "name",
				       name, "type", type));
	if (!item || work_run(w, "%s", command) ||
	    work_run(w, "ip link set dev %s alias %s", name, mark))
		return -1;
	link = link_get(name);
	json_object_set(item, "ifindex", json_object_get(link, "ifindex"));
	json_decref(link);
	return work_done(w, item) || work_uses(w, "%s", key) ? -1 : 0;
}

/* Who else is plugged into this bridge; "" if nobody is. */
static void other_port(char name[64], const char *bridge)
{
	json_t *links = netns_links(-1), *link;
	size_t i;

	name[0] = '\0';
	json_array_foreach (links, i, link)
		if (!strcmp(item_text(link, "master"), bridge))
			snprintf(name, 64, "%s", item_text(link, "ifname"));
	json_decref(links);
}

static enum undo_result delete_link(struct plumbing_work *w, const json_t *link)
{
	const char *name = item_text(link, "ifname");
	char port[64];

	if (!strcmp(link_type(link), "bridge")) {
		other_port(port, name);
		if (port[0] && !w->dry_run)
			return work_keep(w, "%s stays: %s is still plugged into it", name,
					 port);
	}
	return work_run(w, "ip link delete dev %s", name) ? UNDO_FAILED : UNDO_GONE;
}

/* Ours: it carries the mark; or it is the one that was being made when we were stopped. */
static bool is_ours(const char *net, const json_t *item, const json_t *link)
{
	const char *alias = item_text(link, "ifalias");
	char mark[64];

	mark_of(mark, net);
	return !strcmp(alias, mark) ||
	       (!item_is_made(item) && !*alias && !*item_text(link, "master") &&
		!link_is_up(link) && !strcmp(link_type(link), item_text(item, "type")));
}

static enum undo_result undo_link(struct plumbing_work *w, const json_t *item)
{
	const char *name = item_text(item, "name");
	const json_t *index = json_object_get(item, "ifindex");
	json_t *link = link_get(name);
	enum undo_result r;

	if (w->dry_run && !link)
		r = UNDO_GONE;
	else if (!link || (index && !json_equal(index, json_object_get(link, "ifindex"))))
		r = UNDO_GONE; /* another one of that name may be there: not ours */
	else if (is_ours(w->name, item, link))
		r = delete_link(w, link);
	else if (item_is_made(item))
		r = work_keep(w,
			      "%s stays: it has lost its mark (alias strata:%s), so it may be "
			      "somebody else's; remove it by hand: ip link delete %s",
			      name, w->name, name);
	else
		r = UNDO_GONE;
	json_decref(link);
	return r;
}

static bool link_there(const char *net, const json_t *item)
{
	json_t *link = link_get(item_text(item, "name"));
	bool yes = link && is_ours(net, item, link);

	json_decref(link);
	return yes;
}

static int mark_link(struct plumbing_work *w, const json_t *item, const char *net)
{
	return work_run(w, "ip link set dev %s alias strata:%s", item_text(item, "name"), net);
}

/* Unplug what carries the mark of a port. */
static int release_port(struct plumbing_work *w, const json_t *link)
{
	const char *name = item_text(link, "ifname");

	if (*item_text(link, "master") && work_run(w, "ip link set dev %s nomaster", name))
		return -1;
	return work_run(w, "ip link set dev %s alias ''", name);
}

/* To every link of that mark, and of that type if one is given. */
static int each_marked(struct plumbing_work *w, const char *mark, const char *type,
		       int (*release)(struct plumbing_work *w, const json_t *link))
{
	json_t *links = netns_links(-1), *link;
	int result = links ? 0 : -1;
	size_t i;

	json_array_foreach (links, i, link)
		if (!result && !strcmp(item_text(link, "ifalias"), mark) &&
		    (!type || !strcmp(link_type(link), type)))
			result = release(w, link);
	json_decref(links);
	return result;
}

static int sweep_link(struct plumbing_work *w, const json_t *link)
{
	return delete_link(w, link) == UNDO_FAILED ? -1 : 0;
}

/* Taps before what they stand on, bridges last. */
int link_sweep(struct plumbing_work *w)
{
	char mark[64], port_mark[64];

	mark_of(mark, w->name);
	port_mark_of(port_mark, w->name);
	return each_marked(w, mark, "tun", sweep_link) ||
			       each_marked(w, mark, "macvtap", sweep_link) ||
			       each_marked(w, mark, "vlan", sweep_link) ||
			       each_marked(w, port_mark, NULL, release_port) ||
			       each_marked(w, mark, "bridge", sweep_link)
		       ? -1
		       : 0;
}

const struct plumbing_kind plumbing_kinds_link[] = {
	{"link", undo_link, link_there, mark_link}, {"up", undo_up, NULL, NULL},
	{"port", undo_port, port_there, mark_port}, {"vlan", undo_vlan, NULL, NULL},
	{"filter", undo_filter, NULL, NULL},        {NULL, NULL, NULL, NULL},
};
