/*
 * Packets that the kernel dropped: why and where, as it numbers that, and as people call it.
 * Numbers differ from kernel to kernel, so each kernel's own library names its own.
 */
#ifndef STRATA_PROBES_DROPS_H
#define STRATA_PROBES_DROPS_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#define DROPS_MAX 64 /* different ones */

struct probe_drop {
	uint64_t place;  /* address of the code that dropped */
	uint32_t reason; /* enum skb_drop_reason of this kernel */
	char name[48];   /* of the reason, without its prefix; "" unknown */
	char symbol[64]; /* of the function; "" unknown */
};

struct drops {
	struct probe_drop at[DROPS_MAX];
	size_t count;
};

/* Cheap; what is new beyond DROPS_MAX is not kept. */
void drops_note(struct drops *d, uint32_t reason, uint64_t place);

/* Fill in the names that can be known: BTF and /proc/kallsyms. */
void drops_name(struct drops *d);

/* For META: [{"reason": number, "name": its name, "place": the address's low half, "symbol"}].
 * Of a kernel's code the high half is always the same. */
json_t *drops_meta(const struct drops *d);

#endif
