/* Options of strata net. */
#include "scenarios/net/options.h"

#include <ctype.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "lib/err.h"
#include "lib/number.h"

static const char help[] =
	"usage: strata net up --name NAME [OPTION]...\n"
	"       strata net down NAME | --all\n"
	"       strata net show [NAME] [--json]\n"
	"\n"
	"Make the way from a virtual machine to the wire, remove exactly what was made, list it.\n"
	"Every command it stands for is printed: \"+ ip ...\".\n"
	"\n"
	"  --name NAME         what it is called, and marked with (strata:NAME)\n"
	"  --switch KIND       bridge (the default), ovs, macvtap, or none: a tap plugged into\n"
	"                      nothing\n"
	"  --bridge NAME       bridge to plug into (br0); made if it is not there\n"
	"  --uplink DEVICE     the card that leads outside: plugged into the bridge, or below the\n"
	"                      macvtap\n"
	"  --tap NAME          the tap, or macvtap, to be made (NAME of --name)\n"
	"  --queues N          queue pairs (1)\n"
	"  --vlan ID           the guest's frames are untagged on its side, tagged on the uplink\n"
	"  --user USER         who may open the tap (root)\n"
	"  --mode MODE         of a macvtap: bridge (the default), vepa, private, passthru\n"
	"  --mac ADDRESS       of a macvtap or virtual function\n"
	"  --passthrough PCI   give the device at that PCI address (0000:03:00.0) to vfio-pci\n"
	"  --vf N --of DEVICE  the same for the virtual function N of that card, made if it has\n"
	"                      none\n"
	"  --force             even if the host itself uses the uplink or device\n"
	"  --dry-run           print the commands, run none\n"
	"  --json              show: one JSON document, schema strata.net/1\n"
	"  --all               down: all there are\n"
	"  --help              this text\n"
	"\n"
	"Exit status: 0 all is well, 1 something failed or had to stay, 2 wrong usage.\n";

enum {
	NAME = 256,
	SWITCH,
	BRIDGE,
	UPLINK,
	TAP,
	QUEUES,
	VLAN,
	USER,
	MODE,
	MAC,
	PASSTHROUGH,
	VF,
	OF,
	FORCE,
	DRY_RUN,
	JSON,
	ALL,
	HELP
};

static const struct option long_options[] = {
	{"name", required_argument, NULL, NAME},
	{"switch", required_argument, NULL, SWITCH},
	{"bridge", required_argument, NULL, BRIDGE},
	{"uplink", required_argument, NULL, UPLINK},
	{"tap", required_argument, NULL, TAP},
	{"queues", required_argument, NULL, QUEUES},
	{"vlan", required_argument, NULL, VLAN},
	{"user", required_argument, NULL, USER},
	{"mode", required_argument, NULL, MODE},
	{"mac", required_argument, NULL, MAC},
	{"passthrough", required_argument, NULL, PASSTHROUGH},
	{"vf", required_argument, NULL, VF},
	{"of", required_argument, NULL, OF},
	{"force", no_argument, NULL, FORCE},
	{"dry-run", no_argument, NULL, DRY_RUN},
	{"json", no_argument, NULL, JSON},
	{"all", no_argument, NULL, ALL},
	{"help", no_argument, NULL, HELP},
	{NULL, 0, NULL, 0},
};

/* The options that each command takes. */
#define BIT(option) (1u << ((option)-NAME))
static const unsigned int taken[] = {
	[NET_UP] = ~(BIT(JSON) | BIT(ALL)),
	[NET_DOWN] = BIT(NAME) | BIT(DRY_RUN) | BIT(ALL),
	[NET_SHOW] = BIT(NAME) | BIT(JSON),
};

/* Names go into commands, file names and marks. */
static int check_name(const char *option, const char *text, size_t most)
{
	size_t n = strlen(text);

	if (!n || n > most || !isalnum((unsigned char)*text))
		return err_set("--%s %s: expected 1 to %zu letters or digits", option, text,
			       most);
	for (const char *c = text; *c; c++)
		if (!isalnum((unsigned char)*c) && !strchr("_.-", *c))
			return err_set("--%s %s: only letters, digits, _, . and - can be in it",
				       option, text);
	return 0;
}

static int check_shape(const char *option, const char *text, const char *shape)
{
	const char *c = text;

	for (; *shape && *c; shape++, c++)
		if (*shape == 'x' ? !isxdigit((unsigned char)*c) : *c != *shape)
			break;
	return *shape || *c ? err_set("--%s %s: expected the form %s in hexadecimal digits",
				      option, text, shape - (c - text))
			    : 0;
}

static int check_word(const char *option, const char *text, const char *const *words)
{
	for (; *words; words++)
		if (!strcmp(text, *words))
			return 0;
	return err_set("--%s %s: no such one", option, text);
}

static int parse_one(struct net_options *o, int option)
{
	static const char *const switches[] = {"bridge", "ovs", "macvtap", "none", NULL};
	static const char *const modes[] = {"bridge", "vepa", "private", "passthru", NULL};
	struct plumbing *p = &o->net;

	switch (option) {
	case NAME:
		p->name = optarg;
		return check_name("name", optarg, 32);
	case SWITCH:
		p->way = optarg;
		return check_word("switch", optarg, switches);
	case BRIDGE:
		p->bridge = optarg;
		return check_name("bridge", optarg, 15);
	case UPLINK:
		p->uplink = optarg;
		return check_name("uplink", optarg, 15);
	case TAP:
		p->tap = optarg;
		return check_name("tap", optarg, 15);
	case QUEUES:
		return number_int("queues", optarg, 1, 256, &p->queues);
	case VLAN:
		return number_int("vlan", optarg, 1, 4094, &p->vlan);
	case USER:
		p->user = optarg;
		return check_name("user", optarg, 32);
	case MODE:
		p->mode = optarg;
		return check_word("mode", optarg, modes);
	case MAC:
		p->mac = optarg;
		return check_shape("mac", optarg, "xx:xx:xx:xx:xx:xx");
	case PASSTHROUGH:
		p->device = optarg;
		return check_shape("passthrough", optarg, "xxxx:xx:xx.x");
	case VF:
		return number_int("vf", optarg, 0, 255, &p->vf);
	case OF:
		p->of = optarg;
		return check_name("of", optarg, 15);
	case FORCE:
		p->force = true;
		return 0;
	case DRY_RUN:
		o->dry_run = true;
		return 0;
	case JSON:
		o->json = true;
		return 0;
	case ALL:
		return 0;
	case HELP:
		fputs(help, stdout);
		return 1;
	default:
		return -1;
	}
}

static int check_passthrough(const struct plumbing *p, unsigned int seen)
{
	const unsigned int not_here = BIT(SWITCH) | BIT(BRIDGE) | BIT(UPLINK) | BIT(TAP) |
				      BIT(QUEUES) | BIT(USER) | BIT(MODE);

	if (!!p->of != !!(seen & BIT(VF)))
		return err_set("--vf and --of go together");
	if (p->of && p->device)
		return err_set("--passthrough and --vf: one of them");
	if (seen & not_here)
		return err_set("a device that is passed through is plugged into nothing: no "
			       "--switch, --bridge, --uplink, --tap, --queues, --user, --mode");
	if (p->device && (p->vlan || p->mac))
		return err_set(
			"--vlan and --mac are for virtual functions: the guest sets those "
			"of a whole card itself");
	return 0;
}

/* What does not go with a switch. */
static int check_way(const struct plumbing *p, unsigned int seen)
{
	bool macvtap = !strcmp(p->way, "macvtap"), none = !strcmp(p->way, "none");

	if (macvtap && !p->uplink)
		return err_set("--switch macvtap needs --uplink, the card it stands on");
	if ((macvtap || none) && (seen & BIT(BRIDGE)))
		return err_set("--bridge: --switch %s has none", p->way);
	if (none && (p->uplink || p->vlan))
		return err_set("--switch none is plugged into nothing: no --uplink, no --vlan");
	if (!macvtap && (seen & BIT(MODE)))
		return err_set("--mode is for --switch macvtap");
	if (!macvtap && p->mac)
		return err_set("--mac is for a macvtap or virtual function; behind a tap the "
			       "guest's own counts: strata vmm --net tap=%s,mac=%s",
			       p->tap, p->mac);
	return 0;
}

static int finish_up(struct net_options *o, unsigned int seen)
{
	struct plumbing *p = &o->net;

	if (!p->name)
		return err_set("up: it needs a --name");
	if (p->device || p->of || (seen & BIT(VF)))
		return check_passthrough(p, seen);
	p->way = p->way ? p->way : "bridge";
	if (!p->tap) {
		if (strlen(p->name) > 15)
			return err_set("--name %s is too long for a device's name: give --tap",
				       p->name);
		snprintf(o->tap, sizeof(o->tap), "%s", p->name);
		p->tap = o->tap;
	}
	if (check_way(p, seen))
		return -1;
	if (!strcmp(p->way, "macvtap"))
		p->mode = p->mode ? p->mode : "bridge";
	else if (strcmp(p->way, "none"))
		p->bridge = p->bridge ? p->bridge : "br0";
	return 0;
}

static int parse_command(struct net_options *o, const char *word)
{
	static const char *const commands[] = {"up", "down", "show"};

	if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
		fputs(help, stdout);
		return 1;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (!strcmp(word, commands[i])) {
			o->command = i;
			return 0;
		}
	}
	return err_set("%s: expected up, down or show", word);
}

/* A name may stand alone: strata net down web. */
static int take_words(struct net_options *o, int argc, char **argv, unsigned int seen)
{
	if (optind < argc && !o->net.name) {
		o->net.name = argv[optind++];
		if (check_name("name", o->net.name, 32))
			return -1;
	}
	if (optind < argc)
		return err_set("%s: no such argument", argv[optind]);
	if (o->command == NET_DOWN && !o->net.name != !!(seen & BIT(ALL)))
		return err_set("down: it needs a name, or --all");
	return 0;
}

static int parse(struct net_options *o, int argc, char **argv)
{
	unsigned int seen = 0;
	int option, result;

	*o = (struct net_options){.net = {.queues = 1}};
	result = parse_command(o, argc > 1 ? argv[1] : "--help");
	if (result)
		return result;
	optind = 2;
	opterr = 0;
	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		result = option == '?' ? err_set("%s: no such option, or its value is missing",
						 argv[optind - 1])
				       : parse_one(o, option);
		if (result)
			return result;
		seen |= BIT(option);
		if (!(taken[o->command] & BIT(option)))
			return err_set("%s: it does not take --%s", argv[1],
				       long_options[option - NAME].name);
	}
	if (take_words(o, argc, argv, seen))
		return -1;
	return o->command == NET_UP ? finish_up(o, seen) : 0;
}

int net_options_parse(struct net_options *o, int argc, char **argv)
{
	int result = parse(o, argc, argv);

	return result < 0 ? err_usage("net") : result;
}
