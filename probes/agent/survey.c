/* What there is to trace on this machine, and what the host asks for. */
#include "probes/agent/survey.h"

#include <jansson.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/threads.h"
#include "probes/irqs.h"

#define RING_BYTES_PER_CPU (1u << 20) /* the agent empties them every few milliseconds */

static int read_ports(struct probes_config *c, const json_t *ports)
{
	size_t i;
	const json_t *port;

	if (!json_is_array(ports))
		return err_set("the request names no \"ports\"");
	if (!json_array_size(ports) || json_array_size(ports) > PROBES_PORTS_MAX)
		return err_set("the request names %zu ports; 1 to %d are possible",
			       json_array_size(ports), PROBES_PORTS_MAX);
	json_array_foreach (ports, i, port) {
		json_int_t value = json_integer_value(port);

		if (value < 1 || value > 65535)
			return err_set("the request's ports[%zu] is no TCP port", i);
		c->ports[c->port_count++] = (uint16_t)value;
	}
	return 0;
}

int survey_request(struct survey *s, const char *json)
{
	struct probes_config *c = &s->config;
	json_error_t error;
	json_t *root = json_loads(json, 0, &error);
	json_int_t domain, vm;
	int err;

	memset(s, 0, sizeof(*s));
	if (!root)
		return err_set("the request is no JSON: %s", error.text);
	domain = json_integer_value(json_object_get(root, "domain"));
	vm = json_integer_value(json_object_get(root, "vm"));
	c->server_netns_fd = c->wire_netns_fd = -1;
	c->wire_device = ~0u;
	c->ring_bytes = RING_BYTES_PER_CPU;
	c->stats = json_is_true(json_object_get(root, "stats"));
	c->sample = (unsigned int)json_integer_value(json_object_get(root, "sample"));
	c->no_uprobes = json_is_true(json_object_get(root, "no_uprobes"));
	c->uprobe_limit =
		(unsigned int)json_integer_value(json_object_get(root, "uprobe_limit"));
	c->no_fentry = json_is_true(json_object_get(root, "no_fentry"));
	s->own_device = json_is_true(json_object_get(root, "own_device"));
	s->capture = json_is_true(json_object_get(root, "capture"));
	c->clients = json_is_true(json_object_get(root, "clients"));
	s->wire = json_is_true(json_object_get(root, "wire"));
	c->domain = (uint8_t)domain;
	err = read_ports(c, json_object_get(root, "ports"));
	if (!err && json_object_get(root, "filter"))
		err = flow_filter_from_json(&c->filter, json_object_get(root, "filter"));
	if (!err && (domain < 1 || domain > 255 || vm < 0 || vm > 255))
		err = err_set("the request's domain is %d (1 to 255 are possible), its vm %d",
			      (int)domain, (int)vm);
	for (unsigned int i = 0; i < PROBES_DEVICES_MAX; i++)
		c->devices[i].vm = (uint8_t)vm;
	json_decref(root);
	return err;
}

static bool is_physical(const char *ifname)
{
	char path[64];

	snprintf(path, sizeof(path), "/sys/class/net/%.15s/device", ifname);
	return !access(path, F_OK);
}

/* Passed through to this guest, if that was asked for: then it is no virtual one. */
static bool is_own(const struct survey *s, const char *ifname)
{
	char bus_name[32];

	irqs_bus_name(ifname, bus_name, sizeof(bus_name));
	return s->own_device && is_physical(ifname) && !bus_name[0];
}

static void add_device(struct survey *s, const char *ifname, unsigned int netns)
{
	struct probes_config *c = &s->config;
	struct probes_device *d = &c->devices[c->device_count];

	if (c->device_count == PROBES_DEVICES_MAX)
		return;
	d->ifindex = if_nametoindex(ifname);
	d->netns = netns;
	d->role = is_own(s, ifname) ? ROLE_OWN : ROLE_SERVER;
	snprintf(d->name, sizeof(d->name), "%.15s", ifname);
	c->device_count++;
}

static void choose_wire(struct survey *s)
{
	struct probes_config *c = &s->config;

	for (unsigned int i = 0; s->wire && i < c->device_count; i++)
		if (c->wire_device == ~0u && c->devices[i].role == ROLE_OWN)
			c->wire_device = i;
}

int survey_devices(struct survey *s)
{
	struct if_nameindex *all = if_nameindex();
	struct stat st;

	if (!all)
		return err_errno("cannot list the network devices");
	if (stat("/proc/self/ns/net", &st)) {
		if_freenameindex(all);
		return err_errno("cannot name this network namespace; is /proc mounted?");
	}
	for (int physical = 1; physical >= 0 && !s->config.device_count; physical--)
		for (struct if_nameindex *i = all; i->if_index; i++)
			if (strcmp(i->if_name, "lo") && (!physical || is_physical(i->if_name)))
				add_device(s, i->if_name, (unsigned int)st.st_ino);
	if_freenameindex(all);
	choose_wire(s);
	return s->config.device_count ? 0 : err_set("there is no network device but loopback");
}

/* In this network namespace: others' nginx, in containers, are not ours to trace. */
static bool take_nginx(void *ctx, pid_t id, const char *name)
{
	struct survey *s = ctx;
	char path[64];
	struct stat st;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", id);
	if (strcmp(name, "nginx") != 0 || stat(path, &st) ||
	    st.st_ino != s->config.devices[0].netns)
		return true;
	snprintf(s->nginx_exe, sizeof(s->nginx_exe), "/proc/%d/exe", id);
	n = readlink(s->nginx_exe, s->nginx_path, sizeof(s->nginx_path) - 1);
	if (n < 0) { /* it ended meanwhile */
		s->nginx_exe[0] = '\0';
		return true;
	}
	s->nginx_path[n] = '\0';
	return false;
}

void survey_nginx(struct survey *s)
{
	s->nginx_exe[0] = s->nginx_path[0] = '\0';
	threads_each("/proc", take_nginx, s);
	s->config.nginx_path = s->nginx_exe[0] ? s->nginx_exe : NULL;
}
