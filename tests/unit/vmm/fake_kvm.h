/*
 * A KVM that only remembers what it was told (vmm/kvm.h), for tests and fuzzers of what stands
 * on it. It checks what holds whatever a guest does: memory slots never overlap, doorbells are
 * taken back where they were put, interrupts have a route.
 */
#ifndef STRATA_TESTS_FAKE_KVM_H
#define STRATA_TESTS_FAKE_KVM_H

#include <stdbool.h>
#include <stdint.h>

#include "vmm/machine.h"

#define FAKE_SLOTS     512
#define FAKE_DOORBELLS 64
#define FAKE_GSIS      512

struct fake_kvm {
	struct {
		uint64_t gpa, bytes;
		void *host;
	} slot[FAKE_SLOTS];
	struct {
		bool port, used;
		uint64_t addr;
		unsigned int size;
		int fd;
	} doorbell[FAKE_DOORBELLS];
	struct {
		int fd;          /* the irqfd, 0: none */
		int resample_fd; /* of a pin's */
		bool routed;
		uint64_t address;
		uint32_t data;
	} gsi[FAKE_GSIS];
	unsigned int next_gsi;
	unsigned int routes_written;
	bool line[24];
	enum machine_end end;
	char end_text[128];
};

extern struct fake_kvm fake_kvm;

/* A machine with memory, buses and a PCI bus, on a fresh fake. Aborts if that fails. */
void fake_machine(struct machine *m, uint64_t memory_bytes);
void fake_machine_destroy(struct machine *m);

#endif
