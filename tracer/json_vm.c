/* vCPUs, virtqueues and interrupts as JSON: see json_vm.h. */
#include "tracer/json_vm.h"

#include <math.h>

static json_t *whole(double n)
{
	return isnan(n) ? json_null() : json_integer((json_int_t)n);
}

json_t *json_vcpus(const struct model *m)
{
	static const char *const keys[VCPU_FIGURES] = {
		[VCPU_EXITS] = "exits",         [VCPU_HALTS] = "halts",
		[VCPU_POLLED] = "halts_polled", [VCPU_HALTED] = "halted_ns",
		[VCPU_OUT] = "outside_ns",      [VCPU_RAN] = "ran_ns",
		[VCPU_WAITED] = "waited_ns",    [VCPU_STOLEN] = "stolen_ns",
	};
	json_t *list = json_array();

	for (size_t i = 0; i < m->vitals.vcpus; i++) {
		const struct model_vcpu *v = &m->vitals.vcpu[i];
		double seconds = vcpu_seconds(v, false);
		json_t *o = json_pack("{s:i,s:i,s:o}", "vm", v->vm, "vcpu", v->index, "seconds",
				      seconds > 0 ? json_real(seconds) : json_null());

		for (int f = 0; f < VCPU_FIGURES; f++)
			json_object_set_new(o, keys[f],
					    whole(vcpu_sum(v, (enum vcpu_figure)f, false)));
		json_array_append_new(list, o);
	}
	return list;
}

json_t *json_queues(struct model *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->vitals.queues; i++) {
		struct model_queue *q = &m->vitals.queue[i];
		char name[32];

		queue_name(q, name, sizeof(name));
		json_array_append_new(list,
				      json_pack("{s:i,s:i,s:i,s:s,s:I,s:I,s:I,s:I,s:I}", "vm",
						q->vm, "device", q->device, "queue", q->index,
						"name", name, "size", (json_int_t)q->size,
						"looks", (json_int_t)q->waiting.count,
						"waiting", (json_int_t)q->now, "waiting_p50",
						(json_int_t)quantile_at(&q->waiting, 0.5),
						"waiting_max", (json_int_t)q->waiting.max));
	}
	return list;
}

static json_t *message_object(const struct model *m, const struct message *at)
{
	json_t *o = json_pack("{s:s?,s:I,s:I,s:o}", "vm", model_vm_name(m, at->vm), "sent",
			      (json_int_t)at->sent, "requests", (json_int_t)at->requests, "tid",
			      at->tid ? json_integer(at->tid) : json_null());

	if (at->data)
		json_object_update_new(o, json_pack("{s:o,s:I,s:i,s:i}", "address",
						    json_sprintf("0x%x", at->address), "data",
						    (json_int_t)at->data, "vector",
						    (int)message_vector(at), "destination",
						    (int)message_destination(at)));
	else
		json_object_set_new(o, "line", json_integer(at->address));
	return o;
}

json_t *json_messages(const struct model *m)
{
	json_t *list = json_array();

	for (size_t i = 0; i < m->messages.count; i++)
		json_array_append_new(list, message_object(m, &m->messages.at[i]));
	return list;
}
