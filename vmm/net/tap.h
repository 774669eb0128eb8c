/*
 * A tap device, opened with virtio-net headers: what the host's network stack and the
 * VMM hand frames through (Linux, Documentation/networking/tuntap.rst).
 */
#ifndef STRATA_VMM_NET_TAP_H
#define STRATA_VMM_NET_TAP_H

#include <linux/if_ether.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

/* Linux 6.2, younger than the headers that we are built with */
#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif

/* Open one more queue of the tap or macvtap that exists under that name. -1 with a sentence. */
int tap_open(const char *name, bool multi_queue);

/* A macvtap has frames for its own address only, and a file of its own in /dev. */
bool tap_is_macvtap(const char *name);

/* Check that fd, inherited, is a tap with virtio-net headers, and find its name. */
int tap_adopt(int fd, char name[IFNAMSIZ]);

/* Frames carry 12-byte headers, reads do not block. -1 with a sentence. */
int tap_prepare(int fd);

/* Is the tap still there? It may be removed under us. */
bool tap_present(int fd);

/* The interface's own address. -1 with a sentence. */
int tap_address(int fd, uint8_t mac[ETH_ALEN]);

/* Does the kernel know these TUN_F_ bits? Leaves no offload set. */
bool tap_knows_offloads(int fd, unsigned int offloads);

/* What the guest can take: TUN_F_ bits. Best effort; a tap that cannot hands whole frames. */
void tap_set_offloads(int fd, unsigned int offloads);

/* Multi-queue: does this queue take part? */
void tap_attach_queue(int fd, bool attach);

#endif
