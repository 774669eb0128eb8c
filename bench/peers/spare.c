/* Devices to spare: see spare.h. */
#include "bench/peers/spare.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/peers/guest.h"
#include "lib/environment.h"
#include "lib/err.h"
#include "lib/netns.h"
#include "lib/plumbing.h"
#include "lib/proc.h"

#define CARD_NAME  "strata-bench-card"
#define DRIVE_NAME "strata-bench-drive"

/* See scenarios/testbed/hardware.c. */
#define TESTBED_WIRE  "wire0,wire1"
#define TESTBED_DRIVE "/sys/class/nvme/nvme0/device"

#define MODPROBE_MS 20000

static int parse_wire(struct spare *s, const char *wire, char card[16])
{
	if (sscanf(wire, "%15[^,],%15[^,]", s->client, card) != 2) {
		s->client[0] = '\0';
		return err_set("wire %s: expected CLIENT,CARD, the names of two network cards "
			       "on one cable",
			       wire);
	}
	return 0;
}

static int find_cards(struct spare *s, const char *wire)
{
	char path[64], card[16];

	if (parse_wire(s, wire, card))
		return -1;
	snprintf(path, sizeof(path), "/sys/class/net/%s", s->client);
	if (access(path, F_OK))
		return err_set("there is no network card %s; \"ip link\" lists them",
			       s->client);
	lent_card_address(s->card, card);
	if (!*s->card)
		return err_set("%s is no PCI network card, so it cannot be passed through",
			       card);
	return plumbing_card_is_free(s->client,
				     "in the benchmark's namespace it would no longer be "
				     "reached under that");
}

/* The testbed's drive: there once its driver is. */
static void find_testbed_drive(char drive[16])
{
	static const char *const argv[] = {"modprobe", "nvme", NULL};
	char target[PATH_MAX];

	if (access(TESTBED_DRIVE, F_OK))
		proc_run(argv, NULL, MODPROBE_MS, NULL);
	if (realpath(TESTBED_DRIVE, target))
		snprintf(drive, 16, "%.15s", basename(target));
}

int spare_find(struct spare *s, const char *wire, const char *drive)
{
	*s = (struct spare){0};
	if (geteuid())
		return wire || drive ? err_set("passing devices through needs root") : 0;
	if (!wire && !environment_is_testbed())
		return drive ? err_set("a drive is passed through beside a network card: "
				       "--wire is missing")
			     : 0;
	if (lent_repair(CARD_NAME) || lent_repair(DRIVE_NAME))
		return -1;
	if (drive)
		snprintf(s->drive, sizeof(s->drive), "%s", drive);
	else if (!wire)
		find_testbed_drive(s->drive);
	return find_cards(s, wire ? wire : TESTBED_WIRE);
}

static FILE *open_log(const char *folder)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/passthrough.log", folder);
	return fopen(path, "ae");
}

static int lend(struct spare *s, FILE *told)
{
	if (lent_take(&s->card_lent, CARD_NAME, s->card, false, told))
		return -1;
	return *s->drive ? lent_take(&s->drive_lent, DRIVE_NAME, s->drive, false, told) : 0;
}

int spare_take(struct spare *s, int netns, const char *folder)
{
	FILE *told;
	int result;

	if (s->taken)
		return 0;
	told = open_log(folder);
	if (!told)
		return err_errno("write a log into %s", folder);
	result = netns_ip(-1, "link set dev %s netns /proc/%d/fd/%d", s->client, getpid(),
			  netns) ||
				 netns_ip(netns, "link set dev %s up", s->client) ||
				 lend(s, told)
			 ? -1
			 : 0;
	fclose(told);
	s->taken = !result;
	return result;
}

int spare_connect(const struct spare *s, int netns, bool connected)
{
	/* The bridge has the client's address: a route around it. */
	return netns_ip(netns, "route %s " GUEST_ADDRESS "/32 dev %s src " CLIENT_ADDRESS,
			connected ? "replace" : "delete", s->client);
}

void spare_return(struct spare *s, int netns, const char *folder)
{
	FILE *told = s->card_lent.guardian || s->drive_lent.guardian ? open_log(folder) : NULL;

	lent_return(&s->card_lent, told);
	lent_return(&s->drive_lent, told);
	if (told)
		fclose(told);
	if (s->taken)
		netns_ip(netns, "link set dev %s netns %d", s->client, getpid());
	s->taken = false;
}
