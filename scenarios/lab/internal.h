/* Inside the laboratory: see lab.h. */
#ifndef STRATA_SCENARIOS_LAB_INTERNAL_H
#define STRATA_SCENARIOS_LAB_INTERNAL_H

#include "scenarios/lab/lab.h"

/* The client's end of the wire, the host's, and the bridge there: made when first needed. -1
 * with a sentence. */
int lab_need_client(struct lab_site *site);
int lab_need_uplink(struct lab_site *site);
int lab_need_bridge(struct lab_site *site);

/* Lend the site's spare card to the VM. -1 with a sentence. */
int lab_take_card(struct lab *lab);
void lab_return_card(struct lab *lab);

/* Give back what a laboratory that was killed, and its guardian with it, has left. */
int lab_repair_card(void);

/* Open vSwitch with the bridge br0 on this site; one of ovs-vsctl's commands to that bridge
 * ("add-port", "del-port"), and for which port. -1 with a sentence. */
int lab_ovs_start(struct lab_site *site);
void lab_ovs_stop(struct lab_site *site);
int lab_ovs(const char *what, const char *port);

/* Start the server's process: strata-vmm or nginx. */
int lab_start_vm(struct lab *lab, const struct lab_vm *vm);
int lab_start_nginx(struct lab *lab);

#endif
