/*
 * The way from a virtual machine to the wire: a tap on a bridge, a macvtap, a port of Open
 * vSwitch, or a device given to vfio-pci. Made with the commands that an administrator would
 * type (ip, bridge, ovs-vsctl, writes to sysfs), each of them shown.
 *
 * Nothing is touched that was not made here. What is made is written down before it is made, in
 * /run/strata/net/NAME.json, and marked on the object itself: the alias of a link, the
 * external_ids of an Open vSwitch record are "strata:NAME". down removes what carries the mark,
 * whatever became of up: finished, failed, killed, or forgotten because /run is gone.
 *
 * Works in the caller's network namespace; needs root unless dry. Threading: one at a time per
 * machine, held by a lock.
 */
#ifndef STRATA_LIB_PLUMBING_H
#define STRATA_LIB_PLUMBING_H

#include <stdbool.h>
#include <stdio.h>
#include <sys/types.h>

#include <jansson.h>

struct plumbing {
	const char *name;
	const char *way; /* "bridge", "ovs", "macvtap", "none"; NULL: passthrough */
	const char *bridge;
	const char *uplink; /* NULL: none */
	const char *tap;
	const char *mode; /* of a macvtap: "bridge", "vepa", "private", "passthru" */
	const char *user; /* who may open the tap; NULL: root */
	const char *mac;  /* of a macvtap or virtual function; NULL: the kernel's choice */
	int queues;       /* 1: not multi-queue */
	int vlan;         /* 0: none */
	const char
		*device; /* PCI address to pass through; NULL: none, or the virtual function */
	const char *of;  /* network device whose virtual function vf is passed through */
	int vf;
	pid_t owner; /* a leftover of a process that is gone is undone by the next up; 0: none
		      */
	bool force;  /* take an uplink or device although the host itself uses it */
};

/* told gets each command as "+ ip ...", and what is not made because it is there already.
 * dry_run: that alone. What fails is undone. -1 with a sentence. */
int plumbing_up(const struct plumbing *p, FILE *told, bool dry_run);

/* Remove all that carries the mark or is written down under that name; nothing there is fine.
 * -1 with a sentence if something had to stay; the rest is gone then. */
int plumbing_down(const char *name, FILE *told, bool dry_run);

/* The same if the process that it was made for is gone, and nothing if not. */
int plumbing_repair(const char *name, FILE *told);

/* 0 if this host does not use that network card itself: no address but link-local ones, no
 * default route. -1 with a sentence that says what would happen if it were taken. */
int plumbing_card_is_free(const char *card, const char *what_happens);

/* All that is known, document strata.net/1; the caller's. NULL with a sentence. */
json_t *plumbing_list(void);

#endif
