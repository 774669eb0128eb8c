/*
 * A tap device, opened with virtio-net headers: what the host's network stack and the
 * VMM hand frames through (Linux, Documentation/networking/tuntap.rst).
 */
#ifndef STRATA_VMM_NET_TAP_H
#define STRATA_VMM_NET_TAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* Open one more queue of the tap that exists under that name. -1 with a sentence. */
int tap_open(const char *name, bool multi_queue);

/* Check that fd, inherited, is a tap with virtio-net headers, and find its name. */
int tap_adopt(int fd, char name[IFNAMSIZ]);

/* Frames carry 12-byte headers, reads do not block. -1 with a sentence. */
int tap_prepare(int fd);

/* What the guest can take: TUN_F_ bits. Best effort; a tap that cannot hands whole frames. */
void tap_set_offloads(int fd, unsigned int offloads);

/* Multi-queue: does this queue take part? */
void tap_attach_queue(int fd, bool attach);

#endif
