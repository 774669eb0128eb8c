/*
 * Child processes: started in a network namespace or a root of their own, bounded in
 * time, and never left behind: a child gets its signal when the parent dies, however it dies.
 *
 * Threading: the parent-death signal follows the *thread* that started the child: start
 * children from a thread that lives as long as they should.
 */
#ifndef STRATA_LIB_PROC_H
#define STRATA_LIB_PROC_H

#include <sched.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct proc_options {
	int netns_fd;            /* network namespace to run in; -1: ours */
	const char *chroot_path; /* NULL: ours */
	const char *output_path; /* stdout and stderr appended to this file; NULL: ours */
	int stdout_fd;           /* stdout to this descriptor; -1: as above */
	const cpu_set_t *cpus;   /* that it may use; NULL: ours */
	int death_signal;        /* what the child gets when we die; 0: SIGKILL */
	bool own_group; /* a process group of its own: the terminal's Ctrl-C does not reach it
			 */
};

#define PROC_DEFAULTS                           \
	{                                       \
		.netns_fd = -1, .stdout_fd = -1 \
	}

/* Start argv (argv[0] looked up in PATH). Returns the pid, or -1 with a sentence; a program
 * that cannot be executed is reported here, not by the child. opt may be NULL. */
pid_t proc_start(const char *const argv[], const struct proc_options *opt);

/* Wait at most timeout_ms (-1: for ever). 0 and *status as waitpid's; 1 if it still runs; -1
 * with a sentence. */
int proc_wait(pid_t pid, int timeout_ms, int *status);

/* Signal, wait up to grace_ms, then SIGKILL; reaps it. */
void proc_end(pid_t pid, int signal, int grace_ms);

/*
 * Run argv to its end, at most timeout_ms, and fail with a sentence holding what it wrote to
 * stderr if it does not exit with 0. If out is not NULL, *out is its stdout, NUL-terminated, to
 * be freed.
 */
int proc_run(const char *const argv[], const struct proc_options *opt, int timeout_ms,
	     char **out);

/* "exited with 3", "was killed by SIGSEGV": for sentences. Valid until the thread's next call.
 */
const char *proc_status_text(int status);

#endif
