/*
 * Topology of anyone's VM, from what the kernel says of the VMM's process: which taps it holds,
 * whether vhost serves them, whose threads are its vCPUs and vhost's workers (KVM's debugfs, or
 * the names that VMMs give their threads). Which message means a frame and which register is a
 * doorbell only its VMM knows: any may be, and the join decides.
 */
#include <ctype.h>
#include <dirent.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/threads.h"
#include "tracer/process.h"
#include "tracer/topology.h"
#include "tracer/topology_agent.h"
#include "tracer/topology_links.h"

#define KVM_DEBUG "/sys/kernel/debug/kvm"
#define TAPS_MAX  8

struct process {
	pid_t pid;
	bool kvm, vhost, vfio;
	char taps[TAPS_MAX][16];
	int macvtaps[TAPS_MAX]; /* by interface index */
	unsigned int tap_count, macvtap_count;
};

/* ---- what it has open ---- */

static void add_tap(struct process *p, int fd)
{
	char name[16];

	if (!process_fd_field(p->pid, fd, "iff", name, sizeof(name)) || !name[0])
		return;
	for (unsigned int i = 0; i < p->tap_count; i++)
		if (!strcmp(p->taps[i], name)) /* another queue of it */
			return;
	if (p->tap_count < TAPS_MAX)
		snprintf(p->taps[p->tap_count++], sizeof(p->taps[0]), "%s", name);
}

static void add_macvtap(struct process *p, const char *number)
{
	int index = atoi(number);

	for (unsigned int i = 0; i < p->macvtap_count; i++)
		if (p->macvtaps[i] == index)
			return;
	if (p->macvtap_count < TAPS_MAX)
		p->macvtaps[p->macvtap_count++] = index;
}

static void look_at_fd(void *ctx, int fd, const char *target)
{
	struct process *p = ctx;

	p->kvm |= !strcmp(target, "anon_inode:kvm-vm");
	p->vhost |= !strcmp(target, "/dev/vhost-net");
	p->vfio |= !strncmp(target, "anon_inode:[vfio-device", 22) ||
		   !strncmp(target, "/dev/vfio/devices/", 18);
	if (!strcmp(target, "/dev/net/tun"))
		add_tap(p, fd);
	else if (!strncmp(target, "/dev/tap", 8) && isdigit((unsigned char)target[8]))
		add_macvtap(p, target + 8);
}

/* ---- its threads ---- */

/* What VMMs call the threads of their vCPUs. */
static const char *const vcpu_names[] = {
	"CPU %u/KVM",    /* QEMU */
	"fc_vcpu %u",    /* Firecracker */
	"vcpu%u",        /* Cloud Hypervisor, strata-vmm */
	"crosvm_vcpu%u", /* crosvm */
	"kvm-vcpu-%u",   /* kvmtool */
};

static void learn_vcpu(struct probes_vm *p, unsigned int index, pid_t tid)
{
	if (index >= PROBES_VCPUS_MAX)
		return;
	p->vcpu_tids[index] = (uint32_t)tid;
	if (index >= p->vcpus)
		p->vcpus = index + 1;
}

static bool look_for_worker(void *ctx, pid_t tid, const char *name)
{
	struct probes_vm *p = ctx;
	char vhost[24];

	snprintf(vhost, sizeof(vhost), "vhost-%u", p->tgid);
	if (!strcmp(name, vhost) && p->worker_count < PROBES_VCPUS_MAX)
		p->workers[p->worker_count++] = (uint32_t)tid;
	return true;
}

static bool look_at_thread(void *ctx, pid_t tid, const char *name)
{
	struct probes_vm *p = ctx;
	unsigned int index;

	for (size_t i = 0; i < sizeof(vcpu_names) / sizeof(vcpu_names[0]); i++)
		if (sscanf(name, vcpu_names[i], &index) == 1) {
			learn_vcpu(p, index, tid);
			return true;
		}
	return look_for_worker(p, tid, name);
}

/* Since Linux 6.4 vhost's worker is a thread of its VMM; before, one of the kernel's. */
static void find_threads(struct probes_vm *p, bool vhost)
{
	char folder[32];

	snprintf(folder, sizeof(folder), "/proc/%u/task", p->tgid);
	threads_each(folder, look_at_thread, p);
	if (vhost && !p->worker_count)
		threads_each("/proc", look_for_worker, p);
}

/* ---- what KVM says of its VM ---- */

/* KVM's folder is called by the thread that made the VM, and its descriptor. */
static bool find_kvm_folder(pid_t pid, char *path, size_t bytes)
{
	DIR *d = opendir(KVM_DEBUG);
	bool found = false;
	struct dirent *e;

	while (d && !found && (e = readdir(d))) {
		int tid, fd;
		char task[64];

		if (sscanf(e->d_name, "%d-%d", &tid, &fd) != 2)
			continue;
		snprintf(task, sizeof(task), "/proc/%d/task/%d", pid, tid);
		found = !access(task, F_OK);
		if (found)
			snprintf(path, bytes, KVM_DEBUG "/%.40s", e->d_name);
	}
	if (d)
		closedir(d);
	return found;
}

static bool read_number(const char *folder, const char *file, int64_t *value)
{
	char path[200];
	FILE *f;
	bool read;

	snprintf(path, sizeof(path), "%s/%s", folder, file);
	f = fopen(path, "re");
	read = f && fscanf(f, "%" SCNi64, value) == 1;
	if (f)
		fclose(f);
	return read;
}

static void read_vcpu(struct topology_vm *vm, const char *folder, unsigned int index)
{
	int64_t tid, ratio, bits;

	if (read_number(folder, "pid", &tid))
		learn_vcpu(&vm->probes, index, (pid_t)tid);
	if (read_number(folder, "tsc-offset", &vm->tsc_offset))
		vm->tsc_known = true;
	if (read_number(folder, "tsc-scaling-ratio", &ratio) &&
	    read_number(folder, "tsc-scaling-ratio-frac-bits", &bits) && bits > 0 &&
	    bits < 63 && ratio > 0)
		vm->tsc_ratio = (double)ratio / (double)(1ULL << bits);
}

static void read_kvm(struct topology_vm *vm)
{
	char folder[100], path[128];

	if (!find_kvm_folder(vm->pid, folder, sizeof(folder)))
		return;
	for (unsigned int i = 0; i < PROBES_VCPUS_MAX; i++) {
		snprintf(path, sizeof(path), "%s/vcpu%u", folder, i);
		if (access(path, F_OK))
			return;
		read_vcpu(vm, path, i);
	}
}

/* ---- all of it ---- */

static void name_vm(struct topology *t, struct topology_vm *vm)
{
	process_vm_name(vm->pid, vm->name, sizeof(vm->name));
	for (unsigned int i = 0; i < t->vm_count; i++)
		if (!strcmp(t->vms[i].name, vm->name))
			snprintf(vm->name, sizeof(vm->name), "pid-%d", vm->pid);
}

/* A line of PCI's, where the VMM emulates a card of before MSI: behind the I/O APIC of QEMU's
 * "pc" (10 and 11) and "q35" (16 to 23). */
static void add_lines(struct probes_vm *p)
{
	static const uint8_t lines[] = {10, 11, 16, 17, 18, 19, 20, 21, 22, 23};

	for (size_t i = 0; i < sizeof(lines); i++) {
		p->irqs[p->irq_count].data = lines[i];
		p->irqs[p->irq_count++].receive = true;
	}
}

static int take_place(struct topology *t, const struct topology_vm *vm, const struct process *p)
{
	enum strata_place place = p->vhost ? PLACE_VHOST : PLACE_VIRTIO;

	if (t->vm_count && t->place != place)
		return err_set(
			"vhost serves the cards of one VM and not those of the other: trace "
			"%s and %s one after the other",
			t->vms[0].name, vm->name);
	t->place = place;
	snprintf(t->mode, sizeof(t->mode), "%s", p->vhost ? "vhost" : "tap");
	return 0;
}

static int add_ports(struct topology *t, const struct topology_vm *vm, const struct process *p)
{
	int ns = netns_of_pid(vm->pid), result = 0;
	json_t *links, *link;

	if (ns < 0)
		return -1;
	for (unsigned int i = 0; i < p->tap_count && !result; i++)
		result = topology_add_switch_port(t, ns, p->taps[i], vm->probes.vm);
	links = p->macvtap_count && !result ? netns_links(ns) : NULL;
	for (unsigned int i = 0; i < p->macvtap_count && links && !result; i++) {
		link = link_find(links, NULL, p->macvtaps[i]);
		result = link ? topology_add_switch_port(t, ns, link_text(link, "ifname"),
							 vm->probes.vm)
			      : err_set("the macvtap of /dev/tap%d is not in the VMM's network "
					"namespace",
					p->macvtaps[i]);
	}
	json_decref(links);
	close(ns);
	return result;
}

static int check(const struct process *p)
{
	if (!p->kvm)
		return err_set(
			"process %d is no virtual machine: it has no VM of KVM's open; "
			"give the VMM's own process, \"pgrep -f qemu-system\" finds QEMU's",
			p->pid);
	if (p->tap_count || p->macvtap_count)
		return 0;
	return err_set(
		"the VM of process %d has no tap and no macvtap: %s", p->pid,
		p->vfio ? "a device was passed through to it, whose frames the host never "
			  "sees; trace it as a strata VM (--vm), or from the client's side"
			: "of user-mode networking and vhost-user the kernel sees no frames");
}

/* A guest's clock can be aligned only if its TSC's offset is known. */
static int take_agent(struct topology_vm *vm, const char *agent)
{
	if (!agent && vm->tsc_known)
		topology_find_agent(vm);
	if (!agent || !strcmp(agent, "none"))
		return 0;
	if (!vm->tsc_known)
		return err_set("the guest's TSC offset is not known, so its clock cannot be "
			       "aligned: KVM tells it in debugfs, mount -t debugfs none "
			       "/sys/kernel/debug");
	if (strlen(agent) >= sizeof(vm->agent))
		return err_set("--agent %s is too long", agent);
	snprintf(vm->agent, sizeof(vm->agent), "%s", agent);
	return 0;
}

int topology_add_process(struct topology *t, pid_t pid, const char *agent)
{
	struct topology_vm *vm = &t->vms[t->vm_count];
	struct process p = {.pid = pid};

	if (t->vm_count == TOPOLOGY_VMS_MAX)
		return err_set("at most %d VMs can be traced at once", TOPOLOGY_VMS_MAX);
	if (process_each_fd(pid, look_at_fd, &p) || check(&p))
		return -1;
	memset(vm, 0, sizeof(*vm));
	vm->pid = pid;
	vm->tsc_ratio = 1.0;
	vm->has_net = true;
	vm->probes.vm = (uint8_t)(t->vm_count + 1);
	vm->probes.tgid = (uint32_t)pid;
	vm->probes.any_kick = true;
	vm->probes.reads_tap = !p.vhost;
	name_vm(t, vm);
	find_threads(&vm->probes, p.vhost);
	read_kvm(vm);
	if (!p.vhost)
		add_lines(&vm->probes);
	if (take_agent(vm, agent) || take_place(t, vm, &p) || add_ports(t, vm, &p))
		return err_add("VM %s", vm->name);
	t->vm_count++;
	return 0;
}
