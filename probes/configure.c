/* From struct probes_config to the programs' constants and maps. */
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "probes/internal.h"
#include "probes/irqs.h"

#include "probes/probes.skel.h"

_Static_assert(PROBES_PORTS_MAX == BPF_PORTS_MAX, "the same ports on both sides");

int configure_check(const struct probes_config *c)
{
	if (!c->port_count || c->port_count > PROBES_PORTS_MAX)
		return err_set("probes: %u service ports given; 1 to %d are possible",
			       c->port_count, PROBES_PORTS_MAX);
	if (c->device_count > PROBES_DEVICES_MAX || c->vm_count > PROBES_VMS_MAX)
		return err_set("probes: %u devices and %u VMs given; %d and %d are possible",
			       c->device_count, c->vm_count, PROBES_DEVICES_MAX,
			       PROBES_VMS_MAX);
	if (c->wire_device != ~0u && c->wire_device >= c->device_count)
		return err_set("probes: the wire is to be read on device %u of %u",
			       c->wire_device, c->device_count);
	return 0;
}

/* Roles, a bit each, of devices through which the server is reached where it runs. */
#define SERVERS (1u << ROLE_SERVER | 1u << ROLE_BARE | 1u << ROLE_OWN)

/* The namespace that all devices of these roles share; NETNS_ANY if they differ. */
static __u32 netns_of_roles(const struct probes_config *c, unsigned int roles)
{
	__u32 netns = NETNS_NONE;

	for (unsigned int i = 0; i < c->device_count; i++) {
		const struct probes_device *d = &c->devices[i];

		if (!(roles >> d->role & 1))
			continue;
		if (netns != NETNS_NONE && netns != d->netns)
			return NETNS_ANY;
		netns = d->netns;
	}
	return netns;
}

static __u32 server_netns(const struct probes_config *c)
{
	struct stat st;

	if (c->server_netns_fd >= 0 && !fstat(c->server_netns_fd, &st))
		return (__u32)st.st_ino;
	return netns_of_roles(c, SERVERS);
}

static __u32 client_netns(const struct probes_config *c)
{
	return c->clients ? server_netns(c) : netns_of_roles(c, 1u << ROLE_CLIENT);
}

static const struct probes_device *device_with(const struct probes_config *c,
					       unsigned int roles)
{
	for (unsigned int i = 0; i < c->device_count; i++)
		if (roles >> c->devices[i].role & 1)
			return &c->devices[i];
	return NULL;
}

void configure_constants(const struct probes *p, struct bpf_config *out)
{
	const struct probes_config *c = &p->config;
	const struct probes_device *client = device_with(c, 1u << ROLE_CLIENT);
	const struct probes_device *server = device_with(c, SERVERS);

	memset(out, 0, sizeof(*out));
	out->domain = c->domain;
	out->sample_max = sample_max(c->sample);
	memcpy(out->ports, c->ports, c->port_count * sizeof(c->ports[0]));
	out->filtered = c->filter.count != 0;
	out->server_netns = server_netns(c);
	out->client_netns = client_netns(c);
	out->asks = c->clients;
	out->server_device = server ? server->index : 0;
	if (!client && c->clients)
		client = server;
	out->client_device = client ? client->index : 0;
	out->vm_of_sockets = server ? server->vm : 0;
	if (c->wire_device != ~0u) {
		out->wire_device = c->devices[c->wire_device].index;
		out->wire_vm = c->devices[c->wire_device].vm;
	}
	out->vms = c->vm_count != 0;
	out->irqs = choose_uses(p, "irq_handler_entry");
	out->exact_bridge = choose_uses(p, "br_handle_frame");
	out->exact_kick = choose_uses(p, "ioeventfd_write");
	for (unsigned int i = 0; i < c->vm_count; i++)
		out->any_kick |= c->vms[i].any_kick;
	out->workers = (p->needs & NEED_VHOST) != 0;
	out->inferred_recv = !choose_uses(p, "sock_recv_length");
	out->direct = p->kernel.casts;
}

/* false: two devices fall into one slot */
static bool place_devices(const struct probes_config *c, __u32 seed, struct device_slot *slots)
{
	memset(slots, 0, DEVICE_SLOTS * sizeof(*slots));
	for (unsigned int i = 0; i < c->device_count; i++) {
		const struct probes_device *d = &c->devices[i];
		struct device_slot *slot = &slots[device_slot_of(d->ifindex, d->netns, seed)];

		if (slot->ifindex)
			return false;
		*slot = (struct device_slot){
			.ifindex = d->ifindex,
			.netns = d->netns,
			.role = (__u8)d->role,
			.device = d->index,
			.vm = d->vm,
		};
	}
	return true;
}

int configure_devices(const struct probes_config *c, struct device_slot *slots, __u32 *seed)
{
	/* 64 devices in 512 slots: one seed in sixty is free of collisions */
	for (__u32 i = 0; i < 100000; i++) {
		*seed = (i * 2 + 1) * 0x85ebca6bu;
		if (place_devices(c, *seed, slots))
			return 0;
	}
	return err_set("probes: a device is given twice");
}

static bool has_irqs(const struct probes_config *c, enum device_role role)
{
	return role == ROLE_UPLINK || role == ROLE_BARE ||
	       (c->domain && (role == ROLE_SERVER || role == ROLE_OWN));
}

struct line_owner {
	struct probes *p;
	unsigned char owner;
};

static void add_line(void *ctx, unsigned int irq)
{
	const struct line_owner *o = ctx;

	if (irq < IRQS_MAX)
		o->p->irqs[irq] = o->owner;
}

static void find_nic_lines(struct probes *p, FILE *f)
{
	const struct probes_config *c = &p->config;
	struct line_owner owner = {p, IRQ_LINE_NIC};
	char bus[PROBES_DEVICES_MAX][32];
	const char *names[2 * PROBES_DEVICES_MAX];
	unsigned int n = 0;

	for (unsigned int i = 0; i < c->device_count; i++) {
		if (!has_irqs(c, c->devices[i].role))
			continue;
		irqs_bus_name(c->devices[i].name, bus[i], sizeof(bus[i]));
		names[n++] = bus[i];
		names[n++] = c->devices[i].name;
	}
	if (irqs_scan(f, irqs_name_matches, names, n, add_line, &owner))
		p->needs |= NEED_IRQS;
}

static void find_passed_lines(struct probes *p, const struct probes_vm *vm, FILE *f)
{
	struct line_owner owner = {p, vm->vm};
	const char *names[PROBES_PASSED_MAX];

	for (unsigned int i = 0; i < vm->passed_count; i++)
		names[i] = vm->passed[i];
	rewind(f);
	if (irqs_scan(f, irqs_passed_matches, names, vm->passed_count, add_line, &owner))
		p->needs |= NEED_IRQS | NEED_PASSED;
}

static void find_lines(struct probes *p)
{
	FILE *f = fopen("/proc/interrupts", "re");

	memset(p->irqs, 0, sizeof(p->irqs));
	if (!f)
		return;
	find_nic_lines(p, f);
	for (unsigned int i = 0; i < p->config.vm_count; i++)
		find_passed_lines(p, &p->config.vms[i], f);
	fclose(f);
}

/* Only a Linux bridge calls br_handle_frame(); other vSwitches are seen by inference. */
static bool uplinks_are_bridged(const struct probes_config *c)
{
	unsigned int uplinks = 0;

	for (unsigned int i = 0; i < c->device_count; i++) {
		if (c->devices[i].role != ROLE_UPLINK)
			continue;
		uplinks++;
		if (!c->devices[i].bridged)
			return false;
	}
	return uplinks > 0;
}

static unsigned int vm_needs(const struct probes_vm *vm)
{
	unsigned int needs = NEED_VM | NEED_SCHED | (vm->worker_count ? NEED_VHOST : 0) |
			     (vm->reads_tap ? NEED_READER : 0);

	for (unsigned int i = 0; i < vm->irq_count; i++)
		if (!vm->irqs[i].address)
			needs |= NEED_LINES;
	return needs;
}

void configure_needs(struct probes *p)
{
	const struct probes_config *c = &p->config;
	unsigned int needs = c->device_count ? NEED_DEVICES : 0;

	if (server_netns(c) != NETNS_NONE)
		needs |= NEED_SERVER | NEED_SOCKETS | NEED_SCHED;
	if (client_netns(c) != NETNS_NONE)
		needs |= NEED_CLIENT | NEED_SOCKETS;
	if (c->clients)
		needs |= NEED_ASKS;
	for (unsigned int i = 0; i < c->vm_count; i++)
		needs |= vm_needs(&c->vms[i]);
	if (device_with(c, 1u << ROLE_MACVTAP))
		needs |= NEED_MACVTAP;
	if (c->nginx_path && !c->no_uprobes)
		needs |= NEED_NGINX;
	if (c->wire_device != ~0u)
		needs |= NEED_WIRE;
	if (device_with(c, 1u << ROLE_PEER))
		needs |= NEED_PEERS;
	for (unsigned int i = 0; i < c->device_count; i++)
		needs |= c->devices[i].ovs ? NEED_OVS : 0;
	if (uplinks_are_bridged(c))
		needs |= NEED_BRIDGE;
	p->needs = needs;
	find_lines(p);
}

static int put(const struct bpf_map *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY))
		return err_errno("probes: cannot fill the map %s", bpf_map__name(map));
	return 0;
}

static int put_irqs(const struct probes *p, const struct probes_vm *v)
{
	for (unsigned int i = 0; i < v->irq_count && i < PROBES_IRQS_MAX; i++) {
		struct irq_key key = {
			.address = v->irqs[i].address, .data = v->irqs[i].data, .vm = v->vm};
		__u8 use = v->irqs[i].receive ? IRQ_RECEIVE : IRQ_OTHER;

		if (put(p->skel->maps.irq_uses, &key, &use))
			return -1;
	}
	return 0;
}

static int put_vm(const struct probes *p, const struct probes_vm *v)
{
	if (put(p->skel->maps.vm_of_tgid, &v->tgid, &v->vm))
		return -1;
	for (unsigned int i = 0; i < v->vcpus && i < PROBES_VCPUS_MAX; i++) {
		__u16 index = (__u16)i;

		if (put(p->skel->maps.vcpu_of_tid, &v->vcpu_tids[i], &index))
			return -1;
	}
	for (unsigned int i = 0; i < v->worker_count && i < PROBES_VCPUS_MAX; i++)
		if (put(p->skel->maps.vm_of_worker, &v->workers[i], &v->vm))
			return -1;
	for (unsigned int i = 0; i < v->kick_count && i < PROBES_VCPUS_MAX; i++) {
		struct kick_key key = {.gpa = v->kicks[i].gpa, .vm = v->vm};
		struct kick kick = {.queue = v->kicks[i].queue,
				    .ioeventfd = v->kicks[i].ioeventfd};

		if (put(p->skel->maps.kicks, &key, &kick))
			return -1;
	}
	if (v->any_kick) {
		struct kick_key key = {.gpa = KICK_ANY, .vm = v->vm};
		struct kick kick = {.queue = 0};

		if (put(p->skel->maps.kicks, &key, &kick))
			return -1;
	}
	return put_irqs(p, v);
}

int configure_maps(const struct probes *p)
{
	const struct probes_config *c = &p->config;

	for (unsigned int i = 0; i < c->vm_count; i++)
		if (put_vm(p, &c->vms[i]))
			return -1;
	for (unsigned int i = 0; i < IRQS_MAX; i++)
		if (p->irqs[i] && put(p->skel->maps.irqs, &i, &p->irqs[i]))
			return -1;
	return 0;
}
