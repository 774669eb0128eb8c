/*
 * A tiny guest for /dev/kvm: 64 KiB of memory, one vCPU in long mode, code of our own and no
 * kernel. Fit to find out whether KVM runs guest kernel code, and how fast.
 */
#ifndef STRATA_DOCTOR_GUEST_H
#define STRATA_DOCTOR_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include <linux/kvm.h>

struct guest {
	int vm, vcpu;
	uint8_t *memory;
	struct kvm_run *run;
	size_t run_bytes;
};

#define GUEST_SCRATCH 0x8000 /* address of memory that the code may use: its rdi */

/* -1 with a sentence. guest_destroy() is due in either case. */
int guest_create(struct guest *g, int kvm);
void guest_destroy(struct guest *g);

/* Put code into its memory and its instruction pointer there. -1 with a sentence. */
int guest_load(struct guest *g, const void *code, size_t len);

/* Set the arguments of the code and start it afresh. */
int guest_call(struct guest *g, uint64_t rsi);

/* From now on it may run for so long in all; 0: for ever. */
void guest_limit(unsigned int ms);

/* Run until the next exit, which is in g->run. -1 with a sentence, also if its time is up. */
int guest_run(struct guest *g);

/* The exit's name. */
const char *guest_exit_name(const struct guest *g);

#endif
