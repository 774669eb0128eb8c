/*
 * The card that is passed through: taken from the host, and given back whatever way this
 * process ends. A guardian process, which notices our end by a pipe that only we hold, waits
 * until the VM has let go and does it in our place; and should that have been killed as well,
 * the next laboratory finds what is written down (lib/plumbing.h) and repairs it first.
 */
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/plumbing.h"
#include "scenarios/lab/internal.h"

#define NET_NAME "strata-lab"
#define TRIES    60 /* of half a second */

void lab_pci_address(char address[16], const char *card)
{
	char path[64], target[PATH_MAX], *name;
	unsigned int domain, bus, slot, function;
	ssize_t n;

	address[0] = '\0';
	snprintf(path, sizeof(path), "/sys/class/net/%s/device", card);
	n = readlink(path, target, sizeof(target) - 1);
	if (n < 0)
		return;
	target[n] = '\0';
	name = basename(target);
	if (sscanf(name, "%x:%x:%x.%x", &domain, &bus, &slot, &function) == 4)
		snprintf(address, 16, "%.15s", name);
}

static int put_back(FILE *told)
{
	struct timespec pause = {.tv_nsec = 500000000};

	/* the VM may take a while to die, and the card stays its as long */
	for (int i = 0; i < TRIES; i++) {
		if (!plumbing_down(NET_NAME, told, false))
			return 0;
		nanosleep(&pause, NULL);
	}
	return -1;
}

/* Never returns. Holds nothing that is somebody else's: no output, no terminal, no group. */
static void guard(int life)
{
	int null = open("/dev/null", O_RDWR);
	FILE *told;
	char byte;

	setsid();
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	dup2(life, 3);
	close_range(4, ~0U, 0);
	signal(SIGTERM, SIG_IGN);
	while (read(3, &byte, 1) < 0 && errno == EINTR)
		;
	told = fopen("/dev/null", "we");
	_exit(told && !put_back(told) ? 0 : 1);
}

static int start_guardian(struct lab *lab)
{
	int life[2];

	if (pipe2(life, O_CLOEXEC))
		return err_errno("start the card's guardian: pipe");
	lab->guardian = fork();
	if (lab->guardian < 0) {
		lab->guardian = 0;
		close(life[0]);
		close(life[1]);
		return err_errno("start the card's guardian: fork");
	}
	if (!lab->guardian) {
		close(life[1]);
		guard(life[0]);
	}
	close(life[0]);
	lab->guardian_life = life[1];
	return 0;
}

int lab_repair_card(void)
{
	FILE *told = fopen("/dev/null", "we");
	int result = told ? plumbing_repair(NET_NAME, told) : -1;

	if (told)
		fclose(told);
	return result;
}

/* The commands that it stands for, for whoever wants to know. */
static FILE *open_log(const struct lab_site *site, const char *mode)
{
	char path[320];
	FILE *told;

	snprintf(path, sizeof(path), "%s/passthrough.log", site->folder);
	told = fopen(path, mode);
	if (!told)
		err_errno("write %s", path);
	return told;
}

int lab_take_card(struct lab *lab)
{
	const struct lab_wire *wire = &lab->site->wire;
	const char *card = wire->spare[0] ? wire->spare : wire->uplink;
	struct plumbing p = {.name = NET_NAME, .device = lab->device, .owner = getpid()};
	FILE *told = open_log(lab->site, "we");
	int result;

	if (!told)
		return -1;
	lab_pci_address(lab->device, card);
	if (!lab->device[0]) {
		fclose(told);
		return err_set("%s is no PCI card, so it cannot be passed through", card);
	}
	result = start_guardian(lab) || plumbing_up(&p, told, false) ? -1 : 0;
	fclose(told);
	return result;
}

void lab_return_card(struct lab *lab)
{
	char why[600];
	FILE *told;

	if (!lab->guardian)
		return;
	snprintf(why, sizeof(why), "%s", err_text()); /* it may be why we end */
	told = open_log(lab->site, "ae");
	if (told) {
		put_back(told);
		fclose(told);
	}
	close(lab->guardian_life);
	waitpid(lab->guardian, NULL, 0);
	lab->guardian = 0;
	lab->guardian_life = -1;
	err_set("%s", why);
}
