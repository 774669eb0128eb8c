/* The end, when it is asked for: see stop.h. */
#include "lib/stop.h"

#include <signal.h>
#include <stddef.h>

#include "lib/err.h"

volatile bool stop_asked;

static void on_signal(int sig)
{
	stop_asked = true;
	signal(sig, SIG_DFL);
}

void stop_on_signals(void)
{
	struct sigaction sa = {.sa_handler = on_signal};

	sigaction(SIGINT, &sa, NULL);
	sigaction(SIGTERM, &sa, NULL);
}

int stop_check(void)
{
	return stop_asked ? err_set("interrupted") : 0;
}
