/*
 * The network: a namespace, and in it a bridge, a veth pair and a tap, really made. They vanish
 * with the namespace, and that with its descriptor.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/netns.h"
#include "scenarios/doctor/looks.h"

static int ns = -1;
static char ns_error[256];

struct link_kind {
	const char *name;
	const char *make; /* words for ip(8) */
	const char *join; /* to the bridge; NULL for the bridge itself */
	const char *module;
	const char *device; /* device file, whose absence is the likely cause; or NULL */
};

const struct link_kind link_bridge = {
	.name = "bridge",
	.make = "link add doctor0 type bridge",
	.module = "bridge",
};

const struct link_kind link_veth = {
	.name = "veth pair",
	.make = "link add doctor1 type veth peer name doctor2",
	.join = "link set doctor1 master doctor0",
	.module = "veth",
};

const struct link_kind link_tap = {
	.name = "tap",
	.make = "tuntap add doctor3 mode tap vnet_hdr",
	.join = "link set doctor3 master doctor0",
	.module = "tun",
	.device = "/dev/net/tun",
};

void look_netns(struct finding *f, const void *arg)
{
	(void)arg;
	ns = netns_create();
	if (ns >= 0) {
		found(f, STATE_OK, "made and left again");
		return;
	}
	snprintf(ns_error, sizeof(ns_error), "%s", err_text());
	if (geteuid() != 0 || strstr(ns_error, "not permitted")) {
		found(f, STATE_DENIED, "%s", ns_error);
		remedy(f, REMEDY_ROOT);
		return;
	}
	found(f, STATE_MISSING, "%s", ns_error);
	remedy(f, "install iproute2 and boot a kernel with CONFIG_NET_NS, or " REMEDY_TESTBED);
}

void look_link(struct finding *f, const void *arg)
{
	const struct link_kind *k = arg;

	if (ns < 0) {
		found(f, geteuid() == 0 ? STATE_MISSING : STATE_DENIED,
		      "not tried: no namespace to try it in");
		return;
	}
	if (netns_ip(ns, "%s", k->make) == 0 &&
	    (!k->join || netns_ip(ns, "%s", k->join) == 0)) {
		found(f, STATE_OK, "made in a namespace%s",
		      k->join ? ", joined to the bridge" : "");
		return;
	}
	found(f, STATE_MISSING, "%s", err_text());
	if (k->device && access(k->device, R_OK | W_OK) < 0)
		remedy(f, "modprobe %s (there is no usable %s)", k->module, k->device);
	else
		remedy(f, "modprobe %s, or " REMEDY_TESTBED, k->module);
}
