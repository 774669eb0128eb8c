/*
 * How VMs fared, vCPU by vCPU and virtqueue by virtqueue: from what was told of vCPUs that left
 * guest mode, and from looks at them (lib/vital.h). Part of the model; bounded.
 */
#ifndef STRATA_TRACER_VM_VITALS_H
#define STRATA_TRACER_VM_VITALS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/event.h"
#include "lib/quantile.h"
#include "lib/vital.h"

enum vcpu_figure {
	VCPU_EXITS,  /* how often it left guest mode */
	VCPU_HALTS,  /* ... because it had nothing to do */
	VCPU_POLLED, /* of these: it went on while KVM still polled */
	/* nanoseconds */
	VCPU_HALTED,
	VCPU_OUT,    /* outside guest mode, but for halts */
	VCPU_RAN,    /* its thread had a CPU of the host's, */
	VCPU_WAITED, /* ... wanted one, */
	VCPU_STOLEN, /* ... and what the guest says was taken from it */
	VCPU_FIGURES
};

/* All figures as they were at one look. */
struct vcpu_look {
	uint64_t time_ns;
	uint64_t figure[VCPU_FIGURES];
};

struct model_vcpu {
	uint8_t vm;
	uint16_t index;
	bool told[VCPU_FIGURES];       /* somebody tells of it at all */
	uint64_t began[VCPU_FIGURES];  /* what a counter stood at when it was first read */
	uint64_t figure[VCPU_FIGURES]; /* since then */
	unsigned int looks;
	struct vcpu_look first, before, last;
};

struct model_queue {
	uint8_t vm, device;
	uint16_t index;
	uint32_t virtio_id, size;
	uint64_t now;
	struct quantile waiting; /* at each look */
};

#define MODEL_QUEUES_MAX 64

struct vm_vitals {
	struct model_vcpu vcpu[VITAL_VCPUS_MAX];
	size_t vcpus;
	struct model_queue queue[MODEL_QUEUES_MAX];
	size_t queues;
};

/* An event CONTEXT_VCPU_OUT; what is beyond the bounds is left out. */
void vm_vitals_take_out(struct vm_vitals *v, const struct strata_event *e);

/* CONTEXT_VITAL. -1 with a sentence if memory is short. */
int vm_vitals_take(struct vm_vitals *v, const struct strata_event *e);
void vm_vitals_free(struct vm_vitals *v);

/* Seconds between the first look and the last; latest: the last two. 0: no two looks. */
double vcpu_seconds(const struct model_vcpu *v, bool latest);

/* What came together in that time. NaN: no data. */
double vcpu_sum(const struct model_vcpu *v, enum vcpu_figure figure, bool latest);

/* ... per second: of nanoseconds, the part of the time. NaN: no data. */
double vcpu_rate(const struct model_vcpu *v, enum vcpu_figure figure, bool latest);

/* "net 1 in", "net 0 out", "disk 0": what a virtqueue is for. */
void queue_name(const struct model_queue *q, char *text, size_t bytes);

#endif
