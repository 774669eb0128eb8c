/* What the files of libprobes share. */
#ifndef STRATA_PROBES_INTERNAL_H
#define STRATA_PROBES_INTERNAL_H

#include <pthread.h>

#include "probes/bpf/config.h"
#include "probes/kernel.h"
#include "probes/probes.h"
#include "probes/programs.h"

struct bpf_link;
struct bpf_map;
struct bpf_object;
struct bpf_program;
struct event_rings;
struct ring_buffer;

#define IRQS_MAX      4096 /* lines that the irqs map has room for */
#define WHY_NOT_BYTES 160

/* How one program of the table stands in this session. */
struct program_state {
	bool wanted;    /* the configuration has a use for it */
	bool used;      /* ... and it was loaded and attached, or is about to be */
	bool failed;    /* refused once: not tried again */
	bool taken_off; /* it was attached, and grew too dear */
	char why_not[WHY_NOT_BYTES];
	struct bpf_program *program;
	struct bpf_link *link;
};

#define GOVERNED_MAX 4

/* What uprobes are asked: governor.c. */
struct governor {
	uint64_t looked_ns, began_ns; /* CLOCK_MONOTONIC; of the window */
	uint64_t requests;            /* that uprobes had seen when it began */
	bool done;
	struct bpf_link *links[GOVERNED_MAX]; /* taken off, by a thread */
	unsigned int link_count;
	bool destroying;
	pthread_t thread;
};

struct probes {
	struct probes_config config;
	struct probes_callbacks callbacks;
	struct kernel kernel;
	struct program_state state[PROGRAMS_MAX];
	unsigned int needs;           /* enum need bits that the configuration meets */
	unsigned char irqs[IRQS_MAX]; /* by line: IRQ_LINE_NIC, a VM's number, 0 */

	struct probes_bpf *skel;
	void *elf; /* the object file with a filter in it; NULL: as it was built */
	struct ring_buffer *reader;       /* of wire records */
	struct event_rings *rings;        /* by CPU; NULL before they are made */
	__u32 slots;                      /* of each */
	int spare_events;                 /* the map of one that no CPU has yet, or -1 */
	int wire_fds[PROBES_DEVICES_MAX]; /* packet sockets */
	unsigned int wire_count;
	int stats_fd; /* keeps run-time statistics enabled, or -1 */
	uint64_t lost_in_reader;
	int poll_left; /* wire records that this poll may still take */
	struct drops drops;
	struct governor governor;
	struct probe_report report[PROGRAMS_MAX];
};

/* configure.c: from struct probes_config to what programs and maps hold. */
int configure_check(const struct probes_config *c);
void configure_needs(struct probes *p);
void configure_constants(const struct probes *p, struct bpf_config *out);
int configure_devices(const struct probes_config *c, struct device_slot *slots, __u32 *seed);
int configure_maps(const struct probes *p);

/* choose.c: which programs are used on this kernel. */
void choose_programs(struct probes *p);
bool choose_uses(const struct probes *p, const char *name);
void choose_refuse(struct probes *p, size_t program, const char *why);

/* probes.c: the sentence for who may not load eBPF programs, with errno. -1. */
int err_not_root(void);

/* attach.c */
int attach_all(struct probes *p, size_t *culprit);
void attach_undo(struct probes *p);

/* rings.c: before loading, after it, and in the end. */
int rings_size(struct probes *p);
int rings_create(struct probes *p);
void rings_destroy(struct probes *p);
__u32 rings_default_bytes(unsigned int cpus); /* of each CPU's events */
int rings_poll(struct probes *p);
uint64_t rings_lost(const struct probes *p);

/* governor.c: now and then; takes uprobes off if there are too many requests. */
void governor_look(struct probes *p);
void governor_end(struct governor *g);

/* Were there more requests than the limit since the window began? A new one begins each second.
 */
bool governor_exceeds(struct governor *g, uint64_t now, uint64_t requests, unsigned int limit);

#endif
