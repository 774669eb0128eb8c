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

/*
 * Which process listens on one of these TCP ports in the network namespace (its descriptor)?
 * Of several, such as nginx's workers, the one with the highest number: it serves. 0: none;
 * -1 with a sentence if that cannot be found out.
 */
pid_t process_listening(int netns_fd, const uint16_t *ports, unsigned int count);

#endif
