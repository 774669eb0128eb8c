/*
 * Which interrupts are a VM's network card's: the messages (MSI; Intel SDM volume 3, 11.11) and
 * lines that were sent while it was traced, and of how many requests each announced the frame.
 * No kernel tells where an irqfd leads; what is sent through it does. Part of the model.
 */
#ifndef STRATA_TRACER_MESSAGES_H
#define STRATA_TRACER_MESSAGES_H

#include <stddef.h>
#include <stdint.h>

struct message {
	uint32_t address;  /* its low half; of a line, its number */
	uint32_t data;     /* 0: it is a line, for the vector in a message's is 16 or more */
	uint32_t tid;      /* of the thread that sent it; 0: several did */
	uint8_t vm;        /* to whom */
	uint64_t sent;     /* in the whole recording */
	uint64_t requests; /* whose frame it announced */
};

#define MESSAGES_MAX 128

struct messages {
	struct message at[MESSAGES_MAX];
	size_t count;
	uint64_t others; /* sent, of more kinds than there is room for */
};

/* One was sent. */
void messages_sent(struct messages *m, uint8_t vm, uint32_t address, uint32_t data,
		   uint32_t tid);

/* ... and taken for the one that announced a request. */
void messages_announced(struct messages *m, uint8_t vm, uint32_t address, uint32_t data);

/* The interrupt vector in the guest, and the APIC that it goes to: 15 bits of it, as KVM has
 * them (Documentation/virt/kvm/x86/cpuid.rst, KVM_FEATURE_MSI_EXT_DEST_ID). */
unsigned int message_vector(const struct message *m);
unsigned int message_destination(const struct message *m);

/* Those that announced requests, who announced most first: indices into at[]. How many. */
size_t messages_of_requests(const struct messages *m, size_t *indices, size_t max);

#endif
