/*
 * A fuzzer's input as the program of a hostile driver: its next byte, half word and word. At
 * its end all of them are 0.
 */
#ifndef STRATA_TESTS_FUZZ_PROGRAM_H
#define STRATA_TESTS_FUZZ_PROGRAM_H

#include <stddef.h>
#include <stdint.h>

struct input {
	const uint8_t *data;
	size_t left;
};

static inline unsigned int byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->data++;
}

static inline unsigned int half(struct input *in)
{
	unsigned int low = byte(in);

	return low | byte(in) << 8;
}

static inline uint32_t word(struct input *in)
{
	uint32_t low = half(in);

	return low | (uint32_t)half(in) << 16;
}

#endif
