/*
 * CPU time that a server costs its host.
 *
 * Server: every thread of its process and of that one's children, the guest's own time in vCPU
 * threads included, and vhost's workers, whether they are threads of the VMM (Linux 6.4 and
 * later) or of the kernel. From /proc/PID/task/TID/schedstat, in nanoseconds (Linux,
 * Documentation/scheduler/sched-stats.rst).
 *
 * Machine: what its CPUs were not idle (/proc/stat, proc(5)): interrupts, softirqs (NIC,
 * bridge), kernel threads, everybody's processes. It is counted in steps of 10 ms; a difference
 * of less than CPU_STEPS_MIN such steps is told as unknown.
 */
#ifndef STRATA_SCENARIOS_COMPARE_CPU_H
#define STRATA_SCENARIOS_COMPARE_CPU_H

#include <stdint.h>
#include <sys/types.h>

#define CPU_STEPS_MIN 20

struct cpu_time {
	uint64_t server_ns;
	uint64_t machine_ns;
	uint64_t children_ns; /* ours that have ended: the client */
};

/* What it comes to until now. */
void cpu_read(struct cpu_time *t, pid_t server);

/* Between two readings, per request; NaN: unknown. */
double cpu_server(const struct cpu_time *from, const struct cpu_time *to, int requests);
double cpu_host(const struct cpu_time *from, const struct cpu_time *to, int requests);

#endif
