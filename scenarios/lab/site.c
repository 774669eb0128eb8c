/* The site: what all servers share, see lab.h. Built with ip(8), so that every step is one that
 * a reader can repeat. */
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "lib/paths.h"
#include "lib/plumbing.h"
#include "scenarios/lab/internal.h"

/* Of the testbed: see scenarios/testbed/hardware.c. */
static const struct lab_wire testbed_wire = {"wire0", "wire1", "wire4"};

/* ---- which cards ---- */

static json_t *find_card(const json_t *links, const char *name)
{
	json_t *link;
	size_t i;

	json_array_foreach (links, i, link) {
		const char *n = json_string_value(json_object_get(link, "ifname"));

		if (n && !strcmp(n, name))
			return link;
	}
	return NULL;
}

static int check_card(const json_t *links, const char *name)
{
	if (!*name)
		return 0;
	if (!find_card(links, name))
		return err_set("there is no network card %s; \"ip link\" lists them", name);
	return plumbing_card_is_free(
		name,
		"in the laboratory's namespaces it would no longer be reached under that");
}

static int parse_names(struct lab_wire *w, const char *text)
{
	char names[64], *save = NULL, *to[] = {w->client, w->uplink, w->spare}, *name;
	size_t n = 0;

	snprintf(names, sizeof(names), "%s", text);
	for (name = strtok_r(names, ",", &save); name; name = strtok_r(NULL, ",", &save)) {
		if (n == 3 || strlen(name) > 15)
			break;
		strcpy(to[n++], name);
	}
	return name || n < 2
		       ? err_set("wire %s: expected CLIENT,UPLINK or CLIENT,UPLINK,SPARE, "
				 "the names of network cards on one cable",
				 text)
		       : 0;
}

int lab_wire_parse(struct lab_wire *w, const char *text)
{
	json_t *links = NULL;
	int result = 0;

	memset(w, 0, sizeof(*w));
	if (geteuid() || !lab_repair_card())
		links = netns_links(-1);
	if (!links)
		return -1;
	if (text) {
		result = parse_names(w, text) || check_card(links, w->client) ||
					 check_card(links, w->uplink) ||
					 check_card(links, w->spare)
				 ? -1
				 : 0;
	} else if (find_card(links, testbed_wire.client) &&
		   find_card(links, testbed_wire.uplink)) {
		*w = testbed_wire;
		if (!find_card(links, testbed_wire.spare))
			w->spare[0] = '\0';
	}
	json_decref(links);
	return result;
}

/* ---- mounts and namespaces that end with us ---- */

static int private_mounts(struct lab_site *site)
{
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return err_errno("take a mount namespace of our own (needs root)");
	snprintf(site->run, sizeof(site->run), "%s/run", site->folder);
	if (path_make_folder(site->run))
		return -1;
	if (mount("strata", site->run, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700"))
		return err_errno("mount a tmpfs on %s", site->run);
	return 0;
}

static int take_card(const char *card, int ns)
{
	return netns_ip(-1, "link set dev %s netns /proc/%d/fd/%d", card, getpid(), ns);
}

int lab_open(struct lab_site *site, const struct lab_wire *wire, const char *folder, bool ovs)
{
	char program[PATH_MAX];

	memset(site, 0, sizeof(*site));
	site->wire = *wire;
	site->ovs = ovs;
	site->host_ns = site->client_ns = -1;
	snprintf(site->client, sizeof(site->client), "%s",
		 wire->client[0] ? wire->client : "client0");
	snprintf(site->uplink, sizeof(site->uplink), "%s",
		 wire->uplink[0] ? wire->uplink : "uplink0");
	snprintf(site->folder, sizeof(site->folder), "%s", folder);
	/* what is missing is said before anything is made */
	if (path_program(program, sizeof(program), "strata-load") ||
	    path_built(program, sizeof(program), "guest/root", "guest-image") ||
	    path_make_folder(folder) || private_mounts(site))
		return -1;
	site->host_ns = netns_create();
	site->client_ns = netns_create();
	if (site->host_ns < 0 || site->client_ns < 0)
		return -1;
	/* only what is asked for shall be on the wire: no router solicitations */
	return netns_sysctl(site->host_ns, "ipv6/conf/default/disable_ipv6", "1") ||
			       netns_sysctl(site->client_ns, "ipv6/conf/default/disable_ipv6",
					    "1")
		       ? -1
		       : 0;
}

void lab_close(struct lab_site *site)
{
	lab_ovs_stop(site);
	if (site->client_ns >= 0)
		close(site->client_ns);
	if (site->host_ns >= 0)
		close(site->host_ns);
	site->client_ns = site->host_ns = -1;
	if (site->run[0]) {
		umount2(site->run, MNT_DETACH);
		rmdir(site->run);
	}
}

/* ---- the wire, and the bridge at its end ---- */

int lab_need_client(struct lab_site *site)
{
	if (site->has_client)
		return 0;
	site->has_client = true;
	if (site->wire.client[0]
		    ? take_card(site->client, site->client_ns)
		    : netns_ip(site->host_ns,
			       "link add %s type veth peer name %s netns /proc/%d/fd/%d",
			       site->uplink, site->client, getpid(), site->client_ns))
		return -1;
	return netns_ip(site->client_ns, "link set dev %s up", site->client) ||
			       netns_ip(site->client_ns,
					"address add " LAB_CLIENT_ADDRESS "/24 dev %s",
					site->client)
		       ? -1
		       : 0;
}

int lab_need_uplink(struct lab_site *site)
{
	if (lab_need_client(site))
		return -1;
	if (site->has_uplink)
		return 0;
	site->has_uplink = true;
	if (site->wire.uplink[0] && take_card(site->uplink, site->host_ns))
		return -1;
	return netns_ip(site->host_ns, "link set dev %s up", site->uplink);
}

int lab_need_bridge(struct lab_site *site)
{
	if (lab_need_uplink(site))
		return -1;
	if (site->has_bridge)
		return 0;
	site->has_bridge = true;
	if (site->ovs)
		return lab_ovs_start(site);
	/* no spanning tree, no learning delay: a port forwards as soon as it is up */
	return netns_ip(site->host_ns,
			"link add br0 type bridge forward_delay 0 mcast_snooping 0") ||
			       netns_ip(site->host_ns, "link set br0 up")
		       ? -1
		       : 0;
}

static int plug_in(const struct lab_site *site, const char *port)
{
	return site->ovs ? lab_ovs("add-port", port)
			 : netns_ip(site->host_ns, "link set dev %s master br0", port);
}

static int plug_out(const struct lab_site *site, const char *port)
{
	return site->ovs ? lab_ovs("del-port", port)
			 : netns_ip(site->host_ns, "link set dev %s nomaster", port);
}

/* What each place does with the wire, and takes back. */
static int connect_server(const struct lab *lab)
{
	const struct lab_site *site = lab->site;

	if (lab->place == PLACE_PASSTHROUGH)
		return 0;
	if (lab->place == PLACE_BARE)
		return netns_ip(site->host_ns, "address add %s/24 dev %s", lab->address,
				site->uplink);
	if (site->together && site->connected)
		return plug_in(site, lab->port);
	return plug_in(site, site->uplink) || plug_in(site, lab->port) ? -1 : 0;
}

static int disconnect_server(const struct lab *lab)
{
	const struct lab_site *site = lab->site;

	if (lab->place == PLACE_PASSTHROUGH)
		return 0;
	if (lab->place == PLACE_BARE)
		return netns_ip(site->host_ns, "address delete %s/24 dev %s", lab->address,
				site->uplink);
	return plug_out(site, lab->port) || plug_out(site, site->uplink) ? -1 : 0;
}

int lab_take_mode(void *field, const char *name, char *text)
{
	enum strata_place *place = field;

	(void)name;
	*place = place_by_name(text);
	return *place != PLACE_NONE
		       ? 0
		       : err_set("there is no mode \"%s\": emulated, virtio, vhost, "
				 "passthrough, container or bare is expected",
				 text);
}

int lab_take_switch(void *field, const char *name, char *text)
{
	bool *ovs = field;

	*ovs = !strcmp(text, "ovs");
	return *ovs || !strcmp(text, "bridge")
		       ? 0
		       : err_set("--%s %s: expected bridge or ovs", name, text);
}

int lab_select(struct lab *lab)
{
	struct lab_site *site = lab->site;

	if (site->connected == lab)
		return 0;
	if (site->connected && !site->together) {
		if (disconnect_server(site->connected))
			return err_add("take %s off the wire", site->connected->name);
		site->connected = NULL;
	}
	if (connect_server(lab))
		return err_add("put %s on the wire", lab->name);
	site->connected = lab;
	return 0;
}
