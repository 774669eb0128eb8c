/* What a session asks of those who mark events: the probes in this kernel, agents in guests,
 * VMMs. */
#include <stdio.h>
#include <string.h>

#include "lib/netns.h"
#include "tracer/session_state.h"

#define GUEST_TIMEOUT_MS 60000
#define STOP_TIMEOUT_MS  10000

/* Where requests are looked for: at the host's NIC; where the VM has one of its own, no frame
 * passes here but at the client. If the client is elsewhere, too, the guest has to look. */
static bool is_wire(const struct topology *t, enum device_role role)
{
	return t->place == PLACE_PASSTHROUGH ? role == ROLE_CLIENT
					     : role == ROLE_UPLINK || role == ROLE_BARE;
}

/* Of several VMs one may ask another. */
static bool may_ask(const struct topology *t)
{
	unsigned int servers = 0;

	for (unsigned int i = 0; i < t->vm_count; i++)
		servers += !t->vms[i].bystander;
	return servers > 1;
}

static enum device_role role_in(const struct topology *t, const struct topology_device *d)
{
	return d->role == ROLE_PORT && d->vm && may_ask(t) ? ROLE_PEER : d->role;
}

void session_config(const struct session *s, struct probes_config *c)
{
	const struct topology *t = &s->topology;

	memset(c, 0, sizeof(*c));
	c->server_netns_fd = -1;
	c->wire_netns_fd = -1;
	c->wire_device = ~0u;
	c->nginx_path = t->nginx_path[0] ? t->nginx_path : NULL;
	c->no_fentry = s->options.no_fentry;
	c->no_uprobes = s->options.no_uprobes;
	c->uprobe_limit = s->options.uprobe_limit;
	c->stats = s->options.stats;
	c->sample = s->filter.sample;
	c->filter = s->filter.flows;
	c->port_count = t->port_count;
	memcpy(c->ports, t->ports, sizeof(t->ports));
	for (unsigned int i = 0; i < t->device_count; i++) {
		const struct topology_device *d = &t->devices[i];
		struct probes_device *p = &c->devices[c->device_count++];

		*p = (struct probes_device){.ifindex = d->ifindex,
					    .netns = netns_inode(d->netns_fd),
					    .role = role_in(t, d),
					    .index = (uint8_t)(i + 1),
					    .vm = d->vm,
					    .bridged = d->bridged,
					    .ovs = d->ovs,
					    .netns_fd = d->netns_fd};
		p->wire = is_wire(t, p->role) || p->role == ROLE_PEER;
		snprintf(p->name, sizeof(p->name), "%s", d->name);
		if (c->wire_device == ~0u && is_wire(t, d->role)) {
			c->wire_device = i;
			c->wire_netns_fd = d->netns_fd;
		}
		if (d->role == ROLE_SERVER)
			c->server_netns_fd = d->netns_fd;
	}
	for (unsigned int i = 0; i < t->vm_count; i++)
		c->vms[c->vm_count++] = t->vms[i].probes;
}

/* Open and start the ring of a VM's agent and that of its VMM. */
static int start_vm(struct session *s, unsigned int index)
{
	const struct topology_vm *vm = &s->topology.vms[index];
	struct source *agent = &s->sources[s->source_count], *vmm;
	json_t *request, *filter, *ports = json_array();
	int result = -1;

	for (unsigned int i = 0; i < s->topology.port_count; i++)
		json_array_append_new(ports, json_integer(s->topology.ports[i]));
	request = json_pack("{s:o,s:b,s:b,s:i,s:i,s:i,s:i,s:b,s:b,s:b,s:b,s:b}", "ports", ports,
			    "capture", s->options.pcap, "clients", may_ask(&s->topology),
			    "domain", (int)index + 1, "vm", vm->probes.vm, "sample",
			    (int)s->filter.sample, "uprobe_limit", (int)s->options.uprobe_limit,
			    "stats", s->options.stats, "no_uprobes", s->options.no_uprobes,
			    "no_fentry", s->options.no_fentry, "own_device",
			    s->topology.place == PLACE_PASSTHROUGH, "wire",
			    s->topology.place == PLACE_PASSTHROUGH &&
				    !topology_find(&s->topology, ROLE_CLIENT));
	filter = flow_filter_json(&s->filter.flows);
	if (filter)
		json_object_set_new(request, "filter", filter);
	if (vm->agent[0]) {
		snprintf(agent->name, sizeof(agent->name), "the agent in VM %s", vm->name);
		agent->domain = (uint8_t)(index + 1);
		agent->vm = vm->probes.vm;
		agent->stage = LOST_GUEST_PROBES;
		agent->has_clock = true;
		if (source_open(agent, vm->agent, GUEST_TIMEOUT_MS))
			goto out;
		agent->on_wire = session_look_at_wire;
		agent->ctx = s;
		source_start(agent, request);
		s->source_count++;
	}
	if (vm->ring_path[0]) {
		vmm = &s->sources[s->source_count];
		snprintf(vmm->name, sizeof(vmm->name), "the VMM of VM %s", vm->name);
		vmm->vm = vm->probes.vm;
		vmm->stage = LOST_VMM;
		if (source_open(vmm, vm->ring_path, STOP_TIMEOUT_MS))
			goto out;
		source_start(vmm, request);
		s->source_count++;
	}
	result = 0;
out:
	json_decref(request);
	return result;
}

int session_start_sources(struct session *s)
{
	for (unsigned int i = 0; i < s->topology.vm_count; i++)
		if (start_vm(s, i))
			return -1;
	return 0;
}

int session_await_agents(struct session *s)
{
	int timeout =
		s->options.guest_timeout_ms ? s->options.guest_timeout_ms : GUEST_TIMEOUT_MS;

	for (unsigned int i = 0; i < s->source_count; i++) {
		struct source *src = &s->sources[i];
		char key[8];
		json_t *answer;

		if (!src->has_clock)
			continue;
		answer = source_wait_running(src, timeout);
		if (!answer)
			return -1;
		snprintf(key, sizeof(key), "%d", src->domain);
		json_object_set_new(s->answers, key, answer);
	}
	return 0;
}

/* The last of an outside producer, and what it says in closing. */
static void stop_source(struct session *s, struct source *src)
{
	json_t *closing = source_stop(src, s->recording, STOP_TIMEOUT_MS);
	char key[8];

	if (closing && src->has_clock) {
		snprintf(key, sizeof(key), "%d", src->domain);
		json_object_update(json_object_get(s->answers, key), closing);
	}
	json_decref(closing);
}

void session_stop_sources(struct session *s)
{
	for (unsigned int i = 0; i < s->source_count; i++)
		stop_source(s, &s->sources[i]);
}
