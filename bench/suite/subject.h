/*
 * What benchmarks are run in. A subject is brought up and taken down once per round.
 *
 * All but KVM alone serve: bench/peers starts them, machines of strata's monitor and of others
 * as well as processes on this kernel. Which machines there are is said by the monitors' files.
 *
 * Threading: one thread.
 */
#ifndef STRATA_BENCH_SUITE_SUBJECT_H
#define STRATA_BENCH_SUITE_SUBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/peers/monitor.h"
#include "bench/suite/bench.h"

enum subject_kind {
	SUBJECT_KVM = 1 << 0,       /* KVM alone: the benchmark makes its machine itself */
	SUBJECT_BARE = 1 << 1,      /* processes on this kernel */
	SUBJECT_CONTAINER = 1 << 2, /* ... in namespaces of their own */
	SUBJECT_EMULATED = 1 << 3,
	SUBJECT_VIRTIO = 1 << 4,
	SUBJECT_VHOST = 1 << 5,
	SUBJECT_BOOT = 1 << 6, /* a machine without devices, from its start on */
	SUBJECT_PASSTHROUGH = 1 << 7,
	SUBJECT_TAPPED = SUBJECT_EMULATED | SUBJECT_VIRTIO | SUBJECT_VHOST,
	SUBJECT_HOST = SUBJECT_BARE | SUBJECT_CONTAINER,
	SUBJECT_PARAVIRTUAL = SUBJECT_VIRTIO | SUBJECT_VHOST,
	SUBJECT_WIRED = SUBJECT_EMULATED | SUBJECT_PARAVIRTUAL | SUBJECT_PASSTHROUGH,
	SUBJECT_MACHINE = SUBJECT_BOOT | SUBJECT_WIRED,
	SUBJECT_NETWORK = SUBJECT_HOST | SUBJECT_WIRED,
	SUBJECT_WORK = SUBJECT_HOST | SUBJECT_VIRTIO,
	SUBJECT_DISK = SUBJECT_HOST | SUBJECT_EMULATED | SUBJECT_VIRTIO | SUBJECT_PASSTHROUGH,
};

struct subject {
	enum subject_kind kind;
	const char *monitor; /* "strata", "qemu-q35", ...; NULL: there is none */
	const char *name;    /* "kvm", "bare", "virtio", ... */
	const struct monitor *by;
	const struct monitor_mode *mode;

	/* 0, or -1 with a sentence: it cannot be on this machine. */
	int (*needs)(const struct subject *s);
	int (*up)(const struct subject *s, struct bench_context *c);
	void (*down)(const struct subject *s, struct bench_context *c);
};

#define SUBJECTS_MAX 64

/* Where they come from beside what is always there. */
struct subject_sources {
	char *monitor[MONITORS_MAX]; /* files of the user's */
	unsigned int monitors;
	const char *wire, *drive; /* what may be passed through; NULL: none, or the testbed's */
};

extern struct subject subjects[];
extern unsigned int subject_count;

/* One more file. -1 with a sentence: they are too many. */
int subjects_add_monitor(struct subject_sources *s, char *path);

/* Read the monitors' files, and make the list of subjects from them. from is borrowed until
 * subjects_close(). -1 with a sentence. */
int subjects_load(const struct subject_sources *from);

/* Versions of the other monitors, by their names; the caller's. */
json_t *subjects_versions(void);

/* "strata:virtio", "bare": as --list and --subjects have it. */
const char *subject_label(const struct subject *s, char label[48]);

/* End what subjects have in common: namespace, bridge, disk, what was lent. */
void subjects_close(void);

#endif
