/* Topology: devices, their bridge, and what a recording says of them. See topology.h. */
#include "tracer/topology.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/threads.h"
#include "tracer/process.h"
#include "tracer/topology_links.h"

static const char *const role_names[ROLE_COUNT] = {
	[ROLE_NONE] = "none", [ROLE_CLIENT] = "client",   [ROLE_UPLINK] = "uplink",
	[ROLE_PORT] = "port", [ROLE_SERVER] = "server",   [ROLE_BARE] = "bare",
	[ROLE_OWN] = "own",   [ROLE_MACVTAP] = "macvtap", [ROLE_PEER] = "port"};

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

int topology_add_device(struct topology *t, int netns_fd, const char *name,
			enum device_role role, uint8_t vm)
{
	json_t *links = netns_links(netns_fd), *link;
	int result;

	if (!links)
		return -1;
	link = link_find(links, name, 0);
	t->uplink_given |= role == ROLE_UPLINK;
	result = link ? topology_add_link(t, netns_fd, link_below(links, link), role, vm)
		      : err_set("there is no network device %s in that namespace; \"ip link\" "
				"lists them",
				name);
	json_decref(links);
	return result;
}

static bool leads_to(const json_t *link, int netns_id)
{
	json_t *id = json_object_get(link, "link_netnsid");

	return json_is_integer(id) && json_integer_value(id) == netns_id;
}

/* The veth in the server's namespace, and its peer here, which is the bridge's port. */
static int add_veth(struct topology *t, int server_fd, int here_fd, json_t *inside,
		    json_t *outside)
{
	int id = netns_id(server_fd);
	json_t *link, *peer;
	size_t i;

	json_array_foreach (inside, i, link) {
		if (strcmp(link_kind(link), "veth"))
			continue;
		peer = link_find(outside, NULL,
				 json_integer_value(json_object_get(link, "link_index")));
		if (!peer || !leads_to(peer, id))
			continue;
		if (topology_add_link(t, server_fd, link, ROLE_SERVER, 0) ||
		    topology_add_link(t, here_fd, peer, ROLE_PORT, 0))
			return -1;
		return t->uplink_given ? 0 : topology_add_switch_of(t, here_fd, outside, peer);
	}
	return err_set("the server's network namespace has no veth whose other end is here");
}

/* nginx has places for uprobes; what else serves has not. */
static void name_binary(struct topology *t, pid_t pid)
{
	char name[17];

	threads_name(pid, name, sizeof(name));
	if (!strcmp(name, "nginx"))
		snprintf(t->nginx_path, sizeof(t->nginx_path), "/proc/%d/exe", pid);
}

int topology_add_server(struct topology *t, pid_t server_pid)
{
	int server = netns_of_pid(server_pid), here = netns_of_pid(0), result = -1;
	json_t *inside = NULL, *outside = NULL;

	if (server < 0 || here < 0)
		goto out;
	name_binary(t, server_pid);
	if (topology_find(t, ROLE_BARE)) {
		result = 0;
		goto out;
	}
	if (netns_inode(server) == netns_inode(here)) {
		result = topology_add_bare(t);
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
