/*
 * Devices to spare on this machine, for machines that have their own: a network card on one
 * cable with another, which is the client's, and an NVMe drive. Whatever is on the drive is
 * overwritten.
 *
 * Threading: one thread.
 */
#ifndef STRATA_BENCH_PEERS_SPARE_H
#define STRATA_BENCH_PEERS_SPARE_H

#include <stdbool.h>

#include "lib/lent.h"

struct spare {
	char client[16];          /* the client's card; "": nothing is to spare */
	char card[16], drive[16]; /* PCI addresses; drive "": none */
	struct lent card_lent, drive_lent;
	bool taken;
};

/* wire: "CLIENT,CARD", cards' names; drive: a PCI address. NULL: the testbed's, or none. -1
 * with a sentence: there are no such devices. */
int spare_find(struct spare *s, const char *wire, const char *drive);

/* Lend them, and put the client's card into that network namespace, from where the machine's
 * address is reached over it. Once; -1 with a sentence. */
int spare_take(struct spare *s, int netns, const char *folder);

/* From now on (or no longer) the machine's address is reached over that card. -1 with a
 * sentence. */
int spare_connect(const struct spare *s, int netns, bool connected);

/* Give all back. */
void spare_return(struct spare *s, int netns, const char *folder);

#endif
