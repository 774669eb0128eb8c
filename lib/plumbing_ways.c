/* The ways to a switch: what each makes, in which order. See plumbing_work.h. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/plumbing_work.h"

int make_tap(struct plumbing_work *w, const struct plumbing *p)
{
	return link_make(w, p->tap, "tun", "ip tuntap add dev %s mode tap vnet_hdr%s%s%s",
			 p->tap, p->queues > 1 ? " multi_queue" : "", p->user ? " user " : "",
			 p->user ? p->user : "");
}

static int look_at_uplink(const char *uplink)
{
	json_t *link = uplink ? link_get(uplink) : NULL;

	if (uplink && !link)
		return err_set("there is no network device %s; \"ip link\" lists them", uplink);
	json_decref(link);
	return 0;
}

int way_none(struct plumbing_work *w, const struct plumbing *p)
{
	return make_tap(w, p) || work_run(w, "ip link set dev %s up", p->tap) ? -1 : 0;
}

/* ---- Linux bridge ---- */

/* 1: it is there, 0: it is to be made, -1 with a sentence. */
static int look_at_bridge(const struct plumbing *p, int *default_vlan)
{
	json_t *link = link_get(p->bridge), *data;
	bool wrong, unfiltered;

	*default_vlan = 1;
	if (!link)
		return 0;
	data = json_object_get(json_object_get(link, "linkinfo"), "info_data");
	wrong = strcmp(link_type(link), "bridge");
	unfiltered = !json_integer_value(json_object_get(data, "vlan_filtering"));
	if (json_object_get(data, "vlan_default_pvid"))
		*default_vlan =
			(int)json_integer_value(json_object_get(data, "vlan_default_pvid"));
	json_decref(link);
	if (wrong)
		return err_set("%s is there already and is no bridge", p->bridge);
	if (p->vlan && unfiltered && !p->force)
		return err_set("the bridge %s does not tell VLANs apart, and making it do so "
			       "changes what its other ports may send: "
			       "\"ip link set %s type bridge vlan_filtering 1\" does it for "
			       "good, --force until \"strata net down\"",
			       p->bridge, p->bridge);
	return 1;
}

static bool is_port_of(const char *name, const char *bridge)
{
	json_t *link = link_get(name);
	bool yes = !strcmp(item_text(link, "master"), bridge);

	json_decref(link);
	return yes;
}

/* The guest's frames are untagged on its side, tagged on the wire. */
static int tag_tap(struct plumbing_work *w, const struct plumbing *p, int default_vlan)
{
	if (p->uplink && link_vlan(w, p->uplink, p->vlan))
		return -1;
	if (work_run(w, "bridge vlan add dev %s vid %d pvid untagged", p->tap, p->vlan))
		return -1;
	if (!default_vlan || default_vlan == p->vlan)
		return 0;
	return work_run(w, "bridge vlan delete dev %s vid %d", p->tap, default_vlan);
}

int way_bridge(struct plumbing_work *w, const struct plumbing *p)
{
	int default_vlan, there = look_at_bridge(p, &default_vlan);

	if (there < 0 || look_at_uplink(p->uplink))
		return -1;
	if (p->uplink && !p->force && !is_port_of(p->uplink, p->bridge) &&
	    plumbing_card_is_free(
		    p->uplink,
		    "as a port of a bridge it would no longer be reached under that; "
		    "move it to the bridge first, or use --switch macvtap, which leaves "
		    "the uplink as it is"))
		return -1;
	if (there)
		work_say(w, "the bridge %s is there already and is used as it is", p->bridge);
	if (there ? work_uses(w, "link:%s", p->bridge)
		  : link_make(w, p->bridge, "bridge", "ip link add name %s type bridge%s",
			      p->bridge, p->vlan ? " vlan_filtering 1" : "") ||
			    work_run(w, "ip link set dev %s up", p->bridge))
		return -1;
	if ((there && p->vlan && link_filter(w, p->bridge)) ||
	    (p->uplink && link_plug(w, p->uplink, p->bridge)))
		return -1;
	if (make_tap(w, p) || work_run(w, "ip link set dev %s master %s", p->tap, p->bridge) ||
	    (p->vlan && tag_tap(w, p, default_vlan)))
		return -1;
	return work_run(w, "ip link set dev %s up", p->tap);
}

/* ---- macvtap ---- */

/* The device that carries the VLAN's frames: eth1.100, made if it is not there. */
static int make_vlan_device(struct plumbing_work *w, const struct plumbing *p, char lower[16])
{
	json_t *link;

	if (snprintf(lower, 16, "%.15s.%d", p->uplink, p->vlan) >= 16)
		return err_set("%s.%d is too long for a device's name (15 letters)", p->uplink,
			       p->vlan);
	link = link_get(lower);
	if (link) {
		json_decref(link);
		work_say(w, "%s is there already and is used as it is", lower);
		return work_uses(w, "link:%s", lower);
	}
	return link_make(w, lower, "vlan", "ip link add link %s name %s type vlan id %d",
			 p->uplink, lower, p->vlan) ||
			       work_run(w, "ip link set dev %s up", lower)
		       ? -1
		       : 0;
}

/* Who may open it is the device node's affair: it is named after the link's number. */
static int give_node(struct plumbing_work *w, const struct plumbing *p)
{
	json_t *link = link_get(p->tap);
	char node[64];

	if (link)
		snprintf(node, sizeof(node), "/dev/tap%lld",
			 json_integer_value(json_object_get(link, "ifindex")));
	else
		snprintf(node, sizeof(node), "/dev/tap$(cat /sys/class/net/%s/ifindex)",
			 p->tap);
	json_decref(link);
	if (!w->dry_run && access(node, F_OK))
		return err_errno("%s, the node that %s is opened by (is /dev a devtmpfs?)",
				 node, p->tap);
	return p->user ? work_run(w, "chown %s %s", p->user, node) : 0;
}

int way_macvtap(struct plumbing_work *w, const struct plumbing *p)
{
	char lower[16];

	if (look_at_uplink(p->uplink) || link_up(w, p->uplink))
		return -1;
	snprintf(lower, sizeof(lower), "%s", p->uplink);
	if (p->vlan && make_vlan_device(w, p, lower))
		return -1;
	if (link_make(w, p->tap, "macvtap",
		      "ip link add link %s name %s%s%s numrxqueues %d numtxqueues %d type "
		      "macvtap mode %s",
		      lower, p->tap, p->mac ? " address " : "", p->mac ? p->mac : "", p->queues,
		      p->queues, p->mode) ||
	    work_run(w, "ip link set dev %s up", p->tap))
		return -1;
	return give_node(w, p);
}
