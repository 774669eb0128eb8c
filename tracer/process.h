/*
 * What /proc says of a process: the files it holds open, its threads, its words, and whose
 * process listens on a port.
 */
#ifndef STRATA_TRACER_PROCESS_H
#define STRATA_TRACER_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Call each() for every descriptor and what it leads to ("/dev/net/tun", "anon_inode:kvm-vm").
 * -1 with a sentence if there is no such process or it is not ours to look at. */
int process_each_fd(pid_t pid, void (*each)(void *ctx, int fd, const char *target), void *ctx);

/* The value of a field in that descriptor's fdinfo; false if it has none. */
bool process_fd_field(pid_t pid, int fd, const char *field, char *value, size_t bytes);

/* Its command line: words that end with NUL each, *bytes in all. To be freed; NULL if there is
 * none. */
char *process_words(pid_t pid, size_t *bytes);

/* The word that follows one of these options (or stands behind its "="): NULL if none does.
 * Borrowed from words. */
const char *words_option(const char *words, size_t bytes, const char *option);

/* The process that a thread is one of; 0: it is gone. */
pid_t process_of_thread(pid_t tid);

/* Where a thread is accounted: its path below the hierarchy that has the CPU controller, "" if
 * it is gone or there are no cgroups. */
void process_cgroup(pid_t tid, char *path, size_t bytes);

/* Is it a VMM: has it a VM of KVM's open? */
bool process_is_vm(pid_t pid);

/* That VM as its VMM was told to call it, else as the VMM itself is called. */
void process_vm_name(pid_t pid, char *name, size_t bytes);

/*
 * Which process listens on one of these TCP ports in the network namespace (its descriptor)?
 * Of several, such as nginx's workers, the one with the highest number: it serves. 0: none;
 * -1 with a sentence if that cannot be found out.
 */
pid_t process_listening(int netns_fd, const uint16_t *ports, unsigned int count);

#endif
