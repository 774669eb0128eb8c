/* Links and the devices that they become: see topology_links.h. */
#include "tracer/topology_links.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "lib/err.h"
#include "lib/netns.h"

json_t *link_find(json_t *links, const char *name, json_int_t ifindex)
{
	json_t *link;
	size_t i;

	json_array_foreach (links, i, link) {
		const char *n = json_string_value(json_object_get(link, "ifname"));
		json_int_t x = json_integer_value(json_object_get(link, "ifindex"));

		if (name ? n && !strcmp(n, name) : x == ifindex)
			return link;
	}
	return NULL;
}

const char *link_text(const json_t *link, const char *key)
{
	const char *s = json_string_value(json_object_get(link, key));

	return s ? s : "";
}

const char *link_kind(const json_t *link)
{
	return link_text(json_object_get(link, "linkinfo"), "info_kind");
}

const char *link_slave_kind(const json_t *link)
{
	return link_text(json_object_get(link, "linkinfo"), "info_slave_kind");
}

json_t *link_below(json_t *links, json_t *link)
{
	json_t *lower = link;

	while (!strcmp(link_kind(link), "vlan") && *link_text(link, "link") &&
	       !json_object_get(link, "link_netnsid") &&
	       (lower = link_find(links, link_text(link, "link"), 0)) && lower != link)
		link = lower;
	return link;
}

static bool known(const struct topology *t, uint32_t inode, uint32_t ifindex)
{
	for (unsigned int i = 0; i < t->device_count; i++)
		if (t->devices[i].ifindex == ifindex &&
		    netns_inode(t->devices[i].netns_fd) == inode)
			return true;
	return false;
}

int topology_add_link(struct topology *t, int netns_fd, const json_t *link,
		      enum device_role role, uint8_t vm)
{
	uint32_t ifindex = (uint32_t)json_integer_value(json_object_get(link, "ifindex"));
	struct topology_device *d = &t->devices[t->device_count];

	if (known(t, netns_inode(netns_fd), ifindex))
		return 0;
	if (t->device_count == TOPOLOGY_DEVICES_MAX)
		return err_set("at most %d network devices can be traced at once",
			       TOPOLOGY_DEVICES_MAX);
	d->netns_fd = fcntl(netns_fd, F_DUPFD_CLOEXEC, 3);
	if (d->netns_fd < 0)
		return err_errno("keep a network namespace open");
	snprintf(d->name, sizeof(d->name), "%s", link_text(link, "ifname"));
	d->role = role;
	d->ifindex = ifindex;
	d->vm = vm;
	d->bridged = !strcmp(link_slave_kind(link), "bridge");
	d->ovs = !strcmp(link_slave_kind(link), "openvswitch");
	t->device_count++;
	return 0;
}
