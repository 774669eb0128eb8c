/* How VMs fare: see vitals.h. */
#include "tracer/vitals.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/now.h"
#include "lib/threads.h"
#include "lib/vital.h"
#include "lib/vm.h"

#define EVERY_MS  500
#define ANSWER_MS 1000

struct vitals {
	const struct topology *topology;
	void (*emit)(void *ctx, const struct strata_event *e);
	void *ctx;
	pthread_t thread;
	int stop_fd;
};

static void tell(const struct vitals *v, struct strata_event *e, enum vital vital,
		 uint64_t figure)
{
	e->hop = CONTEXT_VITAL;
	e->flags = EVENT_CONTEXT;
	e->arg32 = vital;
	e->arg64 = figure;
	v->emit(v->ctx, e);
}

/* ---- vCPUs ---- */

static void look_at_vcpu(const struct vitals *v, const struct topology_vm *vm, uint16_t index)
{
	uint32_t tid = vm->probes.vcpu_tids[index];
	struct strata_event e = {
		.time_ns = now_ns(), .vm = vm->probes.vm, .queue = index, .tid = tid};
	uint64_t ran, waited;

	if (!threads_sched(vm->pid, (pid_t)tid, &ran, &waited))
		return;
	tell(v, &e, VITAL_WAIT, waited);
	tell(v, &e, VITAL_RUN, ran);
}

/* ---- virtqueues ---- */

static json_int_t number(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

/* Those that carry data: of a network card, behind its pairs, there is one for control. */
static bool carries_data(const json_t *device, json_int_t queue)
{
	const json_t *pairs = json_object_get(device, "active_pairs");

	return !pairs || queue < 2 * json_integer_value(pairs);
}

static void look_at_device(const struct vitals *v, const struct topology_vm *vm,
			   const json_t *device)
{
	json_t *queue;
	size_t i;

	json_array_foreach (json_object_get(device, "virtqueues"), i, queue) {
		const json_t *waiting = json_object_get(queue, "waiting");
		struct strata_event e = {.time_ns = now_ns(),
					 .vm = vm->probes.vm,
					 .device = (uint8_t)number(device, "index"),
					 .queue = (uint16_t)number(queue, "index"),
					 .seq = (uint32_t)number(device, "virtio_id"),
					 .len = (uint32_t)number(queue, "size")};

		if (json_is_integer(waiting) && carries_data(device, e.queue))
			tell(v, &e, VITAL_QUEUE, (uint64_t)json_integer_value(waiting));
	}
}

static void look_at_queues(const struct vitals *v, const struct topology_vm *vm)
{
	json_t *counters = vm->control[0] ? vm_do(vm->control, "counters", ANSWER_MS) : NULL;
	json_t *device;
	size_t i;

	json_array_foreach (json_object_get(counters, "devices"), i, device)
		look_at_device(v, vm, device);
	json_decref(counters);
}

/* ---- again and again ---- */

static void look(const struct vitals *v)
{
	for (unsigned int i = 0; i < v->topology->vm_count; i++) {
		const struct topology_vm *vm = &v->topology->vms[i];

		for (uint16_t k = 0; k < vm->probes.vcpus; k++)
			look_at_vcpu(v, vm, k);
		look_at_queues(v, vm);
	}
}

static void *looker(void *arg)
{
	struct vitals *v = arg;
	struct pollfd stop = {.fd = v->stop_fd, .events = POLLIN};

	do
		look(v);
	while (poll(&stop, 1, EVERY_MS) <= 0);
	look(v);
	return NULL;
}

struct vitals *vitals_start(const struct topology *t,
			    void (*emit)(void *ctx, const struct strata_event *e), void *ctx)
{
	struct vitals *v = calloc(1, sizeof(*v));
	int error;

	if (!v) {
		err_set("out of memory to look at the VMs");
		return NULL;
	}
	*v = (struct vitals){.topology = t, .emit = emit, .ctx = ctx};
	v->stop_fd = eventfd(0, EFD_CLOEXEC);
	error = v->stop_fd < 0 ? errno : pthread_create(&v->thread, NULL, looker, v);
	if (!error)
		return v;
	errno = error;
	err_errno("start to look at the VMs");
	if (v->stop_fd >= 0)
		close(v->stop_fd);
	free(v);
	return NULL;
}

void vitals_stop(struct vitals *v)
{
	if (!v)
		return;
	eventfd_write(v->stop_fd, 1);
	pthread_join(v->thread, NULL);
	close(v->stop_fd);
	free(v);
}
