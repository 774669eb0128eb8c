/* Fuzz what results are read from: a document that anyone may have written. */
#include <stdint.h>
#include <stdlib.h>

#include "bench/suite/judge.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *document = json_loadb((const char *)data, size, 0, NULL);
	struct results all;

	if (!document)
		return 0;
	if (!results_read(&all, document, "it")) {
		for (size_t i = 0; i < all.count; i++) {
			const struct result *x = &all.of[i];

			if (!x->name || !x->unit || x->n > RESULT_SAMPLES_MAX || x->floor < 0)
				abort();
		}
		results_free(&all);
	}
	json_decref(document);
	return 0;
}
