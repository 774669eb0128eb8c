/* Which interrupt lines bring a network device's packets. Internal to libprobes. */
#ifndef STRATA_PROBES_IRQS_H
#define STRATA_PROBES_IRQS_H

#include <stdbool.h>
#include <stdio.h>

/* Call add() for each line of f, as /proc/interrupts, that matches one of the names. */
int irqs_scan(FILE *f, bool (*matches)(const char *irq_name, const char *name),
	      const char *const *names, unsigned int count,
	      void (*add)(void *ctx, unsigned int irq), void *ctx);

/* Is that the name a driver gives a receive interrupt of that device? */
bool irqs_name_matches(const char *irq_name, const char *device);

/* Is that the name VFIO gives a message of the device at that PCI address? */
bool irqs_passed_matches(const char *irq_name, const char *address);

/* "virtio0" for a virtio network device, whose interrupts are named so; "" for others. */
void irqs_bus_name(const char *ifname, char *out, size_t bytes);

#endif
