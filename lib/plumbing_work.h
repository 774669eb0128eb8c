/*
 * Inside plumbing (see plumbing.h): one up or down at work. An item is one thing made, a row of
 * the state's "items"; each kind of item knows how to undo itself.
 */
#ifndef STRATA_LIB_PLUMBING_WORK_H
#define STRATA_LIB_PLUMBING_WORK_H

#include "lib/plumbing.h"

struct plumbing_work {
	const char *name;
	json_t *state;  /* the document of this net */
	json_t *others; /* documents of all other nets */
	FILE *told;
	bool dry_run;
	bool undoing;   /* no signal stops what is being undone */
	char kept[512]; /* why something had to stay */
};

enum undo_result { UNDO_FAILED = -1, UNDO_GONE = 0, UNDO_KEPT = 1 };

struct plumbing_kind {
	const char *name;
	enum undo_result (*undo)(struct plumbing_work *w, const json_t *item);
	/* Is it as it was made? NULL: not asked. */
	bool (*there)(const char *net, const json_t *item);
	/* Put another net's mark on it; NULL: it carries none. */
	int (*mark)(struct plumbing_work *w, const json_t *item, const char *net);
};

extern const struct plumbing_kind plumbing_kinds_link[], plumbing_kinds_ovs[],
	plumbing_kinds_pci[]; /* each ends with a row without a name */

/* ---- commands ---- */

/* Show and run a command: words are split at spaces, '' is an empty one. -1 with a sentence. */
int work_run(struct plumbing_work *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Show and do "echo text > path". */
int work_write(struct plumbing_work *w, const char *path, const char *text);

/* A remark among the commands: "# text". */
void work_say(struct plumbing_work *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* Something has to stay, and why. Returns UNDO_KEPT. */
enum undo_result work_keep(struct plumbing_work *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* stdout of a command that only looks, without its last newline; the caller's. NULL with a
 * sentence. */
char *work_ask(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- items and what is used ---- */

/* Write down that item (stolen) is about to be made: a borrowed reference; NULL with a
 * sentence. */
json_t *work_begin(struct plumbing_work *w, json_t *item);

/* ... and that it is made. */
int work_done(struct plumbing_work *w, json_t *item);

bool item_is_made(const json_t *item);
const char *item_text(const json_t *item, const char *key);

/* This net stands on that, whoever made it: its maker will not take it away. */
int work_uses(struct plumbing_work *w, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

const struct plumbing_kind *item_kind(const json_t *item); /* NULL: unknown */

/* Is the item one that lives in a network namespace; in Open vSwitch's database? */
bool item_is_link(const json_t *item);
bool item_is_ovs(const json_t *item);

/* Undo items from the newest to the oldest, and what else carries the mark. 0, or -1 with a
 * sentence; what had to stay is written down still. */
int work_undo(struct plumbing_work *w);

/* ---- links, as ip(8) lists them ---- */

/* A new reference; NULL if there is no such link. */
json_t *link_get(const char *name);
const char *link_type(const json_t *link); /* "tun", "bridge", "" for a card */
bool link_is_up(const json_t *link);

/* The alias of what is made, "strata:NAME"; and of what was there and is only plugged in,
 * "strata:NAME:port". */
void mark_of(char mark[64], const char *net);
void port_mark_of(char mark[64], const char *net);

/* Make a link by that command, and mark it. type as link_type(). */
int link_make(struct plumbing_work *w, const char *name, const char *type, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Set it up if it is not. */
int link_up(struct plumbing_work *w, const char *name);

/* Plug the uplink into the bridge, if it is not already. */
int link_plug(struct plumbing_work *w, const char *uplink, const char *bridge);

/* A VLAN on an uplink that is a bridge's port; filtering on a bridge. */
int link_vlan(struct plumbing_work *w, const char *uplink, int vlan);
int link_filter(struct plumbing_work *w, const char *bridge);
enum undo_result undo_up(struct plumbing_work *w, const json_t *item);
enum undo_result undo_port(struct plumbing_work *w, const json_t *item);
bool port_there(const char *net, const json_t *item);
int mark_port(struct plumbing_work *w, const json_t *item, const char *net);
enum undo_result undo_vlan(struct plumbing_work *w, const json_t *item);
enum undo_result undo_filter(struct plumbing_work *w, const json_t *item);

/* Everything that carries the mark of the net, whatever is written down. */
int link_sweep(struct plumbing_work *w);
int ovs_sweep(struct plumbing_work *w);

/* ---- ways ---- */

int way_bridge(struct plumbing_work *w, const struct plumbing *p);
int way_ovs(struct plumbing_work *w, const struct plumbing *p);
int way_macvtap(struct plumbing_work *w, const struct plumbing *p);
int way_none(struct plumbing_work *w, const struct plumbing *p);
int way_passthrough(struct plumbing_work *w, const struct plumbing *p);

/* The tap itself, down and unplugged. */
int make_tap(struct plumbing_work *w, const struct plumbing *p);

/* Give a PCI device to vfio-pci; make a virtual function first. */
int vfio_take(struct plumbing_work *w, const char *address, bool force);
int take_function(struct plumbing_work *w, const struct plumbing *p);
enum undo_result undo_functions(struct plumbing_work *w, const json_t *item);
bool functions_there(const char *net, const json_t *item);
enum undo_result undo_settings(struct plumbing_work *w, const json_t *item);

/* The first line of a sysfs file, "" if it cannot be read. */
void sysfs_line(char *line, size_t bytes, const char *path);

/* May this PCI device be taken from the host? -1 with a sentence. */
int pci_is_free(const char *address, bool force);

/* The process that has the device open through VFIO; 0: none. */
pid_t pci_user(const char *address);

/* Its network device, if this network namespace has it; "" and false if not. */
bool pci_netdev(char name[32], const char *address);

/* The driver that is bound to it, "" if none. */
void pci_driver(char driver[64], const char *address);

/* ---- state files ---- */

/* Hold plumbing for us alone; close() the descriptor to let go. -1 with a sentence. */
int state_lock(void);

/* The document of a net: 0, *out NULL if there is none; -1 with a sentence. */
int state_load(const char *name, json_t **out);
json_t *state_load_all(void);
int state_save(const json_t *state);
int state_forget(const char *name);

/* A new document for this net, with boot and network namespace as they are now. */
json_t *state_new(const struct plumbing *p);

/* Where what it tells of is to be looked for. */
enum state_reach {
	REACH_ELSEWHERE =
		-1, /* in another network namespace that lives: a sentence says where */
	REACH_HERE,
	REACH_NETNS_GONE, /* and its links with it */
	REACH_REBOOTED,   /* only what Open vSwitch keeps on disk can be left */
};
enum state_reach state_reach(const json_t *state);

/* Does the process that it was made for still live? true if it was made for none. */
bool state_owner_lives(const json_t *state);

#endif
