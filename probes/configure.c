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

/* The namespace that all devices of these roles share; NETNS_ANY if they differ. */
static __u32 netns_of_roles(const struct probes_config *c, enum device_role a,
			    enum device_role b)
{
	__u32 netns = NETNS_NONE;

	for (unsigned int i = 0; i < c->device_count; i++) {
		const struct probes_device *d = &c->devices[i];

		if (d->role != a && d->role != b)
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
	return netns_of_roles(c, ROLE_SERVER, ROLE_BARE);
}

static const struct probes_device *device_with(const struct probes_config *c,
					       enum device_role a, enum device_role b)
{
	for (unsigned int i = 0; i < c->device_count; i++)
		if (c->devices[i].role == a || c->devices[i].role == b)
			return &c->devices[i];
	return NULL;
}

void configure_constants(const struct probes *p, struct bpf_config *out)
{
	const struct probes_config *c = &p->config;
	const struct probes_device *client = device_with(c, ROLE_CLIENT, ROLE_CLIENT);
	const struct probes_device *server = device_with(c, ROLE_SERVER, ROLE_BARE);

	memset(out, 0, sizeof(*out));
	out->domain = c->domain;
	memcpy(out->ports, c->ports, c->port_count * sizeof(c->ports[0]));
	out->server_netns = server_netns(c);
	out->client_netns = netns_of_roles(c, ROLE_CLIENT, ROLE_CLIENT);
	out->server_device = server ? server->index : 0;
	out->client_device = client ? client->index : 0;
	out->vm_of_sockets = server ? server->vm : 0;
	if (c->wire_device != ~0u) {
		out->wire_device = c->devices[c->wire_device].index;
		out->wire_vm = c->devices[c->wire_device].vm;
	}
	out->vms = c->vm_count != 0;
	out->irqs = choose_uses(p, "irq_handler_entry");
	out->exact_bridge = choose_uses(p, "br_handle_frame");
	out->inferred_recv = !choose_uses(p, "sock_recv_length");
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

static void add_irq(void *ctx, unsigned int irq)
{
	struct probes *p = ctx;

	if (irq < IRQS_MAX && p->irq_count < IRQS_MAX)
		p->irqs[p->irq_count++] = irq;
}

static bool has_irqs(const struct probes_config *c, enum device_role role)
{
	return role == ROLE_UPLINK || role == ROLE_BARE || (role == ROLE_SERVER && c->domain);
}

static void find_irqs(struct probes *p)
{
	const struct probes_config *c = &p->config;
	char bus[PROBES_DEVICES_MAX][32];
	const char *names[2 * PROBES_DEVICES_MAX];
	unsigned int n = 0;
	FILE *f = fopen("/proc/interrupts", "re");

	p->irq_count = 0;
	for (unsigned int i = 0; i < c->device_count; i++) {
		if (!has_irqs(c, c->devices[i].role))
			continue;
		irqs_bus_name(c->devices[i].name, bus[i], sizeof(bus[i]));
		names[n++] = bus[i];
		names[n++] = c->devices[i].name;
	}
	if (!f)
		return;
	irqs_scan(f, names, n, add_irq, p);
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

unsigned int configure_needs(struct probes *p)
{
	const struct probes_config *c = &p->config;
	unsigned int needs = c->device_count ? NEED_DEVICES : 0;

	if (server_netns(c) != NETNS_NONE)
		needs |= NEED_SERVER | NEED_SOCKETS | NEED_SCHED;
	if (netns_of_roles(c, ROLE_CLIENT, ROLE_CLIENT) != NETNS_NONE)
		needs |= NEED_CLIENT | NEED_SOCKETS;
	if (c->vm_count)
		needs |= NEED_VM | NEED_SCHED;
	if (c->nginx_path)
		needs |= NEED_NGINX;
	if (c->wire_device != ~0u)
		needs |= NEED_WIRE;
	if (uplinks_are_bridged(c))
		needs |= NEED_BRIDGE;
	find_irqs(p);
	if (p->irq_count)
		needs |= NEED_IRQS;
	return needs;
}

static int put(const struct bpf_map *map, const void *key, const void *value)
{
	if (bpf_map_update_elem(bpf_map__fd(map), key, value, BPF_ANY))
		return err_errno("probes: cannot fill the map %s", bpf_map__name(map));
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
	for (unsigned int i = 0; i < v->kick_count && i < PROBES_VCPUS_MAX; i++) {
		struct kick_key key = {.gpa = v->kicks[i].gpa, .vm = v->vm};

		if (put(p->skel->maps.kicks, &key, &v->kicks[i].queue))
			return -1;
	}
	return 0;
}

int configure_maps(const struct probes *p)
{
	const struct probes_config *c = &p->config;
	__u8 one = 1;

	for (unsigned int i = 0; i < c->vm_count; i++)
		if (put_vm(p, &c->vms[i]))
			return -1;
	for (unsigned int i = 0; i < p->irq_count; i++)
		if (put(p->skel->maps.irqs, &p->irqs[i], &one))
			return -1;
	return 0;
}
