/* How VMs fared: see vm_vitals.h. What a guest says of itself may be anything. */
#include "tracer/vm_vitals.h"

#include <linux/virtio_ids.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib/exits.h"

static struct model_vcpu *vcpu_of(struct vm_vitals *v, uint8_t vm, uint16_t index)
{
	struct model_vcpu *found;

	for (size_t i = 0; i < v->vcpus; i++)
		if (v->vcpu[i].vm == vm && v->vcpu[i].index == index)
			return &v->vcpu[i];
	if (v->vcpus == VITAL_VCPUS_MAX)
		return NULL;
	found = &v->vcpu[v->vcpus++];
	*found = (struct model_vcpu){.vm = vm, .index = index};
	return found;
}

static void add(struct model_vcpu *v, enum vcpu_figure figure, uint64_t n)
{
	v->told[figure] = true;
	v->figure[figure] += n;
}

/* A counter's value; one that runs backwards stands still. */
static void set(struct model_vcpu *v, enum vcpu_figure figure, uint64_t value)
{
	if (!v->told[figure])
		v->began[figure] = value;
	v->told[figure] = true;
	if (value >= v->began[figure] && value - v->began[figure] > v->figure[figure])
		v->figure[figure] = value - v->began[figure];
}

void vm_vitals_take_out(struct vm_vitals *v, const struct strata_event *e)
{
	bool halt = exit_kind(e->arg32) == EXIT_KIND_HALT;
	struct model_vcpu *vcpu = vcpu_of(v, e->vm, e->queue);

	if (!vcpu)
		return;
	add(vcpu, VCPU_EXITS, 1);
	add(vcpu, VCPU_OUT, e->arg64);
	add(vcpu, VCPU_HALTS, halt);
	if (halt && e->len) {
		add(vcpu, VCPU_POLLED, (e->arg32 & EXIT_POLLED) != 0);
		add(vcpu, VCPU_HALTED, e->len);
	}
}

static void look(struct model_vcpu *v, uint64_t time_ns)
{
	v->before = v->last;
	v->last.time_ns = time_ns;
	for (int i = 0; i < VCPU_FIGURES; i++)
		v->last.figure[i] = v->figure[i];
	if (!v->looks++)
		v->first = v->last;
}

static int take_queue(struct vm_vitals *v, const struct strata_event *e)
{
	struct model_queue *q = NULL;

	for (size_t i = 0; i < v->queues && !q; i++)
		if (v->queue[i].vm == e->vm && v->queue[i].device == e->device &&
		    v->queue[i].index == e->queue)
			q = &v->queue[i];
	if (!q && v->queues == MODEL_QUEUES_MAX)
		return 0;
	if (!q) {
		q = &v->queue[v->queues++];
		*q = (struct model_queue){.vm = e->vm, .device = e->device, .index = e->queue};
	}
	q->virtio_id = e->seq;
	q->size = e->len;
	q->now = e->arg64;
	return quantile_add(&q->waiting, e->arg64);
}

int vm_vitals_take(struct vm_vitals *v, const struct strata_event *e)
{
	static const enum vcpu_figure figures[VITALS] = {[VITAL_WAIT] = VCPU_WAITED,
							 [VITAL_RUN] = VCPU_RAN,
							 [VITAL_STEAL] = VCPU_STOLEN};
	struct model_vcpu *vcpu;

	if (e->arg32 >= VITALS)
		return 0; /* of a later program */
	if (e->arg32 == VITAL_QUEUE)
		return take_queue(v, e);
	vcpu = vcpu_of(v, e->vm, e->queue);
	if (!vcpu)
		return 0;
	set(vcpu, figures[e->arg32], e->arg64);
	if (e->arg32 == VITAL_RUN)
		look(vcpu, e->time_ns);
	return 0;
}

void vm_vitals_free(struct vm_vitals *v)
{
	for (size_t i = 0; i < v->queues; i++)
		quantile_free(&v->queue[i].waiting);
	*v = (struct vm_vitals){.vcpus = 0};
}

double vcpu_seconds(const struct model_vcpu *v, bool latest)
{
	const struct vcpu_look *from = latest ? &v->before : &v->first;

	if (v->looks < 2 || v->last.time_ns <= from->time_ns)
		return 0;
	return (double)(v->last.time_ns - from->time_ns) / 1e9;
}

double vcpu_sum(const struct model_vcpu *v, enum vcpu_figure figure, bool latest)
{
	const struct vcpu_look *from = latest ? &v->before : &v->first;

	if (!v->told[figure])
		return NAN;
	if (v->looks < 2)
		return latest ? NAN : (double)v->figure[figure];
	return (double)(v->last.figure[figure] - from->figure[figure]);
}

double vcpu_rate(const struct model_vcpu *v, enum vcpu_figure figure, bool latest)
{
	double seconds = vcpu_seconds(v, latest);
	double rate = seconds > 0 ? vcpu_sum(v, figure, latest) / seconds : NAN;

	return figure >= VCPU_HALTED ? rate / 1e9 : rate;
}

/* Virtio 1.2, 5.1.2: a network card's even queues receive. */
void queue_name(const struct model_queue *q, char *text, size_t bytes)
{
	if (q->virtio_id == VIRTIO_ID_NET)
		snprintf(text, bytes, "net %d %s", q->index / 2, q->index % 2 ? "out" : "in");
	else
		snprintf(text, bytes, "%s %u",
			 q->virtio_id == VIRTIO_ID_BLOCK ? "disk"
			 : q->virtio_id == VIRTIO_ID_RNG ? "rng"
							 : "device",
			 q->index);
}
