/*
 * The table that tells KVM where each GSI goes: the interrupt controllers' pins, and
 * one message per MSI vector. KVM takes the whole table at once, so it is kept here.
 *
 * Threading: any thread; the table locks itself.
 */
#ifndef STRATA_VMM_ROUTES_H
#define STRATA_VMM_ROUTES_H

#include <stdint.h>

struct irq_routes;

struct irq_routes *routes_create(int vm_fd);
void routes_destroy(struct irq_routes *r);

/* A fresh GSI for an MSI vector; -1 with a sentence if there is none left. */
int routes_allocate(struct irq_routes *r);

/* Send gsi's interrupts as this message, and tell KVM, unless it knows. */
int routes_set_msi(struct irq_routes *r, unsigned int gsi, uint64_t address, uint32_t data);

#endif
