/* Devices lent to virtual machines: see lent.h. */
#include "lib/lent.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/plumbing.h"

#define TRIES 60 /* of half a second */

void lent_card_address(char address[16], const char *card)
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

static int put_back(const char *name, FILE *told)
{
	struct timespec pause = {.tv_nsec = 500000000};

	/* the VM may take a while to die, and the device stays its as long */
	for (int i = 0; i < TRIES; i++) {
		if (!plumbing_down(name, told, false))
			return 0;
		nanosleep(&pause, NULL);
	}
	return -1;
}

/* Never returns. Holds nothing that is somebody else's: no output, no terminal, no group. */
static void guard(const char *name, int life)
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
	_exit(told && !put_back(name, told) ? 0 : 1);
}

static int start_guardian(struct lent *l)
{
	int life[2];

	if (pipe2(life, O_CLOEXEC))
		return err_errno("start the device's guardian: pipe");
	l->guardian = fork();
	if (l->guardian < 0) {
		l->guardian = 0;
		close(life[0]);
		close(life[1]);
		return err_errno("start the device's guardian: fork");
	}
	if (!l->guardian) {
		close(life[1]);
		guard(l->name, life[0]);
	}
	close(life[0]);
	l->life = life[1];
	return 0;
}

int lent_repair(const char *name)
{
	FILE *told = fopen("/dev/null", "we");
	int result = told ? plumbing_repair(name, told) : -1;

	if (told)
		fclose(told);
	return result;
}

int lent_take(struct lent *l, const char *name, const char *address, bool force, FILE *told)
{
	struct plumbing p = {
		.name = name, .device = address, .owner = getpid(), .force = force};

	*l = (struct lent){.name = name, .life = -1};
	return start_guardian(l) || plumbing_up(&p, told, false) ? -1 : 0;
}

void lent_return(struct lent *l, FILE *told)
{
	char why[600];

	if (!l->guardian)
		return;
	snprintf(why, sizeof(why), "%s", err_text()); /* it may be why we end */
	if (told)
		put_back(l->name, told);
	close(l->life);
	waitpid(l->guardian, NULL, 0);
	*l = (struct lent){.life = -1};
	err_set("%s", why);
}
