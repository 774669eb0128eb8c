/*
 * A PCI device lent to virtual machines: taken from the host for vfio-pci (lib/plumbing.h), and
 * given back whatever way this process ends. A guardian process, which notices our end by a
 * pipe that only we hold, waits until the VM has let go and does it in our place; and should
 * that have been killed as well, the next one who takes it finds what is written down and
 * repairs it first.
 *
 * Threading: one thread.
 */
#ifndef STRATA_LIB_LENT_H
#define STRATA_LIB_LENT_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

struct lent {
	const char *name; /* it is written down under this one; "" or NULL: nothing is lent */
	pid_t guardian;   /* 0: none */
	int life;         /* it watches for the end of this pipe */
};

/* The PCI address of a network card of this namespace; "" if it is none. */
void lent_card_address(char address[16], const char *card);

/* Give it to vfio-pci. told gets each command. force: although the host could use it. -1 with a
 * sentence; return it in any case. */
int lent_take(struct lent *l, const char *name, const char *address, bool force, FILE *told);

/* Give it back to its driver, once no process has it open any more; the error text stays what
 * it is. Nothing if nothing is lent. */
void lent_return(struct lent *l, FILE *told);

/* Give back what one who was killed, and its guardian with it, has left under that name. -1
 * with a sentence. */
int lent_repair(const char *name);

#endif
