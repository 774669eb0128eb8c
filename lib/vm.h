/*
 * A virtual machine as a process: start strata-vmm, talk to its control socket.
 *
 * The program is a plain list of words, so whoever starts a VM says what every option is.
 * Stands on lib/proc.h: the VM ends with the thread that started it.
 */
#ifndef STRATA_LIB_VM_H
#define STRATA_LIB_VM_H

#include <jansson.h>
#include <sys/types.h>

#include "lib/proc.h"

/*
 * Start argv (strata-vmm and its options, which must name the control socket) and wait until it
 * answers, at most timeout_ms. Its process id, to be ended by proc_end(); -1 with a sentence,
 * the program's own words with it if opt collects its output in a file.
 */
pid_t vm_start(const char *const argv[], const char *control, const struct proc_options *opt,
	       int timeout_ms);

/*
 * Send one request, give its reply: an object with "ok":true, the caller's reference. NULL with
 * a sentence if it cannot be reached in time, or says no.
 */
json_t *vm_ask(const char *control, json_t *request, int timeout_ms);

/* The same for a request without arguments. */
json_t *vm_do(const char *control, const char *what, int timeout_ms);

#endif
