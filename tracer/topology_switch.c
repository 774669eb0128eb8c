/* From a port to its vSwitch: a Linux bridge, Open vSwitch, or none but a macvtap's card. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/proc.h"
#include "tracer/topology_links.h"

#define OVS_MS 10000

/* Which bridge of Open vSwitch a device is plugged into: the kernel knows only that it is some
 * one's. "" if ovs-vsctl does not say. */
static void ovs_bridge_of(const char *device, char *bridge, size_t bytes)
{
	const char *argv[] = {"ovs-vsctl", "--timeout=5", "iface-to-br", device, NULL};
	char *text = NULL;

	bridge[0] = '\0';
	if (proc_run(argv, NULL, OVS_MS, &text))
		return;
	snprintf(bridge, bytes, "%.*s", (int)strcspn(text, "\n"), text);
	free(text);
}

static bool same_bridge(const json_t *port, const json_t *link, bool ovs)
{
	char a[32], b[32];

	if (strcmp(link_text(port, "master"), link_text(link, "master")))
		return false;
	if (!ovs)
		return true;
	ovs_bridge_of(link_text(port, "ifname"), a, sizeof(a));
	ovs_bridge_of(link_text(link, "ifname"), b, sizeof(b));
	return !strcmp(a, b);
}

static int add_uplink(struct topology *t, int netns_fd, json_t *links, json_t *link)
{
	unsigned int before = t->device_count;

	if (topology_add_link(t, netns_fd, link_below(links, link), ROLE_UPLINK, 0))
		return -1;
	if (t->device_count > before) /* a VLAN of it is plugged in, if it is not itself */
		t->devices[before].bridged = !strcmp(link_slave_kind(link), "bridge");
	return 0;
}

int topology_add_switch_of(struct topology *t, int netns_fd, json_t *links, const json_t *port)
{
	bool ovs = !strcmp(link_slave_kind(port), "openvswitch");
	json_t *link;
	size_t i;

	if (!*link_text(port, "master"))
		return err_set("%s is plugged into no bridge; give the uplink with --uplink",
			       link_text(port, "ifname"));
	snprintf(t->switch_kind, sizeof(t->switch_kind), "%s", ovs ? "openvswitch" : "bridge");
	json_array_foreach (links, i, link) {
		if (link == port || !strcmp(link_kind(link), "tun") ||
		    !same_bridge(port, link, ovs))
			continue;
		if (add_uplink(t, netns_fd, links, link))
			return -1;
	}
	return 0;
}

/* A macvtap has no vSwitch but the device below it. */
static int add_lower_of(struct topology *t, int netns_fd, json_t *links, const json_t *macvtap)
{
	const char *lower = link_text(macvtap, "link");
	json_t *link = *lower ? link_find(links, lower, 0) : NULL;

	snprintf(t->switch_kind, sizeof(t->switch_kind), "macvtap");
	if (t->uplink_given)
		return 0;
	if (!link)
		return err_set("the device below %s is not in its network namespace; give it "
			       "with --uplink",
			       link_text(macvtap, "ifname"));
	return add_uplink(t, netns_fd, links, link);
}

static int add_port(struct topology *t, int netns_fd, json_t *links, const json_t *link,
		    uint8_t vm)
{
	bool macvtap = !strcmp(link_kind(link), "macvtap");

	if (topology_add_link(t, netns_fd, link, macvtap ? ROLE_MACVTAP : ROLE_PORT, vm))
		return -1;
	if (macvtap)
		return add_lower_of(t, netns_fd, links, link);
	return t->uplink_given ? 0 : topology_add_switch_of(t, netns_fd, links, link);
}

int topology_add_switch_port(struct topology *t, int netns_fd, const char *name, uint8_t vm)
{
	json_t *links = netns_links(netns_fd), *link;
	int result;

	if (!links)
		return -1;
	link = link_find(links, name, 0);
	if (link)
		result = add_port(t, netns_fd, links, link, vm);
	else
		result = err_set(
			"there is no network device %s beside the VMM; is its tap gone?", name);
	json_decref(links);
	return result;
}
