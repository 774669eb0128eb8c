/*
 * What the doctor looks at. A check is a row of the table in checks.c: what it is called, what
 * it is for, for what it is needed, and the function that looks. Looking leaves a finding.
 */
#ifndef STRATA_DOCTOR_CHECK_H
#define STRATA_DOCTOR_CHECK_H

enum state {
	STATE_OK,
	STATE_SLOW,    /* there, but not fit for the purpose */
	STATE_MISSING, /* not there */
	STATE_DENIED,  /* not for this user */
	STATE_COUNT,
};

const char *state_name(enum state s);

/* What cannot be done without it, a bit each. */
enum need {
	NEED_VM = 1 << 0,      /* the main job, here */
	NEED_TRACE = 1 << 1,   /* tracing a container or a bare server, here */
	NEED_TESTBED = 1 << 2, /* the testbed machine */
};

struct finding {
	enum state state;
	char detail[320];
	char remedy[320]; /* "" if there is nothing to be done */
};

struct check {
	const char *name;
	const char *purpose;
	unsigned int needed; /* enum need bits */
	void (*look)(struct finding *f, const void *arg);
	const void *arg;
};

enum check_id {
	CHECK_KERNEL,
	CHECK_PRIVILEGES,
	CHECK_LOCKDOWN,
	CHECK_CORES,
	CHECK_MEMORY,
	CHECK_CLOCK,
	CHECK_CGROUP,
	CHECK_CPU_VIRT,
	CHECK_KVM,
	CHECK_KVM_TSC,
	CHECK_KVM_SPEED,
	CHECK_VHOST,
	CHECK_IOMMU,
	CHECK_VFIO,
	CHECK_BTF,
	CHECK_TRACEPOINTS,
	CHECK_TP_BTF,
	CHECK_RAW_TP,
	CHECK_TP,
	CHECK_FENTRY,
	CHECK_UPROBE,
	CHECK_SOCKET_FILTER,
	CHECK_RINGS,
	CHECK_TRACEFS,
	CHECK_NETNS,
	CHECK_BRIDGE,
	CHECK_VETH,
	CHECK_TAP,
	CHECK_QEMU,
	CHECK_GUEST_IMAGE,
	CHECK_TESTBED_IMAGE,
	CHECK_COUNT
};

extern const struct check checks[CHECK_COUNT];

/* Run all checks, in the table's order. */
void checks_run(struct finding findings[CHECK_COUNT]);

/* Set state and detail; and the remedy. */
void found(struct finding *f, enum state s, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void remedy(struct finding *f, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* It failed with this error number: denied if root could do more, missing otherwise. */
void found_errno(struct finding *f, int error, const char *what);

/* The text of a small file without its last line end. -1 if it cannot be read. */
int read_text(const char *path, char *text, unsigned long bytes);

#define REMEDY_ROOT    "run as root (sudo strata doctor)"
#define REMEDY_TESTBED "run inside the testbed machine: strata testbed run -- COMMAND"

#endif
