/* The end, when it is asked for: see stop.h. */
#include "reports/export/stop.h"

#include <signal.h>
#include <stddef.h>

#include "lib/err.h"

static volatile sig_atomic_t wanted;

static void on_signal(int number)
{
	(void)number;
	wanted = 1;
}

void stop_watch(void)
{
	struct sigaction a = {.sa_handler = on_signal};

	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
}

bool stop_wanted(void)
{
	return wanted;
}

int stop_check(void)
{
	return wanted ? err_set("interrupted") : 0;
}
