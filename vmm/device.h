/*
 * What a device is to the machine: a descriptor with designated initialisers in the file
 * that implements it, and one row in the list of vmm/devices.c. From the descriptor come the
 * option that configures the device, its line in --help, and its part of the status.
 *
 * Life: check() when the command line is read, create() before vCPUs run, status() at any
 * time, destroy() after vCPUs and the I/O thread have stopped.
 *
 * Threading: create() and destroy() run on the main thread; status() on the control thread
 * while everything else runs, so counters are read relaxed.
 */
#ifndef STRATA_VMM_DEVICE_H
#define STRATA_VMM_DEVICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#define ARGUMENTS_MAX 16

struct limits;
struct machine;
struct pci_device;

/* One key of a device's option: "tap=NAME", or a bare "readonly" if value is NULL. */
struct argument {
	const char *key;
	const char *value; /* what stands for the value in --help */
	bool required;
	const char *help;
};

/* An option's text taken apart: "mode=virtio,tap=web0,readonly". A bare key has the value "".
 */
struct arguments {
	char *text; /* the copy that keys and values point into */
	struct {
		const char *key;
		const char *value;
	} pair[ARGUMENTS_MAX];
	int count;
};

/* Take text (NULL: no arguments) apart; keys must be in the table. Fails with a sentence. */
int arguments_parse(struct arguments *a, const char *text, const struct argument *table);
void arguments_free(struct arguments *a);

/* The value of key, or otherwise if it was not given. */
const char *arguments_get(const struct arguments *a, const char *key, const char *otherwise);

bool arguments_has(const struct arguments *a, const char *key);

/* A decimal number in [min, max], left as it is in *out if not given. Fails with a sentence. */
int arguments_number(const struct arguments *a, const char *key, uint64_t min, uint64_t max,
		     uint64_t *out);

/* The same for a size: "65536", "64K", "512M", "2G". */
int arguments_size(const struct arguments *a, const char *key, uint64_t min, uint64_t max,
		   uint64_t *out);

/* The same for a text that is the value alone. */
int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *out);
int parse_size(const char *text, uint64_t min, uint64_t max, uint64_t *out);

/* One device of a running machine. */
struct device {
	const struct device_type *type;
	struct machine *machine;
	int index;              /* 1.. in order of creation: event.device, topology */
	void *state;            /* the device's own, set by create() */
	struct pci_device *pci; /* set by create() if it is one: the status then tells its BARs,
				 * MSI-X messages and doorbells */
	struct device *next;
};

struct device_type {
	const char *name; /* the option without its dashes; also the type in status */
	const char *mode; /* "--NAME mode=MODE": types of one name are its modes, the first in
			   * the list is the default. NULL: it has but one */
	const char *help; /* one line */

	/* Ends with a row whose key is NULL. NULL: the option takes none. */
	const struct argument *arguments;

	bool always;        /* every machine has one, the option merely configures it */
	bool hidden;        /* has no option */
	bool many;          /* may be given several times */
	bool shared_memory; /* another process must be able to map the guest's memory */

	/* What the table cannot say ("tap or fd, not both"). Failing is wrong usage. May be
	 * NULL. */
	int (*check)(const struct arguments *a);

	int (*create)(struct device *d, const struct arguments *a);

	/* Also called after a create() that failed, if it had set d->state. */
	void (*destroy)(struct device *d);

	/* Put counters and settings into the object. May be NULL. */
	void (*status)(struct device *d, json_t *into);

	/* What it may carry (vmm/limit.h). NULL: it keeps no limits, and no_limits is the
	 * sentence that says who does instead; NULL, too, if there is nothing to limit. */
	struct limits *(*limits)(struct device *d);
	const char *no_limits;
};

/* The one list of devices (vmm/devices.c), ends with NULL. */
extern const struct device_type *const device_types[];

#endif
