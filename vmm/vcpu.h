/*
 * A virtual processor: its KVM descriptor, its CPUID, its thread.
 *
 * Threading: create and destroy on the main thread; the rest of a vCPU is its own thread's,
 * which others reach by vcpu_kick().
 */
#ifndef STRATA_VMM_VCPU_H
#define STRATA_VMM_VCPU_H

#include <stdint.h>

struct kvm_cpuid2;
struct machine;
struct vcpu;

/* The signal that takes a vCPU out of the guest. */
#define VCPU_KICK_SIGNAL SIGRTMIN

int vcpu_create(struct machine *m, int index);
void vcpu_destroy(struct vcpu *v);

/* Put the first vCPU where PVH wants it: 32-bit protected mode, no paging, ebx at the start
 * info. */
int vcpu_set_pvh_entry(struct vcpu *v, uint32_t entry, uint32_t start_info);

/* Machine's lock held. */
int vcpu_start(struct vcpu *v);
void vcpu_join(struct vcpu *v);

/* Make the vCPU's thread leave the guest and look at the machine's run state. Machine's lock
 * held. */
void vcpu_kick(struct vcpu *v);

/* "io", "mmio", ... for status; NULL for reasons without a name. */
const char *vcpu_exit_name(unsigned int reason);

/* Give the vCPU the host's CPUID, with its own number and the machine's topology (cpuid.c). */
int cpuid_set(struct vcpu *v);

/* Only what depends on the topology, apart so that it can be tested. */
void cpuid_topology(struct kvm_cpuid2 *c, unsigned int index, unsigned int count);

#endif
