/*
 * What a kernel says of processes, threads and its CPUs' time (/proc): their names and parents,
 * how long they ran and waited, which threads are ksoftirqd, and how much time the hypervisor
 * took from the CPUs (steal).
 */
#ifndef STRATA_LIB_THREADS_H
#define STRATA_LIB_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

/* The name of a process, or of a thread, as the kernel has it; "" if it is gone. */
void threads_name(pid_t id, char *name, size_t bytes);

/* Call each() with every process in "/proc", or every thread in "/proc/PID/task", and its name,
 * until it returns false. */
void threads_each(const char *folder, bool (*each)(void *ctx, pid_t id, const char *name),
		  void *ctx);

/* A new reference: an array of their thread ids; empty where none is to be seen. */
json_t *threads_ksoftirqd(void);

/* Its parent; 0 if it is gone. */
pid_t threads_parent(pid_t id);

/* How long a thread has been on a CPU, and ready without one, in nanoseconds since it began
 * (Linux, Documentation/scheduler/sched-stats.rst, /proc/PID/schedstat). False if it is gone,
 * or the kernel does not tell. */
bool threads_sched(pid_t pid, pid_t tid, uint64_t *ran_ns, uint64_t *waited_ns);

/* What all threads that a process has have run so far, in nanoseconds; 0 if it is gone. */
uint64_t threads_ran_ns(pid_t pid);

/* When a process or thread started, in clock ticks since boot (proc(5)); 0 if there is none,
 * or one that has ended and only waits to be reaped. With its id it names it as long as the
 * machine runs. */
uint64_t threads_start(pid_t id);

/* Since boot, all CPUs together, in steps of the kernel's tick; 0 on a machine that is told
 * nothing of it. */
uint64_t threads_steal_ms(void);

/* The same of each CPU, in nanoseconds, by its number. Returns how many there are, max at most.
 */
size_t threads_steal_each(uint64_t ns[], size_t max);

#endif
