/*
 * Virtual functions of a card (SR-IOV): made if it has none yet, set up by the card, then
 * passed through as any device. See plumbing_work.h.
 */
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/plumbing_work.h"

#define DEVICES "/sys/bus/pci/devices"

/* Make virtual functions 0 to vf of that card if it has none. */
static int make_functions(struct plumbing_work *w, const char *card, int vf)
{
	char path[160], text[16];
	int now, most;
	json_t *item;

	snprintf(path, sizeof(path), DEVICES "/%s/sriov_totalvfs", card);
	sysfs_line(text, sizeof(text), path);
	most = atoi(text);
	snprintf(path, sizeof(path), DEVICES "/%s/sriov_numvfs", card);
	sysfs_line(text, sizeof(text), path);
	now = atoi(text);
	if (!most)
		return err_set("%s has no virtual functions (SR-IOV): pass the card itself "
			       "through, or use another",
			       card);
	if (vf >= most)
		return err_set("%s has at most %d virtual functions: 0 to %d", card, most,
			       most - 1);
	if (now && vf >= now)
		return err_set(
			"%s has %d virtual functions now, and their number can only be "
			"changed when none is in use: take one of 0 to %d, or \"echo 0 > "
			"%s\" first",
			card, now, now - 1, path);
	if (work_uses(w, "sriov:%s", card))
		return -1;
	if (now)
		return 0;
	item = work_begin(w, json_pack("{s:s,s:s+,s:s,s:i}", "kind", "sriov", "key",
				       "sriov:", card, "device", card, "count", vf + 1));
	snprintf(text, sizeof(text), "%d", vf + 1);
	return !item || work_write(w, path, text) || work_done(w, item) ? -1 : 0;
}

enum undo_result undo_functions(struct plumbing_work *w, const json_t *item)
{
	const char *card = item_text(item, "device");
	int made = (int)json_integer_value(json_object_get(item, "count")), now;
	char path[160], text[16];

	snprintf(path, sizeof(path), DEVICES "/%s/sriov_numvfs", card);
	sysfs_line(text, sizeof(text), path);
	now = atoi(text);
	if (!now)
		return UNDO_GONE;
	if (now != made)
		return work_keep(w, "%s keeps its %d virtual functions: %d were made here",
				 card, now, made);
	return work_write(w, path, "0") ? UNDO_FAILED : UNDO_GONE;
}

bool functions_there(const char *net, const json_t *item)
{
	char path[160], text[16];

	(void)net;
	snprintf(path, sizeof(path), DEVICES "/%s/sriov_numvfs", item_text(item, "device"));
	sysfs_line(text, sizeof(text), path);
	return atoi(text) > 0;
}

/* ---- what its card does for a function ---- */

/* Its address and VLAN now; false if there is no such function. */
static bool read_settings(const char *card, int vf, char mac[24], int *vlan)
{
	char *out = work_ask("ip -json link show dev %s", card);
	json_t *list = out ? json_loads(out, 0, NULL) : NULL, *f;
	bool found = false;
	size_t i;

	json_array_foreach (json_object_get(json_array_get(list, 0), "vfinfo_list"), i, f) {
		if (json_integer_value(json_object_get(f, "vf")) != vf)
			continue;
		found = true;
		snprintf(mac, 24, "%s", item_text(f, "address"));
		*vlan = (int)json_integer_value(json_object_get(
			json_array_get(json_object_get(f, "vlan_list"), 0), "vlan"));
	}
	json_decref(list);
	free(out);
	return found;
}

static int set(struct plumbing_work *w, const char *card, int vf, const char *mac, int vlan)
{
	if (*mac && work_run(w, "ip link set dev %s vf %d mac %s", card, vf, mac))
		return -1;
	return vlan >= 0 ? work_run(w, "ip link set dev %s vf %d vlan %d", card, vf, vlan) : 0;
}

static int change_settings(struct plumbing_work *w, const struct plumbing *p)
{
	char mac[24] = "", key[48];
	int vlan = 0;
	json_t *item;

	read_settings(p->of, p->vf, mac, &vlan);
	snprintf(key, sizeof(key), "vf:%s:%d", p->of, p->vf);
	/* what was there before, of what is about to change */
	item = work_begin(w, json_pack("{s:s,s:s,s:s,s:i,s:s,s:i}", "kind", "vf", "key", key,
				       "name", p->of, "vf", p->vf, "mac", p->mac ? mac : "",
				       "vlan", p->vlan ? vlan : -1));
	if (!item || set(w, p->of, p->vf, p->mac ? p->mac : "", p->vlan ? p->vlan : -1))
		return -1;
	return work_done(w, item);
}

enum undo_result undo_settings(struct plumbing_work *w, const json_t *item)
{
	int vf = (int)json_integer_value(json_object_get(item, "vf")), vlan;
	const char *card = item_text(item, "name");
	char mac[24];

	if (!read_settings(card, vf, mac, &vlan))
		return UNDO_GONE;
	return set(w, card, vf, item_text(item, "mac"),
		   (int)json_integer_value(json_object_get(item, "vlan")))
		       ? UNDO_FAILED
		       : UNDO_GONE;
}

/* ---- taking one ---- */

static int link_to(char name[64], const char *fmt, const char *a, int n)
{
	char path[160], target[PATH_MAX];
	ssize_t length;

	snprintf(path, sizeof(path), fmt, a, n);
	length = readlink(path, target, sizeof(target) - 1);
	if (length < 0)
		return -1;
	target[length] = '\0';
	snprintf(name, 64, "%s", basename(target));
	return 0;
}

int take_function(struct plumbing_work *w, const struct plumbing *p)
{
	char card[64], function[64];

	if (link_to(card, "/sys/class/net/%s/device%.0d", p->of, 0))
		return err_set("%s is no network device on a PCI card", p->of);
	if (make_functions(w, card, p->vf))
		return -1;
	if ((p->mac || p->vlan) && change_settings(w, p))
		return -1;
	if (link_to(function, DEVICES "/%s/virtfn%d", card, p->vf)) {
		if (!w->dry_run)
			return err_set("%s: its virtual function %d is not there", card, p->vf);
		work_say(w, "then virtual function %d is bound to vfio-pci", p->vf);
		return 0;
	}
	return vfio_take(w, function, p->force);
}
