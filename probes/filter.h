/*
 * A filter of connections in the kernel: classic BPF translated to eBPF and put into the place
 * of a stub, flow_filter() of probes/bpf/filter.bpf.c, in the object file before libbpf opens
 * it. Function programs (freplace) would do the same where the kernel has trampolines; many
 * have none.
 */
#ifndef STRATA_PROBES_FILTER_H
#define STRATA_PROBES_FILTER_H

#define FILTER_ROOM 511    /* instructions of the stub, before its exit */
#define FILTER_MARK 358138 /* the stub consists of "r0 = this" */

#ifndef __bpf__
#include <linux/bpf.h>
#include <stddef.h>

#include "lib/flow_filter.h"

/* Fill out, followed by an exit, with instructions that leave 0 or 1 in r0; what is not needed
 * of it comes first and does nothing. -1 with a sentence if the filter is not valid. */
int filter_translate(const struct flow_filter *f, struct bpf_insn out[FILTER_ROOM]);

/* Put them into the object file. -1 with a sentence. */
int filter_insert(const struct flow_filter *f, void *elf, size_t bytes);
#endif

#endif
