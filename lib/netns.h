/*
 * Network namespaces and what stands in them, held by descriptors alone: a namespace that
 * has no name and no process vanishes with the last descriptor, and its bridges, taps and
 * veth pairs with it. So whatever way a program ends, nothing is left behind.
 */
#ifndef STRATA_LIB_NETNS_H
#define STRATA_LIB_NETNS_H

#include <stdint.h>
#include <sys/types.h>

#include <jansson.h>

/* A new, empty network namespace with loopback up. Returns a descriptor (close-on-exec), or -1
 * with a sentence. */
int netns_create(void);

/* The namespace a process is in; pid 0 is ourselves. -1 with a sentence. */
int netns_of_pid(pid_t pid);

/* Its inode number: the name that kernels and eBPF know it by. 0 with a sentence if fd is no
 * namespace. */
uint32_t netns_inode(int fd);

/* The number that our namespace knows that one by (link_netnsid of what leads there). -1: it
 * does not know it, or with a sentence cannot be asked. */
int netns_id(int fd);

/* Run "ip WORDS..." in it: words are one string, split at spaces. -1 with a sentence holding
 * ip's own. */
int netns_ip(int fd, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* All its links as "ip -json -details link show" lists them; NULL with a sentence. The caller's
 * reference. */
json_t *netns_links(int fd);

/* Write one of its sysctls under /proc/sys/net: key as in sysctl(8) with slashes,
 * "ipv6/conf/all/disable_ipv6". */
int netns_sysctl(int fd, const char *key, const char *value);

#endif
