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
	}
	return vm->probes.vcpus ? 0 : err_set("VM %s has no vCPU", vm->name);
}

/* Transmit queues are the odd ones below the control queue (virtio 1.2, 5.1.2); their doorbells
 * are the kicks. */
static int read_doorbells(struct topology_vm *vm, const json_t *net)
{
	const json_t *bells = json_object_get(json_object_get(net, "pci"), "doorbells");
	json_int_t pairs = (json_int_t)json_array_size(json_object_get(net, "pairs"));
	json_t *queue, *bell;
	size_t i, j;

	json_array_foreach (json_object_get(net, "virtqueues"), i, queue) {
		json_int_t index = json_integer_value(json_object_get(queue, "index"));
		json_int_t offset =
			json_integer_value(json_object_get(queue, "doorbell_offset"));

		if (index % 2 == 0 || index >= 2 * pairs ||
		    vm->probes.kick_count == PROBES_VCPUS_MAX)
			continue;
		json_array_foreach (bells, j, bell) {
			if (json_integer_value(json_object_get(bell, "offset")) != offset)
				continue;
			vm->probes.kicks[vm->probes.kick_count].gpa =
				strtoull(text_of(bell, "address"), NULL, 0);
			vm->probes.kicks[vm->probes.kick_count++].queue = (uint16_t)index;
		}
	}
	return 0;
}

static int read_device(struct topology *t, struct topology_vm *vm, const json_t *device)
{
	const char *type = text_of(device, "type");
	int ns, result;

	if (!strcmp(type, "ivshmem")) {
		path_of(vm->memory_path, sizeof(vm->memory_path), vm->pid,
			text_of(device, "path"));
		return 0;
	}
	if (strcmp(type, "net"))
		return 0;
	snprintf(t->mode, sizeof(t->mode), "%s", text_of(device, "mode"));
	ns = netns_of_pid(vm->pid);
	if (ns < 0)
		return -1;
	result = topology_add_switch_port(t, ns, text_of(device, "tap"), vm->probes.vm);
	close(ns);
	return result ? result : read_doorbells(vm, device);
}

static int read_status(struct topology *t, struct topology_vm *vm, const json_t *status)
{
	json_t *device;
	size_t i;

	snprintf(vm->name, sizeof(vm->name), "%s", text_of(status, "name"));
	vm->pid = (pid_t)json_integer_value(json_object_get(status, "pid"));
	vm->probes.tgid = (uint32_t)vm->pid;
	vm->tsc_ratio = 1.0;
	path_of(vm->ring_path, sizeof(vm->ring_path), vm->pid, text_of(status, "trace_ring"));
	if (read_vcpus(vm, status))
		return -1;
	json_array_foreach (json_object_get(status, "devices"), i, device) {
		if (read_device(t, vm, device))
			return err_add("VM %s", vm->name);
	}
	return 0;
}

int topology_add_vm(struct topology *t, const char *control_path)
{
	struct topology_vm *vm = &t->vms[t->vm_count];
	json_t *status;
	int result;

	if (t->vm_count == TOPOLOGY_VMS_MAX)
		return err_set("at most %d VMs can be traced at once", TOPOLOGY_VMS_MAX);
	status = vm_do(control_path, "status", STATUS_MS);
	if (!status)
		return -1;
	t->place = PLACE_VIRTIO;
	vm->probes.vm = (uint8_t)(t->vm_count + 1);
	result = read_status(t, vm, status);
	t->vm_count += !result;
	json_decref(status);
	return result;
}
