/*
 * What the files of the topology share: links as "ip -json -details link show" lists them, and
 * from them to devices and what they are plugged into.
 */
#ifndef STRATA_TRACER_TOPOLOGY_LINKS_H
#define STRATA_TRACER_TOPOLOGY_LINKS_H

#include "tracer/topology.h"

/* The link of that name, or if that is NULL of that index, borrowed; NULL if there is none. */
json_t *link_find(json_t *links, const char *name, json_int_t ifindex);

/* "" if there is no such text. */
const char *link_text(const json_t *link, const char *key);

/* "tun", "veth", "macvtap"; "" a card. */
const char *link_kind(const json_t *link);

/* A VLAN's device has no frames of its own: those of the card below it, which carry a tag, are
 * the ones to look at. Of any other, itself. */
json_t *link_below(json_t *links, json_t *link);

/* What it is plugged into: "bridge", "openvswitch"; "" nothing. */
const char *link_slave_kind(const json_t *link);

/* One that is known already is left as it is. -1 with a sentence. */
int topology_add_link(struct topology *t, int netns_fd, const json_t *link,
		      enum device_role role, uint8_t vm);

/* A port's vSwitch, and its other members that lead outside, as uplinks. -1 with a sentence. */
int topology_add_switch_of(struct topology *t, int netns_fd, json_t *links, const json_t *port);

#endif
