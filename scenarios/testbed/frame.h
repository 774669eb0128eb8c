/*
 * What the two halves of strata-testbed say to each other through the virtio-serial port:
 * frames, each a header and a payload. Outside sends one FRAME_RUN; inside answers FRAME_UP
 * when it starts, then output as it comes, then one FRAME_EXIT.
 */
#ifndef STRATA_TESTBED_FRAME_H
#define STRATA_TESTBED_FRAME_H

#include <stddef.h>
#include <stdint.h>

enum frame_type {
	FRAME_UP = 1, /* empty: the machine is up and waits for a command */
	FRAME_RUN,    /* NUL-terminated words: environment, an empty word, arguments */
	FRAME_STDOUT, /* bytes */
	FRAME_STDERR, /* bytes */
	FRAME_ALIVE,  /* empty: the machine works, whatever the command does */
	FRAME_EXIT,   /* one byte: the exit code as a shell would give it */
};

#define FRAME_PAYLOAD_MAX (128 * 1024)

struct frame {
	uint32_t type;
	uint32_t len;
};

/* Collects a frame from however many reads it comes in. Starts zeroed. */
struct frame_reader {
	size_t have;
	struct frame frame;
	char payload[FRAME_PAYLOAD_MAX + 1]; /* NUL-terminated for convenience */
};

/* Write a whole frame to a blocking descriptor. 0, or -1 with the error text set. */
int frame_send(int fd, enum frame_type type, const void *payload, size_t len);

/*
 * Read once. 1 when that completed a frame, which stays until the next call; 0 when more is to
 * come; -1 with the error text set when the descriptor or what came is broken.
 */
int frame_read(struct frame_reader *r, int fd);

#endif
