/* Topology of a strata VM, from what its VMM says of itself on the control socket. See
 * topology.h. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/vm.h"
#include "tracer/topology.h"

#define STATUS_MS 10000

static const char *text_of(const json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s ? s : "";
}

/* The VMM's own path, as seen from our mount namespace and working folder. */
static void path_of(char *out, size_t bytes, pid_t pid, const char *path)
{
	if (*path)
		snprintf(out, bytes, "/proc/%d/%s%s", pid, *path == '/' ? "root" : "cwd/",
			 path);
}

static int read_vcpus(struct topology_vm *vm, const json_t *status)
{
	json_t *vcpu, *offset;
	size_t i;

	json_array_foreach (json_object_get(status, "vcpus"), i, vcpu) {
		if (vm->probes.vcpus == PROBES_VCPUS_MAX)
			return err_set("VM %s has more than %d vCPUs", vm->name,
				       PROBES_VCPUS_MAX);
		vm->probes.vcpu_tids[vm->probes.vcpus++] =
			(uint32_t)json_integer_value(json_object_get(vcpu, "tid"));
		offset = json_object_get(vcpu, "tsc_offset");
		if (!json_is_integer(offset))
			return err_set(
				"VM %s: KVM does not tell the guest's TSC offset, so its clock cannot be aligned "
				"(KVM_VCPU_TSC_OFFSET needs Linux 5.16)",
				vm->name);
		vm->tsc_offset = json_integer_value(offset);
		vm->tsc_known = true;
	}
	return vm->probes.vcpus ? 0 : err_set("VM %s has no vCPU", vm->name);
}

static uint64_t address_of(const json_t *o, const char *key)
{
	return strtoull(text_of(o, key), NULL, 0);
}

static json_int_t number_of(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static void add_kick(struct topology_vm *vm, uint64_t gpa, uint16_t queue, bool ioeventfd)
{
	struct probes_vm *p = &vm->probes;

	if (p->kick_count == PROBES_VCPUS_MAX)
		return;
	p->kicks[p->kick_count].gpa = gpa;
	p->kicks[p->kick_count].queue = queue;
	p->kicks[p->kick_count++].ioeventfd = ioeventfd;
}

static void add_irq(struct topology_vm *vm, uint64_t address, uint32_t data, bool receive)
{
	struct probes_vm *p = &vm->probes;

	if (p->irq_count == PROBES_IRQS_MAX)
		return;
	p->irqs[p->irq_count].address = address;
	p->irqs[p->irq_count].data = data;
	p->irqs[p->irq_count++].receive = receive;
}

/* ---- virtio: served by the VMM, or by vhost ---- */

/* Transmit queues are the odd ones below the control queue (virtio 1.2, 5.1.2); their doorbells
 * are the kicks. */
static void read_virtio_doorbells(struct topology_vm *vm, const json_t *net)
{
	const json_t *bells = json_object_get(json_object_get(net, "pci"), "doorbells");
	json_int_t pairs = number_of(net, "active_pairs");
	json_t *queue, *bell;
	size_t i, j;

	json_array_foreach (json_object_get(net, "virtqueues"), i, queue) {
		json_int_t index = number_of(queue, "index");

		if (index % 2 == 0 || index >= 2 * pairs)
			continue;
		json_array_foreach (bells, j, bell)
			if (number_of(bell, "offset") == number_of(queue, "doorbell_offset"))
				add_kick(vm, address_of(bell, "address"), (uint16_t)index,
					 true);
	}
}

/* Does a receive queue use that vector? */
static bool is_virtio_receive(const json_t *net, json_int_t vector)
{
	json_int_t pairs = number_of(net, "active_pairs");
	json_t *queue;
	size_t i;

	json_array_foreach (json_object_get(net, "virtqueues"), i, queue) {
		json_int_t index = number_of(queue, "index");

		if (index % 2 == 0 && index < 2 * pairs &&
		    json_is_integer(json_object_get(queue, "vector")) &&
		    number_of(queue, "vector") == vector)
			return true;
	}
	return false;
}

static int read_virtio(struct topology_vm *vm, const json_t *net)
{
	json_t *worker;
	size_t i;

	read_virtio_doorbells(vm, net);
	json_array_foreach (json_object_get(net, "vhost_workers"), i, worker)
		if (vm->probes.worker_count < PROBES_VCPUS_MAX)
			vm->probes.workers[vm->probes.worker_count++] =
				(uint32_t)json_integer_value(worker);
	return 0;
}

/* ---- emulated: one doorbell that the VMM answers, one line ---- */

static int read_emulated(struct topology_vm *vm, const json_t *net)
{
	const json_t *bell = json_object_get(net, "doorbell"),
		     *pci = json_object_get(net, "pci");
	json_t *bar;
	size_t i;

	json_array_foreach (json_object_get(pci, "bars"), i, bar)
		if (number_of(bar, "bar") == number_of(bell, "bar"))
			add_kick(vm,
				 address_of(bar, "address") +
					 (uint64_t)number_of(bell, "offset"),
				 1, false);
	return 0;
}

/* ---- passed through: its interrupts come by way of the host's ---- */

static int read_passed(struct topology_vm *vm, const json_t *net)
{
	struct probes_vm *p = &vm->probes;

	if (p->passed_count == PROBES_PASSED_MAX)
		return err_set("more than %d devices are passed through", PROBES_PASSED_MAX);
	snprintf(p->passed[p->passed_count], sizeof(p->passed[0]), "%s",
		 text_of(net, "device"));
	p->passed_count++;
	return 0;
}

static const struct mode {
	const char *name;
	enum strata_place place;
	int (*read)(struct topology_vm *vm, const json_t *net);
	bool switched; /* its frames go through a port of a vSwitch */
} modes[] = {
	{"e1000", PLACE_EMULATED, read_emulated, true},
	{"virtio", PLACE_VIRTIO, read_virtio, true},
	{"vhost", PLACE_VHOST, read_virtio, true},
	{"vfio", PLACE_PASSTHROUGH, read_passed, false},
};

static const struct mode *mode_of(const json_t *net)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (!strcmp(modes[i].name, text_of(net, "mode")))
			return &modes[i];
	return NULL;
}

/* Which of a device's interrupts may tell of a frame received? NULL mode: none, it is no
 * network card, or not one that is traced. */
static void read_irqs(struct topology_vm *vm, const json_t *device, const struct mode *mode)
{
	const json_t *pci = json_object_get(device, "pci");
	bool emulated = mode && mode->place == PLACE_EMULATED;
	json_t *vector;
	size_t i;

	if (emulated)
		add_irq(vm, 0, (uint32_t)number_of(pci, "intx_gsi"), true);
	if (mode && mode->place == PLACE_PASSTHROUGH)
		return; /* what its driver uses its vectors for, the guest alone knows */
	json_array_foreach (json_object_get(pci, "msix"), i, vector) {
		uint64_t address = address_of(vector, "address");

		if (address)
			add_irq(vm, address, (uint32_t)number_of(vector, "data"),
				mode && is_virtio_receive(device, number_of(vector, "vector")));
	}
}

/* A VM's first network card decides what is traced; others of its kind join it. */
static bool is_traced(const struct topology *t, const struct topology_vm *vm,
		      const struct mode *mode)
{
	return !vm->has_net || (mode && mode->place == t->place);
}

static int read_net(struct topology *t, struct topology_vm *vm, const json_t *net)
{
	const struct mode *mode = mode_of(net);
	int ns, result = 0;

	if (!mode)
		return err_set("its network card is of mode %s, whose frames no probe sees; "
			       "e1000, virtio, vhost and vfio can be traced",
			       text_of(net, "mode"));
	if (t->vm_count && t->place != mode->place)
		return err_set("it is of mode %s and VM %s of mode %s: trace them one after "
			       "the other",
			       text_of(net, "mode"), t->vms[0].name, t->mode);
	vm->has_net = true;
	t->place = mode->place;
	snprintf(t->mode, sizeof(t->mode), "%s", text_of(net, "mode"));
	if (mode->switched) {
		ns = netns_of_pid(vm->pid);
		if (ns < 0)
			return -1;
		result = topology_add_switch_port(t, ns, text_of(net, "tap"), vm->probes.vm);
		close(ns);
	}
	return result ? result : mode->read(vm, net);
}

static int read_device(struct topology *t, struct topology_vm *vm, const json_t *device)
{
	const char *type = text_of(device, "type");
	bool traced = !strcmp(type, "net") && is_traced(t, vm, mode_of(device));

	if (!strcmp(type, "ivshmem"))
		path_of(vm->agent, sizeof(vm->agent), vm->pid, text_of(device, "path"));
	if (traced && read_net(t, vm, device))
		return -1;
	read_irqs(vm, device, traced ? mode_of(device) : NULL);
	return 0;
}

static int read_process(struct topology_vm *vm, const json_t *status)
{
	snprintf(vm->name, sizeof(vm->name), "%s", text_of(status, "name"));
	vm->pid = (pid_t)json_integer_value(json_object_get(status, "pid"));
	vm->probes.tgid = (uint32_t)vm->pid;
	vm->tsc_ratio = 1.0;
	if (!strcmp(text_of(status, "state"), "paused"))
		return err_set(
			"VM %s is paused: nothing can be seen of it until it is resumed (strata vm ask "
			"SOCKET '{\"do\":\"resume\"}')",
			vm->name);
	return read_vcpus(vm, status);
}

static int read_status(struct topology *t, struct topology_vm *vm, const json_t *status)
{
	json_t *device;
	size_t i;

	if (read_process(vm, status))
		return -1;
	path_of(vm->ring_path, sizeof(vm->ring_path), vm->pid, text_of(status, "trace_ring"));
	json_array_foreach (json_object_get(status, "devices"), i, device) {
		if (read_device(t, vm, device))
			return err_add("VM %s", vm->name);
	}
	return vm->has_net ? 0 : err_set("VM %s has no network card", vm->name);
}

static struct topology_vm *next_vm(struct topology *t)
{
	struct topology_vm *vm = &t->vms[t->vm_count];

	if (t->vm_count == TOPOLOGY_VMS_MAX) {
		err_set("at most %d VMs can be traced at once", TOPOLOGY_VMS_MAX);
		return NULL;
	}
	memset(vm, 0, sizeof(*vm));
	vm->probes.vm = (uint8_t)(t->vm_count + 1);
	return vm;
}

int topology_take_status(struct topology *t, const json_t *status)
{
	struct topology_vm *vm = next_vm(t);

	if (!vm || read_status(t, vm, status))
		return -1;
	t->vm_count++;
	return 0;
}

int topology_add_vm(struct topology *t, const char *control_path)
{
	json_t *status = vm_do(control_path, "status", STATUS_MS);
	int result = status ? topology_take_status(t, status) : -1;

	if (!result)
		snprintf(t->vms[t->vm_count - 1].control,
			 sizeof(t->vms[t->vm_count - 1].control), "%s", control_path);
	json_decref(status);
	return result;
}

int topology_add_bystander(struct topology *t, const char *control_path)
{
	struct topology_vm *vm = next_vm(t);
	json_t *status = vm ? vm_do(control_path, "status", STATUS_MS) : NULL;
	int result = status ? read_process(vm, status) : -1;

	json_decref(status);
	if (result)
		return -1;
	vm->bystander = true;
	t->vm_count++;
	return 0;
}
