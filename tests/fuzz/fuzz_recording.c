/*
 * Fuzz the way from a recording to what is printed. The blocks' checks would stop nearly all
 * that a fuzzer thinks of, so the input is taken for the contents of blocks, which are wrapped
 * properly; an input that begins with the magic is taken for a whole file.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "lib/recording.h"
#include "lib/recording_format.h"
#include "tracer/analyse.h"
#include "tracer/json.h"
#include "tracer/print.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char meta[] =
	"{\"place\":\"vm\",\"devices\":[{\"role\":\"client\"}],"
	"\"domains\":[{\"domain\":1,\"name\":\"g\",\"vm\":1,\"tsc_offset\":\"5\"}]}";

static void put_block(FILE *f, uint64_t *sequence, uint16_t kind, const void *data, size_t size)
{
	struct block_header h = {.magic = BLOCK_MAGIC,
				 .kind = kind,
				 .stored = (uint32_t)size,
				 .raw = (uint32_t)size,
				 .sequence = (*sequence)++};

	h.crc = block_crc(&h, data);
	fwrite(&h, sizeof(h), 1, f);
	fwrite(data, size, 1, f);
}

/* Input: blocks {kind 1, size 2, content}. */
static void wrap(FILE *f, const uint8_t *data, size_t size)
{
	struct recording_header h = {.magic = RECORDING_MAGIC, .version = RECORDING_VERSION};
	uint64_t sequence = 0;

	fwrite(&h, sizeof(h), 1, f);
	put_block(f, &sequence, BLOCK_META, meta, sizeof(meta) - 1);
	while (size >= 3) {
		size_t n = data[1] | (size_t)data[2] << 8;
		uint16_t kind = BLOCK_META + data[0] % (BLOCK_KINDS - 1);

		data += 3;
		size -= 3;
		n = n < size ? n : size;
		put_block(f, &sequence, kind, data, n);
		data += n;
		size -= n;
	}
}

static void check_identity(const struct request *r)
{
	uint64_t sum = r->unattributed_ns[0] + r->unattributed_ns[1];

	for (int layer = 0; layer < LAYER_COUNT; layer++)
		sum += r->layer_ns[layer][0] + r->layer_ns[layer][1];
	if (r->measured && sum != r->end_to_end_ns)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct analyse_options options = {.requests_max = 20,
						.window = 64,
						.join = {.grace_ns = 1000,
							 .observations_max = 200,
							 .flow_max = 50,
							 .flows_max = 4,
							 .contexts_max = 16}};
	const struct json_options with_requests = {.requests = true};
	static FILE *null;
	struct model *m;
	char path[64];
	int fd = memfd_create("fuzz", 0);
	FILE *f = fdopen(fd, "w");

	if (!null)
		null = fopen("/dev/null", "w");
	if (size >= 8 && !memcmp(data, RECORDING_MAGIC, 8))
		fwrite(data, size, 1, f);
	else
		wrap(f, data, size);
	fflush(f);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!analyse(path, &options, &m)) {
		for (size_t i = 0; i < m->request_count; i++)
			check_identity(&m->requests[i]);
		print_report(m, null);
		json_report(m, &with_requests, null);
		model_free(m);
	}
	fclose(f);
	return 0;
}
