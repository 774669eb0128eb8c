/* Files to remove and a terminal to restore. Globals, because a signal handler must find them.
 */
#include "vmm/cleanup.h"

#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "lib/err.h"

#define FILES_MAX 32

static char files[FILES_MAX][PATH_MAX];
static _Atomic int file_count;
static struct termios terminal;
static int terminal_fd;
static _Atomic int terminal_changed;

int cleanup_file(const char *path)
{
	int n = atomic_load(&file_count);

	if (n == FILES_MAX)
		return err_set("more than %d files to look after", FILES_MAX);
	snprintf(files[n], sizeof(files[n]), "%s", path);
	atomic_store(&file_count, n + 1);
	return 0;
}

void cleanup_terminal(int fd, const struct termios *settings)
{
	terminal_fd = fd;
	terminal = *settings;
	atomic_store(&terminal_changed, 1);
}

void cleanup_now(void)
{
	int n = atomic_exchange(&file_count, 0);

	while (n-- > 0)
		unlink(files[n]);
	if (atomic_exchange(&terminal_changed, 0))
		tcsetattr(terminal_fd, TCSANOW, &terminal);
}
