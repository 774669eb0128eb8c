/* Topology: devices, their bridge, and what a recording says of them. See topology.h. */
#include "tracer/topology.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"

static const char *const role_names[ROLE_COUNT] = {"none", "client", "uplink",
						   "port", "server", "bare"};

void topology_init(struct topology *t)
{
	memset(t, 0, sizeof(*t));
	t->place = PLACE_BARE;
	snprintf(t->mode, sizeof(t->mode), "bare");
	snprintf(t->switch_kind, sizeof(t->switch_kind), "none");
}

void topology_free(struct topology *t)
{
	for (unsigned int i = 0; i < t->device_count; i++)
		close(t->devices[i].netns_fd);
	t->device_count = 0;
}

int topology_add_port(struct topology *t, uint16_t port)
{
	if (t->port_count == PROBES_PORTS_MAX)
		return err_set("at most %d server ports can be traced at once",
			       PROBES_PORTS_MAX);
	t->ports[t->port_count++] = port;
	return 0;
}

/* The link with that value under that key, borrowed; NULL if there is none. */
static json_t *link_find(json_t *links, const char *name, json_int_t ifindex)
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

static const char *link_text(const json_t *link, const char *key)
{
	const char *s = json_string_value(json_object_get(link, key));

	return s ? s : "";
}

static const char *link_kind(const json_t *link)
{
	return link_text(json_object_get(link, "linkinfo"), "info_kind");
}

static bool known(const struct topology *t, uint32_t inode, uint32_t ifindex)
{
	for (unsigned int i = 0; i < t->device_count; i++)
		if (t->devices[i].ifindex == ifindex &&
		    netns_inode(t->devices[i].netns_fd) == inode)
			return true;
	return false;
}

static int add_link(struct topology *t, int netns_fd, const json_t *link, enum device_role role,
		    uint8_t vm)
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
	d->bridged = !strcmp(link_text(json_object_get(link, "linkinfo"), "info_slave_kind"),
			     "bridge");
	t->device_count++;
	return 0;
}

int topology_add_device(struct topology *t, int netns_fd, const char *name,
			enum device_role role, uint8_t vm)
{
	json_t *links = netns_links(netns_fd), *link;
	int result;

	if (!links)
		return -1;
	link = link_find(links, name, 0);
	result = link ? add_link(t, netns_fd, link, role, vm)
		      : err_set("there is no network device %s in that namespace; \"ip link\" "
				"lists them",
				name);
	json_decref(links);
	return result;
}

/* A port's bridge, and the bridge's other members that lead outside, as uplinks. */
static int add_bridge_of(struct topology *t, int netns_fd, json_t *links, const json_t *port)
{
	const char *master = link_text(port, "master");
	json_t *link;
	size_t i;

	if (!*master)
		return err_set("%s is plugged into no bridge; give the uplink with --uplink",
			       link_text(port, "ifname"));
	snprintf(t->switch_kind, sizeof(t->switch_kind), "%s", "bridge");
	json_array_foreach (links, i, link) {
		if (link == port || strcmp(link_text(link, "master"), master) ||
		    !strcmp(link_kind(link), "tun"))
			continue;
		if (add_link(t, netns_fd, link, ROLE_UPLINK, 0))
			return -1;
	}
	return 0;
}

int topology_add_switch_port(struct topology *t, int netns_fd, const char *name, uint8_t vm)
{
	json_t *links = netns_links(netns_fd), *link;
	int result;

	if (!links)
		return -1;
	link = link_find(links, name, 0);
	if (!link)
		result = err_set(
			"there is no network device %s beside the VMM; is its tap gone?", name);
	else if (!(result = add_link(t, netns_fd, link, ROLE_PORT, vm)))
		result = topology_find(t, ROLE_UPLINK)
				 ? 0
				 : add_bridge_of(t, netns_fd, links, link);
	json_decref(links);
	return result;
}

/* The veth in the server's namespace, and its peer here, which is the bridge's port. */
static int add_veth(struct topology *t, int server_fd, int here_fd, json_t *inside,
		    json_t *outside)
{
	json_t *link, *peer;
	size_t i;

	json_array_foreach (inside, i, link) {
		if (strcmp(link_kind(link), "veth"))
			continue;
		peer = link_find(outside, NULL,
				 json_integer_value(json_object_get(link, "link_index")));
		if (!peer)
			continue;
		if (add_link(t, server_fd, link, ROLE_SERVER, 0) ||
		    add_link(t, here_fd, peer, ROLE_PORT, 0))
			return -1;
		return topology_find(t, ROLE_UPLINK) ? 0
						     : add_bridge_of(t, here_fd, outside, peer);
	}
	return err_set("the server's network namespace has no veth whose other end is here");
}

int topology_add_server(struct topology *t, pid_t server_pid)
{
	int server = netns_of_pid(server_pid), here = netns_of_pid(0), result = -1;
	json_t *inside = NULL, *outside = NULL;

	if (server < 0 || here < 0)
		goto out;
	snprintf(t->nginx_path, sizeof(t->nginx_path), "/proc/%d/exe", server_pid);
	if (topology_find(t, ROLE_BARE)) {
		result = 0;
		goto out;
	}
	if (netns_inode(server) == netns_inode(here)) {
		err_set("process %d runs in our own network namespace: name the device that it "
			"uses with --bare DEVICE",
			server_pid);
		goto out;
	}
	t->place = PLACE_CONTAINER;
	snprintf(t->mode, sizeof(t->mode), "container");
	inside = netns_links(server);
	outside = netns_links(here);
	if (inside && outside)
		result = add_veth(t, server, here, inside, outside);
out:
	json_decref(inside);
	json_decref(outside);
	if (server >= 0)
		close(server);
	if (here >= 0)
		close(here);
	return result;
}

const struct topology_device *topology_find(const struct topology *t, enum device_role role)
{
	for (unsigned int i = 0; i < t->device_count; i++)
		if (t->devices[i].role == role)
			return &t->devices[i];
	return NULL;
}

static json_t *devices_meta(const struct topology *t)
{
	json_t *list = json_array();

	for (unsigned int i = 0; i < t->device_count; i++) {
		const struct topology_device *d = &t->devices[i];

		json_array_append_new(list, json_pack("{s:i,s:s,s:s,s:i}", "index", (int)i + 1,
						      "name", d->name, "role",
						      role_names[d->role], "vm", d->vm));
	}
	return list;
}

static json_t *domains_meta(const struct topology *t)
{
	json_t *list = json_array();

	json_array_append_new(list, json_pack("{s:i,s:s}", "domain", 0, "name", "host"));
	for (unsigned int i = 0; i < t->vm_count; i++) {
		const struct topology_vm *vm = &t->vms[i];
		char name[48], offset[32];

		snprintf(name, sizeof(name), "guest:%s", vm->name);
		snprintf(offset, sizeof(offset), "%lld", (long long)vm->tsc_offset);
		json_array_append_new(list,
				      json_pack("{s:i,s:s,s:i,s:s,s:f}", "domain", (int)i + 1,
						"name", name, "vm", vm->probes.vm, "tsc_offset",
						offset, "tsc_ratio", vm->tsc_ratio));
	}
	return list;
}

json_t *topology_meta(const struct topology *t)
{
	json_t *ports = json_array();

	for (unsigned int i = 0; i < t->port_count; i++)
		json_array_append_new(ports, json_integer(t->ports[i]));
	return json_pack("{s:s,s:s,s:s,s:o,s:o,s:o}", "mode", t->mode, "switch", t->switch_kind,
			 "place", place_name(t->place), "server_ports", ports, "devices",
			 devices_meta(t), "domains", domains_meta(t));
}
