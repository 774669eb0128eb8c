/* Options of strata net. */
#include "scenarios/net/options.h"

#include <ctype.h>
#include <getopt.h>
#include <string.h>

#include "lib/err.h"
#include "lib/options.h"

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
	NAME,
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

#define AT(field)  offsetof(struct net_options, field)
#define NET(field) offsetof(struct net_options, net.field)
static const struct option_row rows[] = {
	[NAME] = OPTION(TEXT, "name", NET(name)),
	[SWITCH] = OPTION(TEXT, "switch", NET(way)),
	[BRIDGE] = OPTION(TEXT, "bridge", NET(bridge)),
	[UPLINK] = OPTION(TEXT, "uplink", NET(uplink)),
	[TAP] = OPTION(TEXT, "tap", NET(tap)),
	[QUEUES] = OPTION(INT, "queues", NET(queues), 1, 256),
	[VLAN] = OPTION(INT, "vlan", NET(vlan), 1, 4094),
	[USER] = OPTION(TEXT, "user", NET(user)),
	[MODE] = OPTION(TEXT, "mode", NET(mode)),
	[MAC] = OPTION(TEXT, "mac", NET(mac)),
	[PASSTHROUGH] = OPTION(TEXT, "passthrough", NET(device)),
	[VF] = OPTION(INT, "vf", NET(vf), 0, 255),
	[OF] = OPTION(TEXT, "of", NET(of)),
	[FORCE] = OPTION(SET, "force", NET(force)),
	[DRY_RUN] = OPTION(SET, "dry-run", AT(dry_run)),
	[JSON] = OPTION(SET, "json", AT(json)),
	[ALL] = OPTION(SET, "all", AT(all)),
	[HELP] = OPTION(HELP, "help"),
};
static const struct option_table table = OPTIONS(rows, help);

/* The options that each command takes. */
#define BIT(option) (UINT64_C(1) << (option))
static const uint64_t taken[] = {
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

/* What a text has to be: a name of so many letters, of that shape, or one of those words. */
static int check_texts(const struct net_options *o)
{
	static const char *const switches[] = {"bridge", "ovs", "macvtap", "none", NULL},
				 *const modes[] = {"bridge", "vepa", "private", "passthru",
						   NULL};
	const struct {
		int option;
		size_t most;
		const char *shape;
		const char *const *words;
	} rules[] = {
		{NAME, 32, NULL, NULL},
		{SWITCH, 0, NULL, switches},
		{BRIDGE, 15, NULL, NULL},
		{UPLINK, 15, NULL, NULL},
		{TAP, 15, NULL, NULL},
		{USER, 32, NULL, NULL},
		{MODE, 0, NULL, modes},
		{MAC, 0, "xx:xx:xx:xx:xx:xx", NULL},
		{PASSTHROUGH, 0, "xxxx:xx:xx.x", NULL},
		{OF, 15, NULL, NULL},
	};
	int wrong = 0;

	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && !wrong; i++) {
		const struct option_row *r = &rows[rules[i].option];
		const char *text = *(const char *const *)((const char *)o + r->at);

		if (!text)
			continue;
		wrong = rules[i].words   ? check_word(r->name, text, rules[i].words)
			: rules[i].shape ? check_shape(r->name, text, rules[i].shape)
					 : check_name(r->name, text, rules[i].most);
	}
	return wrong;
}

static int check_passthrough(const struct plumbing *p, uint64_t seen)
{
	const uint64_t not_here = BIT(SWITCH) | BIT(BRIDGE) | BIT(UPLINK) | BIT(TAP) |
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
static int check_way(const struct plumbing *p, uint64_t seen)
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

static int finish_up(struct net_options *o, uint64_t seen)
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
static int take_words(struct net_options *o, int argc, char **argv)
{
	if (optind < argc && !o->net.name) {
		o->net.name = argv[optind++];
		if (check_name("name", o->net.name, 32))
			return -1;
	}
	if (optind < argc)
		return err_set("%s: no such argument", argv[optind]);
	if (o->command == NET_DOWN && !o->net.name != o->all)
		return err_set("down: it needs a name, or --all");
	return 0;
}

/* Each command takes some of them. */
static int check_taken(const struct net_options *o, const char *command, uint64_t seen)
{
	for (int i = 0; i < HELP; i++)
		if ((seen & ~taken[o->command]) & BIT(i))
			return err_set("%s: it does not take --%s", command, rows[i].name);
	return 0;
}

static int parse(struct net_options *o, int argc, char **argv)
{
	uint64_t seen = 0;
	int result;

	*o = (struct net_options){.net = {.queues = 1}};
	result = parse_command(o, argc > 1 ? argv[1] : "--help");
	if (!result)
		result = options_read(&table, o, argc - 1, argv + 1, &seen);
	if (result)
		return result;
	if (check_taken(o, argv[1], seen) || check_texts(o) ||
	    take_words(o, argc - 1, argv + 1))
		return -1;
	return o->command == NET_UP ? finish_up(o, seen) : 0;
}

int net_options_parse(struct net_options *o, int argc, char **argv)
{
	int result = parse(o, argc, argv);

	return result < 0 ? err_usage("net") : result;
}
