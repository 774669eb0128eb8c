/*
 * A consumer of a VMM's trace ring, for tests: asks for events of the ports, prints what comes
 * until its standard input ends, in the order of the lanes, and then how many were lost.
 *
 *   ring_events FILE PORT...
 *
 * A line: event TIME HOP FLOW SEQ LEN QUEUE DESCRIPTOR FRAME_BYTES
 */
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/hop.h"
#include "lib/ring.h"

#define STEP_MS 5

static void print_events(struct ring *r)
{
	struct strata_event e;

	for (uint32_t lane = 0; lane < r->lanes; lane++)
		while (ring_take(r, lane, &e, 1))
			printf("event %" PRIu64 " %s %016" PRIx64 " %u %u %u %" PRIu64 " %u\n",
			       (uint64_t)e.time_ns,
			       e.hop < HOP_COUNT ? hop_table[e.hop].name : "?",
			       (uint64_t)e.flow, e.seq, e.len, e.queue, (uint64_t)e.arg64,
			       e.arg32);
}

static int attach(const char *path, struct ring *r)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	struct stat st;
	void *m;

	if (fd < 0 || fstat(fd, &st))
		return err_errno("%s", path);
	m = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return m == MAP_FAILED ? err_errno("%s", path) : ring_attach(r, m, (size_t)st.st_size);
}

int main(int argc, char **argv)
{
	struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
	char request[256] = "{\"ports\":[";
	struct ring r;

	if (argc < 3)
		return EXIT_USAGE;
	if (attach(argv[1], &r)) {
		err_print("ring_events");
		return EXIT_FAILED;
	}
	for (int i = 2; i < argc && i < 16; i++)
		snprintf(request + strlen(request), sizeof(request) - strlen(request), "%s%s",
			 i > 2 ? "," : "", argv[i]);
	strcat(request, "]}");
	ring_start(&r, request);
	printf("started\n");
	fflush(stdout);
	while (!poll(&input, 1, STEP_MS))
		print_events(&r);
	ring_stop(&r);
	print_events(&r);
	printf("lost %" PRIu64 "\n", ring_lost(&r));
	return EXIT_OK;
}
