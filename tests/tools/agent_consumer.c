/*
 * The host's end of an agent's shared memory, for tests: attaches to the ring in a file, asks
 * for events, prints them for some seconds, stops, prints what the agent says.
 *
 *   agent_consumer FILE REQUEST SECONDS
 *
 * Exit code 0 if the agent ran, 1 if it failed or did not answer.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/err.h"
#include "lib/hop.h"
#include "lib/ring.h"

#define STEP_US    5000
#define WAIT_STEPS 4000
#define NAME_OR(e) ((e)->hop < HOP_COUNT ? hop_table[(e)->hop].name : "?")

static void print_events(struct ring *r)
{
	struct strata_event e;

	while (ring_take(r, 0, &e, 1))
		printf("event %" PRIu64 " %s %016" PRIx64 " %u %u %u domain %u vm %u tid %u\n",
		       (uint64_t)e.time_ns, NAME_OR(&e), (uint64_t)e.flow, e.seq, e.len,
		       e.flags, e.domain, e.vm, e.tid);
}

static int map_and_attach(const char *path, struct ring *r)
{
	int fd = open(path, O_RDWR);
	struct stat st;
	void *m;

	if (fd < 0 || fstat(fd, &st))
		return err_errno("%s", path);
	m = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (m == MAP_FAILED)
		return err_errno("%s", path);
	for (int i = 0; ring_attach(r, m, (size_t)st.st_size); i++) {
		if (i == WAIT_STEPS)
			return -1;
		usleep(STEP_US);
	}
	return 0;
}

static enum ring_state await(struct ring *r, uint32_t generation, bool running, char *text)
{
	enum ring_state state = RING_IDLE;

	for (int i = 0; i < WAIT_STEPS; i++) {
		state = ring_state(r, generation, text, RING_NOTE_BYTES / 2);
		if (state == RING_FAILED || (running && state == RING_RUNNING) ||
		    (!running && state == RING_IDLE))
			break;
		print_events(r);
		usleep(STEP_US);
	}
	return state;
}

int main(int argc, char **argv)
{
	char text[RING_NOTE_BYTES / 2] = "";
	uint64_t tsc, time_ns, bracket;
	uint32_t generation;
	struct ring r;

	if (argc != 4)
		return EXIT_USAGE;
	if (map_and_attach(argv[1], &r)) {
		err_print("agent_consumer");
		return EXIT_FAILED;
	}
	generation = ring_start(&r, argv[2]);
	if (await(&r, generation, true, text) != RING_RUNNING) {
		printf("failed %s\n", text);
		return EXIT_FAILED;
	}
	printf("running %s\n", text);
	fflush(stdout);
	for (double left = atof(argv[3]); left > 0; left -= STEP_US / 1e6) {
		print_events(&r);
		usleep(STEP_US);
	}
	if (ring_clock_get(&r, &tsc, &time_ns, &bracket))
		printf("clock %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", tsc, time_ns, bracket);
	ring_stop(&r);
	await(&r, generation, false, text);
	print_events(&r);
	printf("idle %s\nlost %" PRIu64 "\n", text, ring_lost(&r));
	return EXIT_OK;
}
